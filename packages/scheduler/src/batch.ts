import { type BatchHeader, type Bodies, byteLengthOf, countOf, type History, type Loss } from "@pydist/protocol";
import type { ReceiverId, SchedulerAction, UpstreamId } from "./events.js";

/** Owner of a task that waits in the queue. Any other number, but `SETTLED`, is the id of the lease that owns it. */
export const QUEUED = 0;
/** Owner of a task whose result was reported, or that was given back: it is none of this scheduler's business any more. */
export const SETTLED = 0xffffffff;

/** News that end nowhere else than at who submitted. */
export type Parked = Extract<SchedulerAction, { readonly type: "report" | "say" }>;

/** A run of tasks as an upstream handed it over. Every task has exactly one owner (invariant I2), kept in `owner`. */
export class Batch {
  upstream: UpstreamId;
  upstreamLease: number;
  readonly head: BatchHeader;
  readonly bodies: Bodies;
  readonly count: number;
  readonly owner: Uint32Array;
  /** Tasks that are neither reported nor given back. At 0 the batch is forgotten. */
  open: number;
  /** Tasks that the upstream cancelled while they were leased: lost, they are not run again. */
  readonly cancelled = new Set<number>();
  /** True once a queued task was taken out of the middle, so that runs must be looked at task by task. */
  holes = false;
  /** The upstream is gone: results go nowhere. */
  orphan = false;
  /** What may never have arrived above, for whoever takes the upstream's place, if anybody does. */
  parked: Parked[] | undefined;
  /** Handed on tasks that nobody wants any more: whatever comes of them is dropped. */
  readonly unwanted = new Set<number>();
  #histories: Map<number, History> | undefined;
  /** Each task's part of the captured values that the header brings along. */
  readonly #share: number;

  constructor(upstream: UpstreamId, upstreamLease: number, head: BatchHeader, bodies: Bodies) {
    this.upstream = upstream;
    this.upstreamLease = upstreamLease;
    this.head = head;
    this.bodies = bodies;
    this.count = countOf(bodies);
    this.owner = new Uint32Array(this.count);
    this.open = this.count;
    this.#share = Math.ceil((head.captured?.inline?.length ?? 0) / Math.max(1, this.count));
  }

  /** Of tasks that have just been handed over, only these are meant. Indices ascend. */
  restrictTo(indices: readonly number[]): void {
    this.owner.fill(SETTLED);
    for (const index of indices) this.owner[index] = QUEUED;
    this.open = indices.length;
    this.holes = true;
  }

  /** Tasks that were settled have to run after all. */
  reopen(indices: readonly number[]): void {
    for (const index of indices) this.owner[index] = QUEUED;
    this.open += indices.length;
  }

  /** Of these tasks, losses that the new upstream knows of count together with those that happened below this batch. */
  inherit({ attempt, losses = [] }: BatchHeader, indices: ReadonlySet<number>): void {
    if (attempt === this.head.attempt) return;
    const known = this.head.losses?.length ?? 0;
    const merged = new Map<History | undefined, History>();
    for (const index of indices) {
      const before = this.historyOf(index);
      const here = this.lossesOf(index).slice(known);
      const history = merged.get(before) ?? { attempt: attempt + here.length, losses: [...losses, ...here] };
      merged.set(before, history);
      this.setHistory(index, history);
    }
  }

  historyOf(index: number): History | undefined {
    return this.#histories?.get(index);
  }

  /** Tasks that were lost together share one history, so that a range of them stays one range. */
  setHistory(index: number, history: History): void {
    this.#histories ??= new Map();
    this.#histories.set(index, history);
  }

  attemptOf(index: number): number {
    return this.historyOf(index)?.attempt ?? this.head.attempt;
  }

  lossesOf(index: number): readonly Loss[] {
    return this.historyOf(index)?.losses ?? this.head.losses ?? [];
  }

  /** Whether a task that nodes were lost with before fails if it happens once more. */
  isLastTry(index: number): boolean {
    const attempt = this.attemptOf(index);
    return attempt > 1 && attempt >= this.head.attempts;
  }

  bytesOf(index: number): number {
    return this.bytesIn(index, index + 1);
  }

  /** What the tasks from `from` up to, not including, `to` count towards the credit in bytes. */
  bytesIn(from: number, to: number): number {
    return byteLengthOf(this.bodies, from, to) + (to - from) * this.#share;
  }

  /** The end of the longest run of queued tasks from `from` that can travel under one header. */
  runEnd(from: number, limit: number): number {
    if (!this.holes && this.#histories === undefined) return limit;
    const history = this.historyOf(from);
    let end = from;
    while (end < limit && this.owner[end] === QUEUED && this.historyOf(end) === history) end++;
    return end;
  }
}

/** The sender's record of tasks that a receiver now owns: the run `[from, to)` of a batch. */
export interface Lease {
  readonly id: number;
  readonly batch: Batch;
  readonly from: number;
  readonly to: number;
  readonly receiver: ReceiverId;
  readonly since: number;
  /** Tasks of the run that the receiver still owns. At 0 the lease is over. */
  open: number;
  /** Tasks known to have begun, as indices of the batch. Their loss counts as an attempt. */
  readonly started: Set<number>;
  /** Those of them that wait for tasks of their own and hold no slot. */
  readonly suspended: Set<number>;
  /** Those that have submitted tasks: what they and their executor said to each other must not have got lost. */
  readonly talking: Set<number>;
}

/**
 * Whether a task may go on after a node above it was lost: it has begun, somebody wants it, and nothing that was said to it
 * or by it can have got lost with that node.
 */
export function goesOn({ batch, started, talking }: Lease, index: number): boolean {
  return started.has(index) && !talking.has(index) && !batch.cancelled.has(index) && !batch.unwanted.has(index);
}
