import {
  type Adoption,
  type BatchHeader,
  type Bodies,
  countOf,
  emptyBodies,
  Outcome,
  type Ranges,
  type ResultInfo,
  sliceBodies,
} from "@pydist/protocol";
import { Batch, type Lease, type Parked, SETTLED } from "./batch.js";
import { type Capacity, capacityOf } from "./capacity.js";
import { Estimates } from "./estimate.js";
import {
  type Duty,
  type Patience,
  POOL,
  type ReceiverId,
  type SchedulerAction,
  type SchedulerConfig,
  type UpstreamId,
} from "./events.js";
import { type Begun, type OpenOffer, PATIENCE } from "./offer.js";
import type { Way } from "./placed.js";
import type { FairQueue } from "./queue.js";
import { Queues } from "./queues.js";
import { appendIndex } from "./ranges.js";
import { Receiver } from "./receiver.js";
import type { Owing, Upstream } from "./upstream.js";

/** News of tasks that stay open. */
type RangesReport = Extract<
  SchedulerAction["type"],
  "reportStarted" | "reportWaiting" | "reportSuspended" | "reportResumed"
>;

/** A suspended task of the pool that could go on. */
interface Ready {
  readonly lease: Lease;
  readonly index: number;
}

function nameOf(lease: Lease, index: number): string {
  return `${lease.id}/${index}`;
}

/** The pool holds what its node holds. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * Everything that a scheduler knows, and the elementary steps on it. Each step keeps all counters true, so policy
 * (`fill.ts`, `recall.ts`) and the transition function (`scheduler.ts`) never touch a counter themselves.
 */
export class State {
  readonly config: SchedulerConfig;
  readonly queues: Queues;
  readonly estimates = new Estimates();
  readonly upstreams = new Map<UpstreamId, Upstream>();
  readonly receivers = new Map<ReceiverId, Receiver>();
  readonly leases = new Map<number, Lease>();
  readonly clogged = new Set<UpstreamId>();
  readonly owing = new Map<UpstreamId, Owing>();
  /** In the order in which they became ready. */
  readonly ready = new Map<string, Ready>();
  readonly offers = new Map<number, OpenOffer>();
  /** Nodes below. */
  readonly ways = new Map<string, Way>();
  /** Nodes that are in no way below while tasks wait for them: how long these do. */
  readonly absent = new Map<string, number>();
  /** Whose turn it was last to be given a slot of the pool. */
  lastFrom: FairQueue | undefined;
  /** Receivers that are lost, while what they had begun waits for those that were below them. */
  readonly gone = new Set<Receiver>();
  readonly pool: Receiver;
  readonly patience: Patience;
  duty: Duty = "working";
  /** What was last said of a duty that is not to work. */
  told: "busy" | "drained" = "busy";
  out: SchedulerAction[] = [];
  #lastLease = 0;
  #lastOffer = 0;
  #capacity: Capacity | undefined;

  constructor(config: SchedulerConfig) {
    this.config = config;
    this.queues = new Queues(config.node);
    this.patience = config.patience ?? PATIENCE;
    this.pool = new Receiver(POOL, "pool", config.node, {
      slots: [config.slots],
      busyElsewhere: 0,
      window: NO_LIMIT,
      bytes: NO_LIMIT,
    });
    this.receivers.set(POOL, this.pool);
  }

  /** What may run anywhere. */
  get queue(): FairQueue {
    return this.queues.anywhere;
  }

  /** Slots that this node offers, its pool's and those of everything below, by depth. Asked at every event, so it is remembered. */
  get capacity(): Capacity {
    this.#capacity ??= capacityOf(this.duty === "leaving" ? [] : this.receivers.values(), this.config.hopLimit);
    return this.#capacity;
  }

  /** A receiver joined, left or told other slots, or this node has another duty. */
  capacityChanged(): void {
    this.#capacity = undefined;
  }

  batchOf(upstream: UpstreamId, lease: number): Batch | undefined {
    return this.upstreams.get(upstream)?.batches.get(lease);
  }

  /** A lease, if it is this receiver's: no peer can speak of another's tasks. */
  leaseOf(receiver: ReceiverId, id: number): Lease | undefined {
    const lease = this.leases.get(id);
    return lease?.receiver === receiver ? lease : undefined;
  }

