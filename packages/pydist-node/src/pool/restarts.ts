import { BrokenExecutorError } from "@pydist/protocol";
import { appendIndex, eachIndex } from "@pydist/scheduler";
import { Lru } from "@pydist/shipping/runtime";
import { Mark } from "./messages.js";
import type { Run } from "./run.js";

/** How often a task that had begun runs anew here because others ended its thread. */
const MOST_RESTARTS = 5;
/** Most tasks whose restarts are remembered. */
const MOST_TASKS = 10_000;

/**
 * Counts how often tasks lose their thread to their neighbours. It is nobody's attempt, but must not go on for ever: a task
 * whose own tasks end the thread that they share with it would begin, submit and be lost again and again.
 */
export class Restarts {
  /** By the task's identity, which stays when it runs anew. */
  readonly #counts = new Lru<string, number>(MOST_TASKS);

  /** Takes those that have had enough out of the tasks that are to run again. @returns what they fail with */
  tooMany(run: Run, again: number[], node: string): [index: number, error: Error][] {
    const failures: [index: number, error: Error][] = [];
    eachIndex(again.splice(0), run.told.length, (index) => {
      const mark = run.shared.marks[index];
      if (mark === Mark.Recalled || this.#count(run, index) <= MOST_RESTARTS) appendIndex(again, index);
      else failures.push([index, this.#error(run, node)]);
    });
    return failures;
  }

  #count({ head }: Run, index: number): number {
    const key = `${head.executor} ${head.batch} ${head.first + index}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }

  #error({ head }: Run, node: string): Error {
    return new BrokenExecutorError(
      `Task "${head.name}" lost its thread on node ${node} ${MOST_RESTARTS + 1} times to other tasks there, perhaps its ` +
        `own. Look for tasks that exit, use up memory or have to be stopped.`,
    );
  }
}
