import type { EventOf } from "./events.js";
import type { State } from "./state.js";

/*
 * Notes between a running task and its executor are led from link to link, as results are: by the lease that owns the
 * task. What names no task that is where it should be is dropped: the task is over, or on its way to run elsewhere.
 */

/** A note from a running task goes up to where the task came from. */
export function said(state: State, { receiver, lease: id, index: offset, call, note, bodies }: EventOf<"said">): void {
  const lease = state.leaseOf(receiver, id);
  if (lease === undefined) return;
  const { batch } = lease;
  const index = lease.from + offset;
  if (batch.owner[index] !== lease.id || batch.unwanted.has(index)) return;
  // Whoever speaks has begun. Were that not known, its loss would go unnoticed by whoever acts on what it said.
  if (!lease.started.has(index)) {
    lease.started.add(index);
    state.reportRanges("reportStarted", batch, [index, index + 1]);
  }
  // What is for people may get lost with a node; what others act on may not.
  if (note.kind !== "log" && note.kind !== "progress") lease.talking.add(index);
  const { upstream, upstreamLease } = batch;
  state.tellOrigin(batch, { type: "say", upstream, lease: upstreamLease, index, call, note, bodies });
}

/** A note for a running task goes down to whoever owns the task. */
export function told(state: State, { upstream, lease: name, index, call, note, bodies }: EventOf<"told">): void {
  const owner = state.batchOf(upstream, name)?.owner[index];
  const lease = owner === undefined ? undefined : state.leases.get(owner);
  if (lease === undefined) return;
  const offset = index - lease.from;
  state.out.push({ type: "tell", receiver: lease.receiver, lease: lease.id, index: offset, call, note, bodies });
}
