import { describe, expect, it } from "vitest";
import { run, schedules } from "./playing.js";
import { calm, recursive } from "./schedules.js";
import type { SimulationOptions } from "./simulation-options.js";

describe("tasks that submit tasks", () => {
  const sum = new Map<string, number>();
  schedules({
    name: "in which they are lost and stopped",
    part: [0.8, 1],
    play: (seed) => {
      const { nested, orphaned, tally } = run(recursive(seed));
      for (const [what, count] of Object.entries({ nested, orphaned, ...tally })) {
        sum.set(what, (sum.get(what) ?? 0) + count);
      }
    },
    afterwards: () => {
      for (const [what, count] of sum) expect(count, `${what} in all these schedules`).toBeGreaterThan(0);
    },
  });
});

describe("recursion", () => {
  /** Every task above depth six submits three and waits for them: 1,093 in all for each that the program submits. */
  function full(options: Partial<SimulationOptions>): SimulationOptions {
    const spawning = { depth: 6, chance: 1, fanOut: () => 3, again: 0, leaves: 0, endless: 0 };
    return calm({ tasks: 3, slots: () => 1, duration: () => 2, spawning, ...options });
  }

  it.each<[string, Partial<SimulationOptions>]>([
    ["one slot", { nodes: 1, parent: () => 0 }],
    ["one slot, and one task at a time over each link", { nodes: 1, parent: () => 0, window: 1 }],
    ["a chain of four slots", { nodes: 4, parent: (i) => i - 1, window: 1 }],
    ["a chain that ends with the only slot", { nodes: 4, parent: (i) => i - 1, window: 2, slots: lastHas(4) }],
    ["a star of five slots, two executors", { nodes: 5, parent: () => 0, window: 2, executors: 2 }],
  ])("deeper and wider than slots and windows never stands still: %s", (_name, options) => {
    const { finished, nested, tally } = run(full(options));
    const roots = 3 * (options.executors ?? 1);
    expect(finished).toBe(1093 * roots);
    expect(nested).toBe(1092 * roots);
    expect(tally).toEqual({ suspended: 364 * roots, resumed: 364 * roots, killed: 0, misled: 0 });
  });

  it("keeps the slots of a tree at work: who waits leaves his to others", () => {
    const tree = { nodes: 21, slots: () => 2, parent: () => 0, validate: false, duration: () => 10, delay: () => 0.2 };
    const { makespan, finished, tally } = run(full({ ...tree, tasks: 6 }));
    // Before it submits and after it has resumed, a task that waits works for as long as one that does not.
    const ideal = ((finished + tally.resumed) * 10) / 42;
    expect(ideal / makespan).toBeGreaterThan(0.9);
  });
});

/** Only the last of so many nodes has a slot. */
function lastHas(nodes: number): () => number {
  let asked = 0;
  return () => (++asked === nodes ? 1 : 0);
}
