import { type Duty, POOL } from "./events.js";
import { grant } from "./grant.js";
import { ask } from "./recall.js";
import type { State } from "./state.js";

/*
 * A node that is drained finishes what has begun on its own slots and lets its children go on. One that leaves wants to be
 * empty: what its children run through it would be lost with it. Either offers fewer slots, so that credit tells those
 * above, and gives back what waits for slots that it no longer offers (`fill.ts`).
 */

/** What a node does now, as people are told. */
export type Standing = "ready" | "draining" | "drained" | "leaving";

export function takeDuty(state: State, duty: Duty, now: number): void {
  if (state.duty === duty) return;
  state.duty = duty;
  state.told = "busy";
  const { slots } = state.config;
  state.pool.credit = { ...state.pool.credit, slots: duty === "working" ? [slots] : [] };
  state.capacityChanged();
  // Before anything is given back, which would come again.
  grant(state, now);
}

/**
 * Asks what has not begun back from those whom this node wants to be rid of, and says when that has come about.
 * @returns when to look again, or Infinity.
 */
export function drain(state: State, now: number): number {
  if (state.duty === "working") return Number.POSITIVE_INFINITY;
  let later = Number.POSITIVE_INFINITY;
  for (const receiver of state.receivers.values()) {
    if (receiver.id !== POOL && state.duty !== "leaving") continue;
    if (receiver.recall.state === "asked" || receiver.excess() <= 0) continue;
    if (receiver.recall.notBefore > now) later = Math.min(later, receiver.recall.notBefore);
    else ask(state, receiver, receiver.excess());
  }
  if (state.told === "busy" && isEmpty(state)) {
    state.told = "drained";
    state.out.push({ type: "drained" });
  }
  return later;
}

/** What waits for a program in this process stays in the queue, for there is nobody to give it back to. */
function isEmpty({ duty, pool, leases }: State): boolean {
  return duty === "leaving" ? leases.size === 0 : pool.leases.size === 0;
}

export function standingOf(state: State): Standing {
  if (state.duty === "working") return "ready";
  if (state.duty === "leaving") return "leaving";
  return isEmpty(state) ? "drained" : "draining";
}
