import type { Credit } from "@pydist/protocol";
import type { Lease } from "./batch.js";
import { POOL, type ReceiverId } from "./events.js";

/**
 * The pool of this node; a child, to which a link costs a hop; or the node that an executor is attached to, to which it
 * costs none.
 */
export type ReceiverKind = "pool" | "child" | "attachment";

/** Whether tasks were asked back from a receiver. One recall at a time, so that its answer is never ambiguous. */
export type RecallState =
  | { readonly state: "idle"; readonly notBefore: number; readonly backoff: number }
  | { readonly state: "asked"; readonly backoff: number; readonly gave: boolean };

/** How fast a link that became slower is believed. */
const TRANSIT_WEIGHT = 0.02;

export const RECALL_BACKOFF = { first: 20, most: 1000 } as const;

/** Whoever runs tasks or hands them on, as its sender knows it. */
export class Receiver {
  readonly id: ReceiverId;
  readonly kind: ReceiverKind;
  /** Id of the node. */
  readonly node: string;
  readonly leases = new Map<number, Lease>();
  credit: Credit;
  /** Tasks under lease here, and the bytes of their bodies. */
  tasks = 0;
  bytes = 0;
  /** Those of them that wait for tasks of their own, the bytes of their bodies, and the leases that have any. */
  suspended = 0;
  suspendedBytes = 0;
  paused = 0;
  lastSent = Number.NEGATIVE_INFINITY;
  /** Set once it is lost, while what it had begun waits for the nodes that were below it. */
  gone: { readonly until: number; readonly cause: string } | undefined;
  #transit: number | undefined;
  recall: RecallState = { state: "idle", notBefore: Number.NEGATIVE_INFINITY, backoff: RECALL_BACKOFF.first };

  constructor(id: ReceiverId, kind: ReceiverKind, node: string, credit: Credit) {
    this.id = id;
    this.kind = kind;
    this.node = node;
    this.credit = credit;
  }

  /**
   * Milliseconds from handing a task out until its result is back, without its run time: the links there and back, and
   * what it waited. The least of late, since only that says something of the links.
   */
  get transit(): number {
    return this.#transit ?? 0;
  }

  tookInTransit(milliseconds: number): void {
    // Who ran longer than its lease was begun before it.
    if (milliseconds < 0) return;
    const before = this.#transit ?? milliseconds;
    this.#transit = Math.max(0, Math.min(milliseconds, before + (milliseconds - before) * TRANSIT_WEIGHT));
  }

  /** Fewest hops with which a task sent here can still reach a slot. */
  get minHops(): number {
    const { slots } = this.credit;
    let depth = 0;
    while (depth < slots.length && slots[depth] === 0) depth++;
    return this.kind === "child" ? depth + 1 : depth;
  }

  /** Slots that a task with so many hops left could run on, here and below. */
  reach(hops: number): number {
    const depths = this.kind === "pool" ? 1 : this.kind === "child" ? hops : hops + 1;
    let slots = 0;
    for (let d = 0; d < this.credit.slots.length && d < depths; d++) slots += this.credit.slots[d] as number;
    return slots;
  }

  /** Tasks here that run or may run: what a slot or a credit is needed for. */
  get active(): number {
    return this.tasks - this.suspended;
  }

  /** Of the pool: leases that hold a slot. A lease runs one task at a time, and gives the rest back if that suspends. */
  get running(): number {
    return this.leases.size - this.paused;
  }

  /** Of the reachable slots, how many have nothing to do as far as is known here. */
  idle(hops: number): number {
    if (this.id === POOL) return this.credit.slots.length === 0 ? 0 : (this.credit.slots[0] as number) - this.running;
    return Math.max(0, this.reach(hops) - this.active - this.credit.busyElsewhere);
  }

  /** Tasks held here beyond those that can be running: what a recall could bring back. */
  excess(): number {
    if (this.gone !== undefined) return 0;
    return this.active - (this.id === POOL ? this.running : this.reach(Number.MAX_SAFE_INTEGER));
  }

  /** How many more tasks the credit allows (invariant I6). */
  get room(): number {
    if (this.active > 0 && this.#activeBytes >= this.credit.bytes) return 0;
    return Math.max(0, this.credit.window - this.active);
  }

  /** How many more bytes the credit allows. */
  get roomBytes(): number {
    return Math.max(1, this.credit.bytes - this.#activeBytes);
  }

  get #activeBytes(): number {
    return this.bytes - this.suspendedBytes;
  }
}
