import { describe, expect, it } from "vitest";
import { random } from "../support/random.js";
import { grows, growthOf, type Sample } from "./growth.js";

/** A sample a second, for ten minutes. */
function samples(value: (minute: number) => number): Sample[] {
  return Array.from({ length: 600 }, (_, i) => ({ at: i / 60, value: value(i / 60) }));
}

describe("what grows", () => {
  it.each([1, 2, 3, 4, 5])("is found under a noise that is ten times as high (seed %i)", (seed) => {
    const draw = random(seed);
    const growth = growthOf(samples((minute) => 100 + minute + draw() * 2));
    expect(growth.slope).toBeCloseTo(1, 1);
    expect(growth.grown).toBeCloseTo(10, 0);
    expect(grows(growth, 5)).toBe(true);
    expect(grows(growth, 15)).toBe(false);
  });

  it("is not what goes up and down", () => {
    const draw = random(1);
    expect(grows(growthOf(samples(() => 100 + draw() * 100)), 5)).toBe(false);
    expect(grows(growthOf(samples((minute) => 100 + 50 * Math.sin(minute * 3))), 5)).toBe(false);
  });

  it("is not what is high now and then, even at the end", () => {
    const growth = growthOf(samples((minute) => (minute > 9 ? 1000 : 100)));
    expect(grows(growth, 5)).toBe(false);
    expect(growth.slope).toBe(0);
  });

  it("is not what never changes, nor what nobody has measured", () => {
    expect(grows(growthOf(samples(() => 7)), 0)).toBe(false);
    expect(growthOf([])).toEqual({ slope: 0, grown: 0, steadiness: 0 });
  });
});
