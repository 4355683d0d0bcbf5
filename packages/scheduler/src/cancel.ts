import { CancelledError, encodeFailure, repeatBody, type Stop } from "@pydist/protocol";
import { type Batch, type Lease, QUEUED, SETTLED } from "./batch.js";
import type { EventOf, UpstreamId } from "./events.js";
import { appendIndex, eachIndex } from "./ranges.js";
import type { State } from "./state.js";

/** What waits here is settled at once; whoever owns the others is told, and settles them. */
export function cancel(state: State, { upstream, lease, ranges, stop }: EventOf<"cancel">): void {
  const batch = state.batchOf(upstream, lease);
  if (batch === undefined) return;
  const leased: number[] = [];
  const waiting: number[] = [];
  eachIndex(ranges, batch.count, (index) => {
    const owner = batch.owner[index];
    if (owner === undefined || owner === SETTLED) return;
    if (owner === QUEUED) {
      state.queue.remove(batch);
      appendIndex(waiting, index);
    } else {
      batch.cancelled.add(index);
      leased.push(index);
    }
  });
  for (let r = 0; r < waiting.length; r += 2) {
    state.reportCancelled(batch, waiting[r] as number, waiting[r + 1] as number);
  }
  cancelLeased(state, batch, leased, stop);
}

/**
 * The upstream is gone, and nobody wants the results any more: what waits is forgotten, what was handed on is cancelled,
 * and stopped where it runs, for a task that never ends would keep its slot for ever.
 */
export function abandon(state: State, id: UpstreamId): void {
  const upstream = state.upstreams.get(id);
  if (upstream === undefined) return;
  state.queue.drop(id);
  state.clogged.delete(id);
  state.owing.delete(id);
  const reason = upstream.batches.size === 0 ? undefined : unwanted(state.config.node);
  for (const batch of upstream.batches.values()) {
    batch.orphan = true;
    const indices = Array.from(batch.owner.keys());
    for (const index of indices) if (batch.owner[index] === QUEUED) state.settle(batch, index);
    cancelLeased(state, batch, indices, reason && { grace: batch.head.grace, reason });
  }
  state.upstreams.delete(id);
}

function unwanted(node: string): Stop["reason"] {
  const error = new CancelledError(
    `The task was stopped on node ${node}: the executor or node that submitted the task is gone, ` +
      `so nobody waits for its result.`,
  );
  return repeatBody(encodeFailure(error), 1, 0);
}

/** Tells whoever owns them that these tasks are unwanted; tasks without a lease are passed over. */
function cancelLeased(state: State, batch: Batch, indices: readonly number[], stop: Stop | undefined): void {
  const byLease = new Map<Lease, number[]>();
  for (const index of indices) {
    const lease = state.leases.get(batch.owner[index] as number);
    if (lease === undefined) continue;
    const ranges = byLease.get(lease) ?? [];
    if (ranges.length === 0) byLease.set(lease, ranges);
    appendIndex(ranges, index - lease.from);
  }
  for (const [lease, ranges] of byLease) {
    const action = { type: "cancelAt", receiver: lease.receiver, lease: lease.id, ranges } as const;
    state.out.push(stop === undefined ? action : { ...action, stop });
  }
}
