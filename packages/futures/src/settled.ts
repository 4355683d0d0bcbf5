import { type Bodies, countOf, Outcome, outcomeAt, type ResultInfo } from "@pydist/protocol";
import type { Sent } from "./sent.js";

/** What a settled task is told by, when somebody listens. */
export interface TaskSettled {
  readonly name: string;
  readonly node: string;
  readonly outcome: "finished" | "failed" | "cancelled";
  /** Milliseconds. */
  readonly duration: number;
}

/** Tells of each task of a batch that is settled now. `from` is the index of the first. */
export function tellSettled(
  listener: (task: TaskSettled) => void,
  sent: Sent,
  from: number,
  bodies: Bodies,
  { node }: ResultInfo,
): void {
  const { name } = sent.head;
  for (let i = 0; i < countOf(bodies); i++) {
    const flags = outcomeAt(bodies, i);
    // Whoever aborted a task asked for nothing else, whatever came of it.
    const cancelled = flags & Outcome.Cancelled || sent.aborted(from + i);
    const outcome = cancelled ? "cancelled" : flags & Outcome.Failed ? "failed" : "finished";
    listener({ name, node, outcome, duration: bodies.times?.[i] ?? 0 });
  }
}