  open(of: OpenOffer["of"], until: number): OpenOffer {
    const offer = { id: ++this.#lastOffer, of, until };
    this.offers.set(offer.id, offer);
    return offer;
  }

  /** Takes a batch into the queue. */
  accept(upstream: Upstream, lease: number, head: BatchHeader, bodies: Bodies): Batch {
    const batch = new Batch(upstream.id, lease, head, bodies);
    this.#hold(upstream, batch);
    if (batch.count > 0) this.queues.of(head).add(batch, 0, batch.count, "end");
    return batch;
  }

  /** What is handed on already is an upstream's from now on: whatever its credit, it may have that here. */
  takeOver(upstream: Upstream, lease: number, batch: Batch): void {
    batch.orphan = false;
    batch.upstream = upstream.id;
    batch.upstreamLease = lease;
    if (batch.open === 0) return;
    this.#hold(upstream, batch);
    upstream.highestWindow += batch.open;
    for (const id of new Set(batch.owner)) upstream.suspended += this.leases.get(id)?.suspended.size ?? 0;
    upstream.mostSuspended = Math.max(upstream.mostSuspended, upstream.suspended);
  }

  #hold(upstream: Upstream, batch: Batch): void {
    upstream.batches.set(batch.upstreamLease, batch);
    upstream.held += batch.open;
  }

  /** Hands a run that was just taken from the queue to a receiver, under a new lease. */
  lend(receiver: Receiver, batch: Batch, from: number, to: number, now: number): void {
    const lease = this.#leaseTo(receiver, batch, from, to, now);
    batch.owner.fill(lease.id, from, to);
    this.#give(receiver, batch, to - from);
    receiver.bytes += batch.bytesIn(from, to);
    this.#dispatch(receiver, lease, from);
  }

  /** Makes a lease of tasks that a receiver has begun already: of the run, only these. The caller has released them. */
  lendBegun(receiver: Receiver, batch: Batch, begun: Begun, now: number): void {
    const { from, to, indices, offer } = begun;
    const lease = this.#leaseTo(receiver, batch, from, to, now);
    lease.open = indices.length;
    const ranges: number[] = [];
    for (const index of indices) {
      batch.owner[index] = lease.id;
      lease.started.add(index);
      receiver.bytes += batch.bytesOf(index);
      appendIndex(ranges, index - from);
    }
    this.#give(receiver, batch, indices.length);
    receiver.bytes += to - from - 1; // As for any lease, the separators.
    this.#dispatch(receiver, lease, indices[0] as number, { offer, ranges });
  }

