import type { Receiver } from "./receiver.js";

/** Slots of this node, of its children, of theirs ..., as deep as its hop limit lets tasks travel. */
export interface Capacity {
  readonly byDepth: readonly number[];
  readonly total: number;
  /** Those whose tasks may be on slots that are not among these: drained, about to leave, or lost. */
  readonly retiring: readonly Receiver[];
}

export function capacityOf(receivers: Iterable<Receiver>, hopLimit: number): Capacity {
  const byDepth: number[] = [];
  const retiring: Receiver[] = [];
  let total = 0;
  for (const receiver of receivers) {
    const step = receiver.kind === "child" ? 1 : 0;
    if (receiver.retires) retiring.push(receiver);
    receiver.credit.slots.forEach((slots, depth) => {
      if (depth + step > hopLimit) return;
      while (byDepth.length <= depth + step) byDepth.push(0);
      byDepth[depth + step] = (byDepth[depth + step] as number) + slots;
      total += slots;
    });
  }
  return { byDepth, total, retiring };
}
