import { type Batch, QUEUED } from "./batch.js";
import { appendIndex } from "./ranges.js";
import type { State } from "./state.js";

/**
 * Tasks that were just released come back: to the upstream if it waits for some, else to the front of the queue.
 * Indices ascend. Of those that had begun, the upstream is told that they wait again.
 */
export function requeue(state: State, batch: Batch, indices: readonly number[], begun: ReadonlySet<number>): void {
  const runs: number[] = [];
  const waiting: number[] = [];
  for (const index of indices) {
    if (batch.orphan || batch.unwanted.has(index)) state.settle(batch, index);
    else if (batch.cancelled.has(index)) state.reportCancelled(batch, index, index + 1);
    else {
      batch.owner[index] = QUEUED;
      appendIndex(runs, index);
      if (begun.has(index)) appendIndex(waiting, index);
    }
  }
  state.reportRanges("reportWaiting", batch, waiting);
  // Only this way leads to the node that a task is for.
  const owing = batch.head.node === undefined ? state.owing.get(batch.upstream) : undefined;
  for (let r = runs.length - 2; r >= 0; r -= 2) {
    const from = runs[r] as number;
    let to = runs[r + 1] as number;
    if (owing !== undefined && owing.left > 0) {
      const cut = Math.max(from, to - owing.left);
      owing.left -= to - cut;
      state.giveBack(batch, cut, to);
      to = cut;
    }
    if (from < to) state.queues.of(batch.head).add(batch, from, to, "front");
  }
}
