import { loseForGood } from "./loss.js";
import { refused } from "./rejoin.js";
import type { State } from "./state.js";

/**
 * Nobody has come back, or answered, in time.
 * @returns when to look again, or Infinity.
 */
export function endPatience(state: State, now: number): number {
  let later = Number.POSITIVE_INFINITY;
  for (const offer of state.offers.values()) {
    if (offer.until <= now) refused(state, offer);
    else later = Math.min(later, offer.until);
  }
  for (const receiver of state.gone) {
    const { until = now } = receiver.gone ?? {};
    if (until <= now) loseForGood(state, receiver);
    else later = Math.min(later, until);
  }
  return later;
}
