import type { EventOf } from "./events.js";
import { loseForGood } from "./loss.js";
import { refused } from "./rejoin.js";
import type { State } from "./state.js";

/** Whoever is here again offers what it has begun as the next thing it says. */
export function reunited(state: State, { child }: EventOf<"reunited">, now: number): void {
  const receiver = state.receivers.get(child);
  if (receiver?.gone === undefined) return;
  const { until, cause } = receiver.gone;
  receiver.gone = { until: Math.min(until, now + state.patience.forOffers), cause };
}

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
