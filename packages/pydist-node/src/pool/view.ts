import { clock, Mark } from "./messages.js";
import type { Run } from "./run.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";

/** Where a task is that was given to a pool. `for` is in milliseconds, `thread` is Node's number of it. */
export type Place =
  /** What it needs to run is on its way here. */
  | { readonly is: "fetching"; readonly what: "code" | "files"; readonly for: number }
  /** Its thread has it, but has begun nothing of its run: it loads the code or the initializer, or runs those `others`. */
  | { readonly is: "loading"; readonly for: number; readonly thread: number | undefined; readonly others: number }
  /** Its turn comes after so many tasks of its run. */
  | { readonly is: "next"; readonly after: number; readonly for: number; readonly thread: number | undefined }
  /** Suspended: it waits for tasks of its own. Ready: it could go on, and waits for a slot. */
  | {
      readonly is: "running" | "stopping" | "suspended" | "ready";
      readonly for: number;
      readonly thread: number | undefined;
    }
  /** It is done with here, and the news is on its way up. */
  | { readonly is: "over" };

const OVER: Place = { is: "over" };

export function placeOf(run: Run | undefined, index: number): Place {
  if (run === undefined || run.told[index] !== 0) return OVER;
  const { shared, thread } = run;
  const mark = shared.marks[index];
  const waited = Math.round(clock() - run.since);
  if (mark === Mark.Started || mark === Mark.Stopping) {
    const state = run.sleeper === index ? run.state : "running";
    const is = mark === Mark.Stopping ? "stopping" : state;
    return { is, for: Math.round(run.ranFor(index)), thread: thread?.number };
  }
  if (mark !== Mark.Waiting) return OVER;
  if (thread === undefined) return { is: "fetching", what: "code", for: waited };
  if (run.fetching) return { is: "fetching", what: "files", for: waited };
  const begun = shared.marks.findLastIndex((each) => each !== Mark.Waiting && each !== Mark.Recalled);
  if (begun < 0) return { is: "loading", for: waited, thread: thread.number, others: thread.load - 1 };
  return { is: "next", after: index - begun, for: waited, thread: thread.number };
}

/** What each thread has to do, and what waits for its code: no arguments, no results. */
export function dumpOf(threads: Threads, runs: ReadonlyMap<number, Run>) {
  return {
    threads: threads.all.map(({ use, thread }) => ({ use, thread: thread.number, runs: runsOn(thread, runs) })),
    fetchingCode: [...runs.values()].filter(({ thread }) => thread === undefined).map(runOf),
  };
}

function runsOn(thread: Thread, runs: ReadonlyMap<number, Run>) {
  return [...thread.active, ...thread.suspended].flatMap((lease) => {
    const run = runs.get(lease);
    return run === undefined ? [] : [runOf(run)];
  });
}

function runOf(run: Run) {
  const { lease, head, shared, told } = run;
  const index = shared.running;
  return {
    lease,
    task: head.name,
    executor: head.executor,
    tasks: told.length,
    waiting: run.countWaiting(),
    /** Which of them runs; and how that is, or else the first that is left. */
    index,
    ...placeOf(run, index ?? told.indexOf(0)),
  };
}
