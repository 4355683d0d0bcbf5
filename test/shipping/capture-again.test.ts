import { ship } from "@pydist/shipping";
import { expect, test } from "vitest";
import type { AnyFunction } from "./capturing.js";
import { fixture, loaded } from "./support.js";

/** Functions beside what changes that they see. */
interface Again {
  readonly cases: readonly (readonly [title: string, fn: AnyFunction, change: () => void])[];
}

const { cases } = await fixture<Again>("capture/again.mjs");

// What a function sees for good is looked at once; all else has to be looked at anew.
test.each(cases)("a second submit takes what is there by then: %s", (_title, fn, change) => {
  const run = () => loaded(ship(fn))();
  const call = fn as () => unknown;
  for (const _ of [1, 2]) {
    const here = call();
    expect(run()).toEqual(here);
    change();
    expect(call()).not.toEqual(here);
    expect(run()).toEqual(call());
  }
});