  #give(receiver: Receiver, { head: { node } }: Batch, count: number): void {
    receiver.add(count, node, node === undefined ? 0 : this.ways.get(node)?.slots);
  }

  #leaseTo(receiver: Receiver, batch: Batch, from: number, to: number, now: number): Lease {
    const lease: Lease = {
      id: ++this.#lastLease,
      batch,
      from,
      to,
      receiver: receiver.id,
      since: now,
      open: to - from,
      started: new Set(),
      suspended: new Set(),
      talking: new Set(),
    };
    this.leases.set(lease.id, lease);
    receiver.leases.set(lease.id, lease);
    receiver.lastSent = now;
    return lease;
  }

  /** @param first a task of the lease; they all have its history */
  #dispatch(receiver: Receiver, lease: Lease, first: number, adopts?: Adoption): void {
    const { id, batch, from, to } = lease;
    const step = receiver.kind === "child" ? 1 : 0;
    const losses = batch.lossesOf(first);
    const head: BatchHeader = {
      ...batch.head,
      first: batch.head.first + from,
      hops: batch.head.hops - step,
      travelled: batch.head.travelled + step,
      attempt: batch.attemptOf(first),
      ...(losses.length > 0 ? { losses } : {}),
    };
    this.out.push({
      type: "dispatch",
      receiver: receiver.id,
      lease: id,
      head,
      bodies: sliceBodies(batch.bodies, from, to),
      upstream: batch.upstream,
      ...(adopts === undefined ? {} : { adopts }),
    });
  }

  /** A task gives its slot back. It has begun, of course. */
  suspend(lease: Lease, index: number): void {
    lease.started.add(index);
    lease.suspended.add(index);
    const receiver = this.receivers.get(lease.receiver);
    if (receiver !== undefined) {
      if (lease.suspended.size === 1) receiver.paused++;
      receiver.setAside(lease.batch, index);
    }
    const upstream = this.upstreams.get(lease.batch.upstream);
    if (upstream === undefined) return;
    upstream.suspended++;
    upstream.mostSuspended = Math.max(upstream.mostSuspended, upstream.suspended);
  }

  /** It has a slot again, or needs none any more. @returns false if it was not suspended */
  resume(lease: Lease, index: number): boolean {
    if (!lease.suspended.delete(index)) return false;
    this.ready.delete(nameOf(lease, index));
    const receiver = this.receivers.get(lease.receiver);
    if (receiver !== undefined) {
      if (lease.suspended.size === 0) receiver.paused--;
      receiver.takeUp(lease.batch, index);
    }
    const upstream = this.upstreams.get(lease.batch.upstream);
    if (upstream !== undefined) upstream.suspended--;
    return true;
  }

  /** A suspended task waits in line for a slot from now on. */
  makeReady(lease: Lease, index: number): void {
    if (lease.suspended.has(index)) this.ready.set(nameOf(lease, index), { lease, index });
  }

  /** A receiver no longer owns a task; the caller decides at once who does. */
  release(lease: Lease, index: number): void {
    const receiver = this.receivers.get(lease.receiver);
    this.resume(lease, index);
    lease.open--;
    lease.started.delete(index);
    lease.talking.delete(index);
    if (receiver !== undefined) {
      receiver.add(-1, lease.batch.head.node);
      receiver.bytes -= lease.batch.bytesOf(index);
      if (lease.open === 0) {
        receiver.leases.delete(lease.id);
        receiver.bytes -= lease.to - lease.from - 1; // The separators between the bodies were lent too.
      }
    }
    if (lease.open === 0) this.leases.delete(lease.id);
  }

  /** A task leaves this scheduler for good; whoever calls also tells the upstream, unless it is gone. */
  settle(batch: Batch, index: number): void {
    batch.owner[index] = SETTLED;
    batch.unwanted.delete(index);
    batch.open--;
    const upstream = this.upstreams.get(batch.upstream);
    if (upstream === undefined) return;
    upstream.held--;
    if (batch.open === 0) upstream.batches.delete(batch.upstreamLease);
  }

  /** Settles the run `[from, from + count)` with these bodies. */
  report(batch: Batch, from: number, bodies: Bodies, info: ResultInfo): void {
    const count = countOf(bodies);
    for (let i = from; i < from + count; i++) this.settle(batch, i);
    const { upstream, upstreamLease: lease } = batch;
    this.tellOrigin(batch, { type: "report", upstream, lease, from, bodies, ...info });
  }

  /** To whoever handed the batch down. */
  tellOrigin(batch: Batch, news: Parked): void {
    batch.parked?.push(news);
    if (!batch.orphan) this.out.push(news);
  }

  reportCancelled(batch: Batch, from: number, to: number): void {
    const info = { node: this.config.node, hops: batch.head.travelled, attempt: batch.attemptOf(from) };
    this.report(batch, from, emptyBodies(to - from, Outcome.Cancelled), info);
  }

  /** Tells the upstream what became of tasks that stay open; nothing if there are none, or nobody to tell. */
  reportRanges(type: RangesReport, batch: Batch, ranges: Ranges): void {
    if (ranges.length === 0 || batch.orphan) return;
    this.out.push({ type, upstream: batch.upstream, lease: batch.upstreamLease, ranges });
  }

  /** Gives runs that are in no queue and under no lease back to their upstream. */
  giveBack(batch: Batch, from: number, to: number): void {
    for (let i = from; i < to; i++) this.settle(batch, i);
    if (batch.orphan) return;
    const { upstream, upstreamLease: lease } = batch;
    for (let start = from; start < to; ) {
      const history = batch.historyOf(start);
      let end = start + 1;
      while (end < to && batch.historyOf(end) === history) end++;
      this.out.push({ type: "giveBack", upstream, lease, ranges: [start, end], history });
      start = end;
    }
  }
}
