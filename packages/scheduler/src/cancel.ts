import { CancelledError, encodeFailure, repeatBody, type Stop } from "@pydist/protocol";
import { type Batch, type Lease, QUEUED, SETTLED } from "./batch.js";
import type { EventOf } from "./events.js";
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
    const lease = state.leases.get(owner);
    if (owner === QUEUED) {
      state.queues.of(batch.head).remove(batch);
      appendIndex(waiting, index);
    } else if (lease !== undefined && isGone(state, lease)) {
      state.release(lease, index);
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

/** Nobody wants these tasks any more, wherever they are; tasks without a lease are passed over. */
export function stopUnwanted(state: State, batch: Batch, indices: readonly number[]): void {
  const leased = indices.filter(
    (index) => state.leases.has(batch.owner[index] as number) && !batch.unwanted.has(index),
  );
  if (leased.length === 0) return;
  for (const index of leased) batch.unwanted.add(index);
  cancelLeased(state, batch, leased, { grace: batch.head.grace, reason: unwanted(state.config.node) });
}

function isGone(state: State, { receiver }: Lease): boolean {
  return state.receivers.get(receiver)?.gone !== undefined;
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
    if (lease === undefined || isGone(state, lease)) continue;
    const ranges = byLease.get(lease) ?? [];
    if (ranges.length === 0) byLease.set(lease, ranges);
    appendIndex(ranges, index - lease.from);
  }
  for (const [lease, ranges] of byLease) {
    const action = { type: "cancelAt", receiver: lease.receiver, lease: lease.id, ranges } as const;
    state.out.push(stop === undefined ? action : { ...action, stop });
  }
}
