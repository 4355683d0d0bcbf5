import type { Future, FutureState, Missing } from "@pydist/futures";
import type { Loss } from "@pydist/protocol";
import type { Step } from "pydist-node";
import { textOf } from "./explanation-text.js";

/** What there is to say. */
export interface Findings {
  /** Absent for a task that is settled. */
  readonly task?: string;
  readonly future: Future<unknown>;
  readonly path?: readonly Step[];
  readonly waitsFor?: readonly Missing[];
}

/** Where the task of a future is, how it came there and what it waits for, at the time of asking. */
export class Explanation {
  /** The task's name; undefined once it is settled. */
  readonly task: string | undefined;
  readonly state: FutureState;
  /** From this executor down to where the task is; empty if it is settled or has not left. Times are in milliseconds. */
  readonly path: readonly Step[];
  /** Futures among its arguments that are not done; only then is the call made. */
  readonly waitsFor: readonly Missing[];
  /** Which attempt is next or under way, or settled the task; undefined if there was none yet. */
  readonly attempt: number | undefined;
  /** Attempts that the task has in all, if it is in the tree. */
  readonly attempts: number | undefined;
  /** The nodes that earlier attempts were lost with, and why. */
  readonly losses: readonly Loss[];
  /** All of it for people, in some lines. */
  readonly text: string;

  constructor({ task, future, path = [], waitsFor = [] }: Findings) {
    // Who is nearest to the task knows best what befell it.
    const tries = path.findLast((step) => "attempt" in step);
    this.task = task;
    this.state = future.state;
    this.path = path;
    this.waitsFor = waitsFor;
    this.attempt = tries?.attempt ?? future.attempts;
    this.attempts = tries?.attempts;
    this.losses = tries?.losses ?? [];
    this.text = textOf(this, future);
  }

  toString(): string {
    return this.text;
  }
}
