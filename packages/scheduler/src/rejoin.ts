import { countOf, type Offer, type Ranges, sliceBodies } from "@pydist/protocol";
import { type Batch, type Parked, SETTLED } from "./batch.js";
import { stopUnwanted } from "./cancel.js";
import type { EventOf, UpstreamId } from "./events.js";
import { loseBegun } from "./loss.js";
import type { OpenOffer } from "./offer.js";
import { appendIndex, indicesIn } from "./ranges.js";
import type { State } from "./state.js";
import type { Upstream } from "./upstream.js";

/*
 * The parent is gone, but those above it may still want what was begun (decision 25): that goes on without anybody to tell,
 * and is offered to every upstream that joins.
 */

export function keep(state: State, batch: Batch, now: number): void {
  batch.parked ??= [];
  state.open({ kind: "orphans", batch }, now + state.patience.forParent);
}

/** The link to a parent broke. It may come back, and bring what is sent meanwhile; otherwise that is lost. */
export function goAway(state: State, id: UpstreamId): void {
  const upstream = state.upstreams.get(id);
  if (upstream === undefined) return;
  upstream.away = [...new Set([...upstream.away, ...upstream.batches.values()])];
  for (const batch of upstream.away) batch.parked ??= [];
}

export function comeBack(state: State, id: UpstreamId): void {
  const upstream = state.upstreams.get(id);
  for (const batch of upstream?.away ?? []) batch.parked = undefined;
  if (upstream !== undefined) upstream.away = [];
}

/** An upstream joined. */
export function offerAll(state: State, upstream: UpstreamId, now: number): void {
  for (const offer of [...state.offers.values()]) offerTo(state, offer, upstream, now);
}

export function offerTo(state: State, offer: OpenOffer, upstream: UpstreamId, now: number): void {
  const terms = offer.of.kind === "passed" ? offer.of.offer : termsOf(state, offer.of.batch);
  if (terms.ranges.length === 0) return refused(state, offer);
  offer.until = Math.max(offer.until, now + state.patience.forAnswer);
  state.out.push({ type: "offer", upstream, ...terms, offer: offer.id });
}

function termsOf(state: State, batch: Batch): Omit<Offer, "offer"> {
  const { executor, batch: number, code, first } = batch.head;
  const finished = reportedIn(batch.parked ?? []);
  const ranges: number[] = [];
  for (let index = 0; index < batch.count; index++) {
    // The parent may have had it cancelled because it was cut off itself; those above still want it, and not that end of it.
    if (batch.cancelled.has(index)) continue;
    const lease = state.leases.get(batch.owner[index] as number);
    const goes = lease?.started.has(index) === true && !batch.unwanted.has(index);
    if (goes || finished.has(index)) appendIndex(ranges, index);
  }
  return { executor, batch: number, code, first, count: batch.count, ranges };
}

function reportedIn(parked: readonly Parked[]): Set<number> {
  const indices = new Set<number>();
  for (const news of parked) {
    if (news.type === "say") continue;
    for (let i = 0; i < countOf(news.bodies); i++) indices.add(news.from + i);
  }
  return indices;
}

export function declined(state: State, { offer: id }: Pick<EventOf<"declined">, "offer">): void {
  const offer = state.offers.get(id);
  if (offer !== undefined) refused(state, offer);
}

/** Nobody above wants it, or has said so in time. */
export function refused(state: State, { id, of }: OpenOffer): void {
  state.offers.delete(id);
  if (of.kind === "passed") {
    state.out.push({ type: "decline", receiver: of.receiver, offer: of.offer.offer });
    return;
  }
  of.batch.parked = undefined;
  stopUnwanted(state, of.batch, [...of.batch.owner.keys()]);
}

/** An upstream wants these tasks of an orphan: they are its own from now on, and it hears what came of them meanwhile. */
export function goOn(
  state: State,
  upstream: Upstream,
  { lease, head }: EventOf<"accept">,
  batch: Batch,
  ranges: Ranges,
): void {
  const wanted = new Set(indicesIn(ranges, batch.count));
  const parked = batch.parked ?? [];
  batch.parked = undefined;
  const indices = [...batch.owner.keys()];
  stopUnwanted(
    state,
    batch,
    indices.filter((index) => !wanted.has(index)),
  );
  const finished = reportedIn(parked);
  const lost = indices.filter((i) => wanted.has(i) && batch.owner[i] === SETTLED && !finished.has(i));
  batch.reopen(lost);
  state.takeOver(upstream, lease, batch);
  batch.inherit(head, wanted);
  for (const news of parked)
    for (const part of partsFor(news, wanted)) {
      state.out.push({ ...part, upstream: upstream.id, lease });
    }
  tellStanding(state, batch, wanted);
  loseBegun(state, batch, lost, { node: state.config.node, cause: "lost while its parent was gone" });
}

/** Of a report, only those that are wanted. */
function partsFor(news: Parked, wanted: ReadonlySet<number>): Parked[] {
  if (news.type === "say") return wanted.has(news.index) ? [news] : [];
  const runs: number[] = [];
  for (let i = 0; i < countOf(news.bodies); i++) if (wanted.has(news.from + i)) appendIndex(runs, i);
  const parts: Parked[] = [];
  for (let r = 0; r < runs.length; r += 2) {
    const [from, to] = [runs[r] as number, runs[r + 1] as number];
    parts.push({ ...news, from: news.from + from, bodies: sliceBodies(news.bodies, from, to) });
  }
  return parts;
}

/** The upstream takes them all for running. */
function tellStanding(state: State, batch: Batch, wanted: ReadonlySet<number>): void {
  const waiting: number[] = [];
  const suspended: number[] = [];
  for (let index = 0; index < batch.count; index++) {
    const lease = wanted.has(index) ? state.leases.get(batch.owner[index] as number) : undefined;
    if (lease === undefined) continue;
    if (!lease.started.has(index)) appendIndex(waiting, index);
    if (lease.suspended.has(index)) appendIndex(suspended, index);
  }
  state.reportRanges("reportWaiting", batch, waiting);
  state.reportRanges("reportSuspended", batch, suspended);
}
