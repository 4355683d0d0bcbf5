import { goesOn, QUEUED } from "./batch.js";
import { stopUnwanted } from "./cancel.js";
import type { EventOf } from "./events.js";
import { keep } from "./rejoin.js";
import type { State } from "./state.js";

/**
 * The upstream is gone, and nobody wants the results any more: what waits is forgotten, what was handed on is cancelled,
 * and stopped where it runs, for a task that never ends would keep its slot for ever. Only what a parent's tasks have begun
 * goes on, for those above the parent.
 */
export function abandon(state: State, { upstream: id, role }: EventOf<"upstreamLost">, now: number): void {
  const upstream = state.upstreams.get(id);
  if (upstream === undefined) return;
  state.queues.drop(id);
  state.clogged.delete(id);
  state.owing.delete(id);
  for (const batch of new Set([...upstream.batches.values(), ...upstream.away])) {
    batch.orphan = true;
    const over: number[] = [];
    for (const index of batch.owner.keys()) {
      const lease = state.leases.get(batch.owner[index] as number);
      if (batch.owner[index] === QUEUED) state.settle(batch, index);
      else if (role !== "parent" || lease === undefined || !goesOn(lease, index)) over.push(index);
    }
    stopUnwanted(state, batch, over);
    if (batch.unwanted.size < batch.open || batch.parked !== undefined) keep(state, batch, now);
  }
  state.upstreams.delete(id);
}
