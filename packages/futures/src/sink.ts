import {
  type Bodies,
  BodiesBuilder,
  CancelledError,
  type ChannelNote,
  encodeFailure,
  type Ranges,
  type ResultInfo,
  type Stop,
} from "@pydist/protocol";
import type { Way } from "./channel.js";
import type { KnownErrors } from "./decoding.js";

/** Makes the error of a task that will not settle by itself: one for each task. */
export type Ending = (task: "pending" | "running") => unknown;

/** Whoever waits for the tasks of one batch. Indices count from its first task. */
export interface Sink<R extends Route = Finding> {
  readonly count: number;
  /** A running task sends something by its channel. Without this, it is dropped. */
  heard?(index: number, note: ChannelNote, bodies: Bodies | undefined, way: Way): void;
  /** The batch is about to leave; from now on the route leads to its tasks. */
  sent(route: R): void;
  /** @param errors failures that were decoded already */
  report(from: number, bodies: Bodies, info: ResultInfo, errors?: KnownErrors): void;
  started(ranges: Ranges): void;
  /** Tasks that had begun have lost their node, or failed and run again: they wait. */
  waiting(ranges: Ranges): void;
  /** The tasks from `from` up to, not including, `to` that are not settled yet never will be; all, if not told. */
  abandon(ending: Ending, from?: number, to?: number): void;
  /** Cancels every task that has not begun. */
  cancel(): void;
}

/** A task that left, as the tree knows it. */
export interface SentTask {
  /** The batch that it is in by now, and which of its tasks it is. */
  readonly lease: number;
  readonly index: number;
  readonly name: string;
  readonly route: Route;
}

/** Leads to the tasks of a batch, wherever they are by now. */
export interface Route {
  /** Tasks that have not begun never will; with `stop`, those that have are stopped. */
  cancelAt(ranges: Ranges, stop?: Stop): void;
  /** As `cancelAt`, with the executor's own grace. */
  abortAt(ranges: Ranges, reason: unknown): void;
}

/** ... which can also be found. */
export interface Finding extends Route {
  find(index: number): SentTask;
}

/** What a task that was aborted settles with. */
export function abortedError(reason: unknown): CancelledError {
  return new CancelledError("The task was aborted.", reason === undefined ? undefined : { cause: reason });
}

/** How running tasks are stopped: their signals get the reason, and so many milliseconds later their threads end. */
export function stopWith(reason: unknown, grace: number): Stop {
  const builder = new BodiesBuilder();
  builder.add(encodeFailure(reason === undefined ? abortedError(undefined) : reason));
  return { grace: travelling(grace), reason: builder.build() };
}

/** JSON has no Infinity. */
export function travelling(milliseconds: number): number {
  return Math.min(milliseconds, Number.MAX_SAFE_INTEGER);
}
