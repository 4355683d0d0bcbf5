import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goTo, type Place } from "./clusters.js";
import { run } from "./support.js";

const lines = (ranks: number): string[] =>
  Array.from({ length: ranks }, (_, i) => `Next to ${i} is ${(i + 1) % ranks}`).sort();

// On the tree there are four slots.
describe.each([
  ["on this machine alone", 3],
  ["on a tree", 4],
] as const)("the ring example %s", (name, ranks) => {
  let place: Place;
  beforeAll(async () => {
    place = await goTo(name);
  });
  afterAll(() => place?.leave());

  it("prints a line for each rank, each once", async () => {
    const { code, stdout, stderr } = await run("distrcomp-ring", ["--ranks", String(ranks)], place.env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n").sort()).toEqual(lines(ranks));
  });
});

describe("the ring example", () => {
  it("refuses a number of ranks that is none", async () => {
    const { code, stderr } = await run("distrcomp-ring", ["--ranks", "many"]);
    expect(stderr).toBe('--ranks is "many"; it must be a whole number of at least 1.\n');
    expect(code).toBe(2);
  });
});
