import type { BatchHeader, Bodies, Credit, DownNote, Ranges, ResultInfo, Stop, UpNote } from "@pydist/protocol";

import type { Content } from "./contents.js";

/** What comes back to whoever submitted. Leases are the submitter's own numbers; ranges count from the batch's first task. */
export interface Submitter {
  report(lease: number, from: number, bodies: Bodies, info: ResultInfo): void;
  started(lease: number, ranges: Ranges): void;
  /** Tasks that had begun have lost their node or thread and wait again. */
  waiting(lease: number, ranges: Ranges): void;
  granted(credit: Credit): void;
  /** A running task says something to its executor. `call` names the one execution of the task that says it. */
  said(lease: number, index: number, call: string, note: UpNote, bodies: Bodies | undefined): void;
}

/** Where batches of tasks go: the engine of this process or, inside a task, the way to the executor that owns the task. */
export interface Port {
  /** Id of the executor that the tasks belong to. */
  readonly executor: string;
  /** Levels of tasks above those that are submitted here: 0 for a program's own. */
  readonly depth: number;
  /** Tasks that went in here and that nobody has taken over yet. */
  readonly queued: number;
  attach(submitter: Submitter): void;
  /** Keeps what tasks are about to name by its hash, until it is let go as often as it was kept. */
  keep(content: Content): void;
  /** Tasks that named it are settled. */
  letGo(hash: string): void;
  submit(lease: number, head: BatchHeader, bodies: Bodies, cancelled?: Ranges): void;
  /** Tasks that have not begun never will; with `stop`, those that have are stopped. */
  cancel(lease: number, ranges: Ranges, stop?: Stop): void;
  /** To a running task of this port's executor, which has submitted tasks of its own; one that is over hears nothing. */
  tell(lease: number, index: number, call: string, note: DownNote, bodies: Bodies | undefined): void;
}
