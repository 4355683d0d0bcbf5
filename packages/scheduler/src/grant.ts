import type { Credit } from "@pydist/protocol";
import type { State } from "./state.js";

/** Tasks that a receiver takes for each slot below it: some rounds of the shortest tasks' largest chunks. */
const WINDOW_PER_SLOT = 16 * 1024;
/** Bytes of bodies that a receiver takes from each upstream. */
const WINDOW_BYTES = 64 * 1024 * 1024;
/** How often, in milliseconds, an upstream hears at most that others' tasks keep more or fewer slots busy. */
const BUSY_INTERVAL = 50;

/**
 * Tells upstreams what changed of the credit that they have here.
 * @returns when to look again, or Infinity.
 */
export function grant(state: State, now: number): number {
  const { capacity } = state;
  let later = Number.POSITIVE_INFINITY;
  let activeInAll = 0;
  for (const { of } of state.offers.values()) if (of.kind === "orphans") activeInAll += of.batch.open;
  for (const upstream of state.upstreams.values()) activeInAll += upstream.held - upstream.suspended;
  // What ends on slots that are not offered any more keeps nobody from those that are.
  for (const receiver of capacity.retiring) activeInAll -= receiver.retired;
  for (const upstream of state.upstreams.values()) {
    const others = activeInAll - (upstream.held - upstream.suspended);
    // Of no slots, it is known above how many are free.
    const busyElsewhere = capacity.total === 0 ? 0 : Math.min(capacity.total, others);
    const last = upstream.granted;
    if (last?.capacity === capacity) {
      if (Math.abs(last.busyElsewhere - busyElsewhere) <= capacity.total / 10) continue;
      if (now < last.at + BUSY_INTERVAL) {
        later = Math.min(later, last.at + BUSY_INTERVAL);
        continue;
      }
    }
    const credit: Credit = {
      slots: capacity.byDepth,
      busyElsewhere,
      // Also where nothing can run, for tasks for one node have to reach it to hear why.
      window: Math.min(Math.max(1, capacity.total) * WINDOW_PER_SLOT, Number.MAX_SAFE_INTEGER),
      bytes: WINDOW_BYTES,
      ...(state.duty === "drained" ? { pool: "drained" } : {}),
    };
    upstream.granted = { capacity, busyElsewhere, at: now };
    upstream.highestWindow = Math.max(upstream.highestWindow, credit.window);
    state.out.push({ type: "grant", upstream: upstream.id, ...credit });
  }
  return later;
}
