import { types } from "node:util";

/** Why the instances of a class stay in their process, and what to do instead. */
export interface Stays {
  /** The end of a sentence that begins with the path to one. */
  readonly what: string;
  readonly remedy: string;
}

/**
 * A class says by a property of this name on its prototype that its instances stay. Registered, not unique: a class of
 * another copy of this package says the same.
 */
const stays = Symbol.for("pydist.stays");

export function markStaying(prototype: object, why: Stays): void {
  Object.defineProperty(prototype, stays, { value: why });
}

/** Runs nothing of the user's. */
export function whyStays(value: object): Stays | undefined {
  for (
    let at: object | null = value;
    at !== null && !types.isProxy(at);
    at = Object.getPrototypeOf(at) as object | null
  ) {
    const found = Object.getOwnPropertyDescriptor(at, stays)?.value as Stays | undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
