import type { FairQueue, Wanted } from "./queue.js";
import type { Receiver } from "./receiver.js";
import { refuseAtAttachment } from "./refuse.js";
import type { State } from "./state.js";
import { resumeReady } from "./suspend.js";

/** Tasks, or chunks of short ones, sent ahead for each slot of a child (design decision 4). */
export const PREFETCH = 3;
/** What is sent ahead is topped up in so many portions. */
const REFILLS = 9;
/** Most chunks ahead for each slot that are due to slow links. */
const MOST_FOR_TRANSIT = 20;
/** Most bytes of bodies in one dispatch, so that a run of large bodies spreads over the slots. */
export const RUN_BYTES = 4 * 1024 * 1024;

/**
 * Gives idle slots of this node to tasks that are ready to go on, then gives out queued tasks: this node's slots first,
 * then idle slots below, only then ahead.
 */
export function fill(state: State, now: number): void {
  resumeReady(state);
  if (state.queue.count > 0) {
    refuseAtAttachment(state);
    giveBackStranded(state);
  }
  const totalSlots = state.capacity.total;
  if (totalSlots === 0) return;
  fillPool(state, totalSlots, now);
  if (state.receivers.size === 1 || state.queue.count === 0) return;
  const children = [...state.receivers.values()].filter((receiver) => receiver !== state.pool && receiver.room > 0);
  fillIdle(state, children, totalSlots, now);
  sendAhead(state, children, totalSlots, now);
}

/**
 * A task whose hops reach no slot from here any more, because a child went away or this node is drained, goes back up:
 * elsewhere there may be slots that it can reach, and otherwise it waits as near to its submitter as it can.
 */
function giveBackStranded(state: State): void {
  if (state.pool.reach(0) > 0) return;
  let reaching = Number.POSITIVE_INFINITY;
  for (const receiver of state.duty === "leaving" ? [] : state.receivers.values()) {
    if (receiver.reach(Number.MAX_SAFE_INTEGER) > 0) reaching = Math.min(reaching, receiver.minHops);
  }
  for (const upstream of state.upstreams.values()) {
    if (upstream.own) continue;
    for (const run of state.queue.takeLast(upstream.id, state.queue.count, reaching)) {
      state.giveBack(run.batch, run.from, run.to);
    }
  }
}

function wantedBy(state: State, receiver: Receiver): Wanted {
  const { minHops } = receiver;
  if (receiver !== state.pool) return { minHops, except: state.clogged };
  return { minHops, except: state.clogged, lastTries: () => !isTryingOneLast(receiver) };
}

/**
 * A node that is lost again and again may be lost because of a task. On their last attempt tasks run one at a time, so that
 * it is that task which comes to its end, and none that was beside it each time.
 */
function isTryingOneLast(pool: Receiver): boolean {
  for (const { batch, from, open, suspended } of pool.leases.values()) {
    // One that waits for its own tasks keeps none of them from running.
    if (open > suspended.size && batch.isLastTry(from)) return true;
  }
  return false;
}

/** Tasks of this code for one slot: about 10 ms of work, never more than a slot's fair share of what waits. */
function chunkOf(state: State, code: string, totalSlots: number, queue = state.queue): number {
  return Math.max(1, Math.min(state.estimates.chunkOf(code), Math.ceil(queue.count / totalSlots)));
}

function fillPool(state: State, totalSlots: number, now: number): void {
  const wanted = wantedBy(state, state.pool);
  while (state.pool.idle(0) > 0) {
    const queue = nextForPool(state, wanted);
    const next = queue?.peek(wanted);
    if (queue === undefined || next === undefined) return;
    const slots = queue === state.queue ? totalSlots : state.config.slots;
    const run = queue.take(wanted, chunkOf(state, next.batch.head.code, slots, queue), RUN_BYTES);
    if (run === undefined) return;
    state.lend(state.pool, run.batch, run.from, run.to, now);
  }
}

