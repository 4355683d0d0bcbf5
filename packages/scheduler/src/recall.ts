import type { Lease } from "./batch.js";
import { TARGET_MILLISECONDS } from "./estimate.js";
import type { UpstreamId } from "./events.js";
import { RECALL_BACKOFF, type Receiver } from "./receiver.js";
import type { State } from "./state.js";

/** Work that would be over sooner than this, in milliseconds, is not worth asking back. */
const WORTH_RECALLING = 5;
/** Tasks are left alone this long, in milliseconds, after they were handed out. */
const SETTLING_TIME = 10;
/** A lease older than this, in milliseconds, is not going as its mean run time promised. */
const OVERDUE = 3 * TARGET_MILLISECONDS;

/**
 * When nothing waits here while slots are idle, unstarted tasks come back from the receiver that holds most.
 * @returns when to look again, or Infinity.
 */
export function recallForIdleSlots(state: State, now: number): number {
  if (state.queue.count > 0) return Number.POSITIVE_INFINITY;
  let idle = 0;
  for (const receiver of state.receivers.values()) idle += Math.max(0, receiver.idle(Number.MAX_SAFE_INTEGER));
  if (idle === 0) return Number.POSITIVE_INFINITY;
  let later = Number.POSITIVE_INFINITY;
  let best: Receiver | undefined;
  for (const receiver of state.receivers.values()) {
    if (receiver.recall.state === "asked" || receiver.excess() <= 0) continue;
    const ready = Math.max(receiver.recall.notBefore, receiver.lastSent + SETTLING_TIME, worthFrom(state, receiver));
    if (ready > now) later = Math.min(later, ready);
    else if (best === undefined || receiver.excess() > best.excess()) best = receiver;
  }
  if (best === undefined) return later;
  const busy = Math.max(1, best.kind === "pool" ? best.running : best.reach(Number.MAX_SAFE_INTEGER));
  ask(state, best, Math.max(1, Math.floor((best.excess() * idle) / (idle + busy))));
  return later;
}

/**
 * When what a receiver holds beyond its slots is worth asking back: at once, if it is work for some time or for an
 * unknown time; else only when it took longer than expected, because one long task may hide behind the mean.
 */
function worthFrom(state: State, receiver: Receiver): number {
  const lease = oldestAtWork(receiver);
  const mean = lease === undefined ? undefined : state.estimates.meanOf(lease.batch.head.code);
  if (lease === undefined || mean === undefined) return Number.NEGATIVE_INFINITY;
  const slots = receiver.kind === "pool" ? receiver.running : receiver.reach(Number.MAX_SAFE_INTEGER);
  if ((receiver.excess() * mean) / Math.max(1, slots) >= WORTH_RECALLING) return Number.NEGATIVE_INFINITY;
  return lease.since + OVERDUE;
}

/** Tasks that wait for their own say nothing of how the others get on. */
function oldestAtWork(receiver: Receiver): Lease | undefined {
  for (const lease of receiver.leases.values()) if (lease.open > lease.suspended.size) return lease;
  return undefined;
}

/** At most one recall at a time: only for a receiver whose recall is idle. */
export function ask(state: State, receiver: Receiver, max: number): void {
  receiver.recall = { state: "asked", backoff: receiver.recall.backoff, gave: false };
  state.out.push({ type: "recallFrom", receiver: receiver.id, max });
}

/** An upstream wants tasks back: what waits here goes at once, the rest is asked from below. */
export function answerRecall(state: State, upstream: UpstreamId, max: number): void {
  let left = max;
  for (const run of state.queue.takeLast(upstream, max)) {
    left -= run.to - run.from;
    state.giveBack(run.batch, run.from, run.to);
  }
  const waitingFor = new Set<number>();
  if (left > 0) {
    for (const receiver of state.receivers.values()) {
      if (receiver.excess() <= 0) continue;
      if (receiver.recall.state === "idle") ask(state, receiver, Math.min(left, receiver.excess()));
      waitingFor.add(receiver.id);
    }
  }
  if (waitingFor.size === 0) state.out.push({ type: "recallDone", upstream });
  else state.owing.set(upstream, { left, waitingFor });
}

/** A receiver gave tasks back, as asked. */
export function noteReturn(receiver: Receiver): void {
  if (receiver.recall.state === "asked") receiver.recall = { ...receiver.recall, gave: true };
}

/** A receiver has given all that it will, or is gone. */
export function recallOver(state: State, receiver: Receiver, now: number): void {
  if (receiver.recall.state === "asked") {
    const { gave, backoff } = receiver.recall;
    receiver.recall = gave
      ? { state: "idle", notBefore: now, backoff: RECALL_BACKOFF.first }
      : { state: "idle", notBefore: now + backoff, backoff: Math.min(2 * backoff, RECALL_BACKOFF.most) };
  }
  for (const [upstream, owing] of state.owing) {
    owing.waitingFor.delete(receiver.id);
    if (owing.waitingFor.size > 0) continue;
    state.owing.delete(upstream);
    state.out.push({ type: "recallDone", upstream });
  }
}
