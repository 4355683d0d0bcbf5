import { type Bodies, CancelledError, countOf, Outcome, outcomeAt, type ResultInfo } from "@pydist/protocol";
import type { Sent } from "./sent.js";
import type { Ending, Sink } from "./sink.js";

/** What a settled task is told by, when somebody listens. */
export interface TaskSettled {
  readonly name: string;
  readonly node: string;
  readonly outcome: "finished" | "failed" | "cancelled";
  /** Milliseconds. */
  readonly duration: number;
}

type Listener = (task: TaskSettled) => void;

/** Tells of each task of a batch that is settled now. `from` is the index of the first. */
export function tellSettled(
  listener: Listener | undefined,
  sent: Sent,
  from: number,
  bodies: Bodies,
  { node }: ResultInfo,
): void {
  if (listener === undefined) return;
  const { name } = sent.head;
  for (let i = 0; i < countOf(bodies); i++) {
    const flags = outcomeAt(bodies, i);
    // Whoever aborted a task asked for nothing else, whatever came of it.
    const cancelled = flags & Outcome.Cancelled || sent.aborted(from + i);
    const outcome = cancelled ? "cancelled" : flags & Outcome.Failed ? "failed" : "finished";
    listener({ name, node, outcome, duration: bodies.times?.[i] ?? 0 });
  }
}

/** Abandons what the sink waits for. @returns what becomes of its tasks, as far as it asked */
export function abandonWith(sink: Sink, ending: Ending): ("failed" | "cancelled")[] {
  const outcomes: ("failed" | "cancelled")[] = [];
  sink.abandon((task) => {
    const error = ending(task);
    outcomes.push(error instanceof CancelledError ? "cancelled" : "failed");
    return error;
  });
  return outcomes;
}

/**
 * Tells of tasks of a batch that were ended from here. Those whose outcome is not known had been cancelled, or nobody here
 * waits for them.
 */
export function tellEnded(
  listener: Listener | undefined,
  name: string,
  node: string,
  count: number,
  outcomes: readonly ("failed" | "cancelled")[],
): void {
  for (let i = 0; i < count; i++) listener?.({ name, node, outcome: outcomes[i] ?? "cancelled", duration: 0 });
}
