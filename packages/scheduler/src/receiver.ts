import type { Credit } from "@pydist/protocol";
import type { Batch, Lease } from "./batch.js";
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
  /** Of tasks for one node, those that run or may run here, by that node's id. */
  readonly placed = new Map<string, { readonly tasks: number; readonly slots: number }>();
  /** Those of them that are more than their nodes' slots: they keep no other node's slots busy. */
  surplus = 0;
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

  /** So many more tasks are under lease here, or fewer. @param node the only one that may run them, with its slots */
  add(count: number, node?: string, slots = 0): void {
    this.tasks += count;
    this.#place(count, node, slots);
  }

  /** A task here is suspended. */
  setAside(batch: Batch, index: number): void {
    this.suspended++;
    this.suspendedBytes += batch.bytesOf(index);
    this.#place(-1, batch.head.node);
  }

  /** ... and is not any more. */
  takeUp(batch: Batch, index: number): void {
    this.suspended--;
    this.suspendedBytes -= batch.bytesOf(index);
    this.#place(1, batch.head.node);
  }

  #place(count: number, node: string | undefined, slots = 0): void {
    if (node === undefined || this.id === POOL) return;
    const before = this.placed.get(node) ?? { tasks: 0, slots };
    const tasks = before.tasks + count;
    this.surplus += Math.max(0, tasks - before.slots) - Math.max(0, before.tasks - before.slots);
    if (tasks === 0) this.placed.delete(node);
    else this.placed.set(node, { tasks, slots: before.slots });
  }

  /** Tasks that only that node may run, and that run or may run there. */
  placedOn(node: string): number {
    return this.placed.get(node)?.tasks ?? 0;
  }

  /** Tasks here that run or may run: what a slot or a credit is needed for. */
  get active(): number {
    return this.tasks - this.suspended;
  }

  /** Those of them for which slots here are needed: not those that wait for one certain node. */
  get busy(): number {
    return this.active - this.surplus;
  }

  /** Whether tasks here may be on slots that are not on offer any more. */
  get retires(): boolean {
    return this.credit.busyElsewhere < 0 || this.reach(Number.MAX_SAFE_INTEGER) === 0;
  }

  /** How many of the busy ones are: they keep no slot busy that is on offer. */
  get retired(): number {
    if (this.reach(Number.MAX_SAFE_INTEGER) === 0) return this.busy;
    return Math.min(this.busy, Math.max(0, -this.credit.busyElsewhere));
  }

  /** Of the pool: leases that hold a slot. A lease runs one task at a time, and gives the rest back if that suspends. */
  get running(): number {
    return this.leases.size - this.paused;
  }

  /** Of the reachable slots, how many have nothing to do as far as is known here. */
  idle(hops: number): number {
    if (this.id === POOL) return this.credit.slots.length === 0 ? 0 : (this.credit.slots[0] as number) - this.running;
    const reach = this.reach(hops);
    return Math.max(0, Math.min(reach, reach - this.busy - this.credit.busyElsewhere));
  }

  /** Tasks held here beyond those that can be running: what a recall could bring back. */
  excess(): number {
    if (this.gone !== undefined) return 0;
    return this.busy - (this.id === POOL ? this.running : this.reach(Number.MAX_SAFE_INTEGER));
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
