import { CancelledError } from "@pydist/protocol";
import { appendIndex } from "@pydist/scheduler";
import { faultOf, overtimeOf, type Site } from "./faults.js";
import { clock, Guilt, Mark } from "./messages.js";
import type { Run } from "./run.js";
import type { Thread } from "./thread.js";

/** Whether a run that was on a thread when it ended can have ended it. */
export type Standing = "suspect" | "innocent";

/**
 * Who ended a thread is known if one of its tasks was to be stopped, or called process.exit(). Otherwise it was one of those
 * that ran and did not wait.
 */
export function standingOf(run: Run, thread: Thread, runs: ReadonlyMap<number, Run>): Standing {
  for (const lease of [...thread.active, ...thread.suspended]) {
    const shared = runs.get(lease)?.shared;
    if (shared !== undefined && (shared.guilt[0] !== Guilt.None || shared.marks.includes(Mark.Killed)))
      thread.culprits.add(lease);
  }
  if (thread.culprits.size > 0) return thread.culprits.has(run.lease) ? "suspect" : "innocent";
  return run.state === "running" ? "suspect" : "innocent";
}

/** How long a task had run, in milliseconds; 0 where nobody watched its time. */
export function ranFor(run: Run): number {
  const began = run.shared.began[0] as number;
  return began === 0 ? 0 : clock() - began;
}

/** What becomes of the tasks of a run whose thread ended. */
export interface Findings {
  /** How many had begun. */
  readonly begun: number;
  readonly failures: [index: number, error: Error][];
  /** Ranges of those that run again. */
  readonly again: number[];
}

export function examine(run: Run, standing: Standing, error: unknown, place: Site): Findings {
  const again: number[] = [];
  const failures: [index: number, error: Error][] = [];
  let begun = 0;
  for (let i = 0; i < run.told.length; i++) {
    if (run.told[i] === 1) continue;
    const waited = run.shared.change(i, Mark.Recalled, Mark.Waiting);
    // Wherever it were tried again, its code would end that thread, too.
    const doomed = waited && run.shared.guilt[0] === Guilt.Code;
    if (!waited) begun++;
    const failure = doomed ? faultOf(run.head.name, place, error) : failureOf(run, i, standing, error, place);
    if (failure === undefined) appendIndex(again, i);
    else failures.push([i, failure]);
  }
  return { begun, failures, again };
}

/** What a task fails with; undefined if it was not to blame. */
function failureOf(run: Run, index: number, standing: Standing, error: unknown, place: Site): Error | undefined {
  const { name, timeout = 0 } = run.head;
  const { node } = place;
  switch (run.shared.marks[index]) {
    case Mark.Killed:
      if (run.overweight !== undefined) return run.overweight;
      return run.stopping?.why === "overtime"
        ? overtimeOf(name, node, timeout)
        : new CancelledError(`Task "${name}" was aborted while it ran on node ${node}, and its thread was ended.`);
    case Mark.Started:
    case Mark.Stopping:
      return standing === "innocent" ? undefined : faultOf(name, place, error);
    default:
      return undefined;
  }
}
