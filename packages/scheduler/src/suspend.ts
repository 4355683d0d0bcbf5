import { type EventOf, POOL } from "./events.js";
import { appendIndex, eachIndex } from "./ranges.js";
import type { State } from "./state.js";

/*
 * A task that waits for tasks of its own gives its slot back, or deep recursion would fill every slot with waiting and
 * stand still (design decision 14). While it is suspended it counts nowhere as work: not as a busy slot, not against
 * any credit, not as what a recall could fetch.
 */

export function suspended(state: State, { receiver, lease: id, ranges }: EventOf<"suspended">): void {
  const lease = state.leaseOf(receiver, id);
  if (lease === undefined) return;
  const { batch } = lease;
  const begun: number[] = [];
  const told: number[] = [];
  eachIndex(ranges, lease.to - lease.from, (offset) => {
    const index = lease.from + offset;
    if (batch.owner[index] !== lease.id || lease.suspended.has(index)) return;
    if (!lease.started.has(index)) appendIndex(begun, index);
    state.suspend(lease, index);
    appendIndex(told, index);
  });
  state.reportRanges("reportStarted", batch, begun);
  state.reportRanges("reportSuspended", batch, told);
}

/** Further down they have slots again. The child may hold more than its credit by that, until some are done. */
export function resumed(state: State, { receiver, lease: id, ranges }: EventOf<"resumed">): void {
  const lease = state.leaseOf(receiver, id);
  if (lease === undefined) return;
  const told: number[] = [];
  eachIndex(ranges, lease.to - lease.from, (offset) => {
    if (state.resume(lease, lease.from + offset)) appendIndex(told, lease.from + offset);
  });
  state.reportRanges("reportResumed", lease.batch, told);
}

/** What a task of the pool waited for is there. */
export function ready(state: State, { lease: id, index: offset }: EventOf<"ready">): void {
  const lease = state.leaseOf(POOL, id);
  if (lease !== undefined) state.makeReady(lease, lease.from + offset);
}

/** Tasks that are ready to go on get idle slots before any that has not begun: that ends work, and frees its memory. */
export function resumeReady(state: State): void {
  for (const { lease, index } of state.ready.values()) {
    // Not those that it offers: what has begun on a node that is drained ends there.
    if (state.pool.running >= state.config.slots) return;
    state.resume(lease, index);
    state.out.push({ type: "resumeAt", lease: lease.id, index: index - lease.from });
    state.reportRanges("reportResumed", lease.batch, [index, index + 1]);
  }
}