/** What may run anywhere and what is for this node alone take turns, so that neither waits for the other's end. */
function nextForPool(state: State, wanted: Wanted): FairQueue | undefined {
  const { anywhere, here } = state.queues;
  const order = state.lastFrom === here ? [anywhere, here] : [here, anywhere];
  const queue = order.find((each) => each.count > 0 && each.peek(wanted) !== undefined);
  if (queue !== undefined) state.lastFrom = queue;
  return queue;
}

/** Idle slots below get work in proportion to how many each child has. */
function fillIdle(state: State, children: readonly Receiver[], totalSlots: number, now: number): void {
  for (;;) {
    let idleInAll = 0;
    let most: Receiver | undefined;
    let mostIdle = 0;
    for (const child of children) {
      const next = child.room > 0 ? state.queue.peek(wantedBy(state, child)) : undefined;
      if (next === undefined) continue;
      const idle = child.idle(next.batch.head.hops);
      idleInAll += idle;
      if (idle > mostIdle) {
        most = child;
        mostIdle = idle;
      }
    }
    if (most === undefined) return;
    const share = Math.ceil((state.queue.count * mostIdle) / idleInAll);
    send(state, most, mostIdle, share, totalSlots, now);
  }
}

/** What waits beyond that goes ahead, so that a slot below never waits for a link: a few tasks a slot. */
function sendAhead(state: State, children: readonly Receiver[], totalSlots: number, now: number): void {
  for (const child of children) {
    const next = child.room > 0 ? state.queue.peek(wantedBy(state, child)) : undefined;
    if (next === undefined) continue;
    const reach = child.reach(next.batch.head.hops);
    if (reach === 0) continue;
    const { code } = next.batch.head;
    const chunk = chunkOf(state, code, totalSlots);
    const fairShare = (state.queue.count * reach) / totalSlots;
    // Their results may all come at once, and find nobody who takes them on: they are under credit as bodies are.
    const most = state.estimates.countWithin(child.credit.bytes, code);
    const needed = reach * chunk * Math.ceil(chunksInTransit(state, child, code, chunk));
    const full = Math.min(reach * chunk * chunksAhead(state, child, code, chunk), most);
    // Half of the share is kept for others, whose share may grow; unless there are none, or slots would wait for the link.
    const share = reach === totalSlots ? full : Math.max(fairShare / 2, Math.min(fairShare, needed));
    const ahead = Math.floor(Math.min(full, share));
    const missing = reach * chunk + ahead - child.busy;
    // In portions: topping up after each result would cost a message per task.
    // Where others keep every slot busy, whoever has nothing there waits in its queue for a turn.
    if ((ahead > 0 || child.busy === 0) && missing >= Math.max(1, full / REFILLS)) {
      const slotsWorth = Math.ceil(missing / chunk);
      send(state, child, slotsWorth, missing, totalSlots, now);
    }
  }
}

/** Chunks to have ahead for each slot: what a slot works off while the next ones are under way, and some to spare. */
function chunksAhead(state: State, child: Receiver, code: string, chunk: number): number {
  return PREFETCH + Math.min(MOST_FOR_TRANSIT, chunksInTransit(state, child, code, chunk));
}

/** Chunks that a slot works off while the next ones are under way. */
function chunksInTransit(state: State, child: Receiver, code: string, chunk: number): number {
  const mean = state.estimates.meanOf(code);
  return mean === undefined || mean === 0 ? 0 : child.transit / (mean * chunk);
}

/** Sends up to `slotsWorth` chunks, `most` tasks at the outside, as long as the child's credit lasts. */
function send(state: State, child: Receiver, slotsWorth: number, most: number, totalSlots: number, now: number): void {
  const wanted = wantedBy(state, child);
  let slots = slotsWorth;
  let left = most;
  while (slots > 0 && left > 0 && child.room > 0) {
    const next = state.queue.peek(wanted);
    if (next === undefined) return;
    const chunk = chunkOf(state, next.batch.head.code, totalSlots);
    const max = Math.min(Math.ceil(slots * chunk), left, child.room);
    const run = state.queue.take(wanted, max, Math.min(RUN_BYTES, child.roomBytes));
    if (run === undefined) return;
    state.lend(child, run.batch, run.from, run.to, now);
    left -= run.to - run.from;
    slots -= (run.to - run.from) / chunk;
  }
}
