import type { Offer } from "@pydist/protocol";
import type { Batch } from "./batch.js";
import type { Patience, ReceiverId } from "./events.js";

/**
 * A child looks for its parent for two seconds before it turns to those above, and a program for its tree for ten. Whoever is
 * cut off runs nothing else meanwhile, so it can wait for long.
 */
export const PATIENCE: Patience = {
  forOrphans: 5000,
  forOffers: 500,
  forParent: 30_000,
  forAnswer: 10_000,
  forNode: 10_000,
};

/** What nobody above has answered yet. */
export interface OpenOffer {
  readonly id: number;
  readonly of: Orphans | Passed;
  /** After that nobody is expected to want it. */
  until: number;
}

/** Begun here, or below, under a parent that is gone. */
export interface Orphans {
  readonly kind: "orphans";
  readonly batch: Batch;
}

/** From a receiver, of tasks that are not known here: for those above. */
export interface Passed {
  readonly kind: "passed";
  readonly receiver: ReceiverId;
  readonly offer: Offer;
}

/** Of the run `[from, to)`, tasks that a receiver has begun and offered. */
export interface Begun {
  readonly from: number;
  readonly to: number;
  readonly indices: readonly number[];
  readonly offer: number;
}
