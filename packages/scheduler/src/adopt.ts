import type { Offer } from "@pydist/protocol";
import { Batch, QUEUED } from "./batch.js";
import type { EventOf } from "./events.js";
import { loseBegun } from "./loss.js";
import { appendIndex, eachIndex, indicesIn } from "./ranges.js";
import type { Receiver } from "./receiver.js";
import { goOn, offerTo } from "./rejoin.js";
import type { State } from "./state.js";
import type { Upstream } from "./upstream.js";

/**
 * A receiver has begun tasks under a parent that is gone. What waits here, or was kept for it, is its own from now on; what
 * nobody here knows may be known above.
 */
export function offered(state: State, { type: _, receiver: id, ...offer }: EventOf<"offered">, now: number): void {
  const receiver = state.receivers.get(id);
  if (receiver === undefined || receiver.gone !== undefined) return;
  const known = batchesOf(state, offer);
  if (known.some((batch) => adopt(state, receiver, batch, offer, now))) return;
  if (known.length > 0 || offer.executor === state.config.node) {
    state.out.push({ type: "decline", receiver: id, offer: offer.offer });
    return;
  }
  const passed = state.open({ kind: "passed", receiver: id, offer }, now + state.patience.forAnswer);
  for (const upstream of state.upstreams.values()) if (!upstream.own) offerTo(state, passed, upstream.id, now);
}

/** Those that hold tasks of the offer, orphans that are offered themselves included. */
function batchesOf(state: State, offer: Offer): Batch[] {
  const known: Batch[] = [];
  for (const { batches } of state.upstreams.values()) {
    for (const batch of batches.values()) if (holds(batch, offer)) known.push(batch);
  }
  for (const { of } of state.offers.values()) if (of.kind === "orphans" && holds(of.batch, offer)) known.push(of.batch);
  return known;
}

function holds({ head, count }: Batch, offer: Offer): boolean {
  if (head.executor !== offer.executor || head.batch !== offer.batch || head.code !== offer.code) return false;
  return head.first <= offer.first && offer.first + offer.count <= head.first + count;
}

/** @returns false if none of it is to be had */
function adopt(state: State, receiver: Receiver, batch: Batch, offer: Offer, now: number): boolean {
  if (!mayTravelTo(receiver, batch)) return false;
  const from = offer.first - batch.head.first;
  const indices: number[] = [];
  eachIndex(offer.ranges, offer.count, (offset) => {
    const index = from + offset;
    if (!isFree(state, batch, index)) return;
    // They travel under one header.
    if (indices.length > 0 && batch.historyOf(index) !== batch.historyOf(indices[0] as number)) return;
    indices.push(index);
  });
  if (indices.length === 0) return false;
  const begun: number[] = [];
  for (const index of indices) {
    const lease = state.leases.get(batch.owner[index] as number);
    if (lease !== undefined) state.release(lease, index);
    else {
      state.queues.of(batch.head).pull(batch, index);
      appendIndex(begun, index);
    }
  }
  state.lendBegun(receiver, batch, { from, to: from + offer.count, indices, offer: offer.offer }, now);
  state.reportRanges("reportStarted", batch, begun);
  return true;
}

/** It waits, or was lost with a child below which it may have gone on. */
function isFree(state: State, batch: Batch, index: number): boolean {
  const owner = batch.owner[index] as number;
  if (owner === QUEUED) return true;
  const lease = state.leases.get(owner);
  return lease !== undefined && state.receivers.get(lease.receiver)?.gone !== undefined;
}

function mayTravelTo({ kind }: Receiver, { head }: Batch): boolean {
  return kind !== "child" || head.hops > 0;
}

/** An upstream wants what was offered to it, here or from below. */
export function adopted(state: State, upstream: Upstream, event: EventOf<"accept">, now: number): void {
  const { lease, head, bodies, adopts } = event;
  if (adopts === undefined) return;
  const of = state.offers.get(adopts.offer)?.of;
  state.offers.delete(adopts.offer);
  if (of?.kind === "orphans") return goOn(state, upstream, event, of.batch, adopts.ranges);
  const batch = new Batch(upstream.id, lease, head, bodies);
  const indices = indicesIn(adopts.ranges, batch.count);
  batch.restrictTo(indices);
  state.takeOver(upstream, lease, batch);
  const receiver = of === undefined ? undefined : state.receivers.get(of.receiver);
  if (of !== undefined && receiver !== undefined && indices.length > 0 && mayTravelTo(receiver, batch)) {
    state.lendBegun(receiver, batch, { from: 0, to: batch.count, indices, offer: of.offer.offer }, now);
    return;
  }
  if (of !== undefined) state.out.push({ type: "decline", receiver: of.receiver, offer: of.offer.offer });
  // It was stopped meanwhile, and has to begin again.
  loseBegun(state, batch, indices, {
    node: receiver?.node ?? state.config.node,
    cause: "lost while its parent was gone",
  });
}
