import { describe, expect, it } from "vitest";
import { run } from "./playing.js";
import { calm, firstHas, recursive, stormy, tenChildrenEach } from "./schedules.js";
import type { SimulationOptions } from "./simulation-options.js";

it("a schedule is the same for the same seed", () => {
  expect(run(stormy(4))).toEqual(run(stormy(4)));
  expect(run(recursive(4))).toEqual(run(recursive(4)));
});

describe("how near to the ideal time, in which every slot works from first to last", () => {
  // Virtual time: these ratios are exact and the same on every machine.
  it.each<[string, Partial<SimulationOptions>, number, number]>([
    ["20 nodes around one, 10 ms tasks", { nodes: 21, tasks: 1000, slots: () => 2, parent: () => 0 }, 42, 0.95],
    [
      "111 nodes of 4 slots, 10 ms tasks",
      { nodes: 111, tasks: 20_000, slots: () => 4, parent: tenChildrenEach },
      444,
      0.93,
    ],
    [
      "the same over links of 5 ms",
      { nodes: 21, tasks: 5000, slots: () => 2, parent: () => 0, delay: () => 5 },
      42,
      0.85,
    ],
    ["a chain of five", { nodes: 5, tasks: 200, slots: () => 2, parent: (i) => i - 1 }, 10, 0.9],
    ["a root that only routes", { nodes: 4, tasks: 300, slots: firstHas(0, () => 2), parent: () => 0 }, 6, 0.97],
  ])("%s", (_name, options, slots, least) => {
    const { makespan } = run(calm({ ...options, validate: false, duration: () => 10 }));
    const ideal = ((options.tasks as number) * 10) / slots;
    expect(ideal / makespan).toBeGreaterThan(least);
  });

  it("short tasks travel in large batches: far fewer messages than tasks", () => {
    const tasks = 100_000;
    const options = { nodes: 21, tasks, slots: () => 2, parent: () => 0, validate: false, duration: () => 0.05 };
    const { makespan, messages } = run(calm(options));
    expect((tasks * 0.05) / 42 / makespan).toBeGreaterThan(0.9);
    expect(messages / tasks).toBeLessThan(0.3);
  });

  it("a long task in a batch of short ones does not hold up those behind it: they are taken back", () => {
    // One slot gets the long task after the mean is known to be short; without recall its chunk would wait for it.
    let drawn = 0;
    const duration = (): number => (drawn++ === 500 ? 400 : 0.5);
    const { makespan } = run(calm({ nodes: 1, tasks: 1600, slots: () => 4, parent: () => 0, duration }));
    expect(makespan).toBeLessThan(400 + 1600 * 0.5 * 0.5);
  });
});

describe("nodes that are drained and leave", () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))("no task runs twice, schedule %i", (seed) => {
    const tree = { nodes: 12, tasks: 2000, slots: () => 2, duration: (draw: () => number) => draw() * 10 };
    const faults = { drains: 10, departures: 6, drainGrace: 1e9, faultsUntil: 500 };
    const { finished, ran } = run(calm({ ...tree, ...faults, seed }));
    expect(finished).toBe(2000);
    expect([...ran.values()].reduce((sum, count) => sum + count)).toBe(2000);
  });
});

describe("hop limit", () => {
  it("nothing runs deeper than it, and everything finishes", () => {
    const { deepest, ran, finished } = run(
      calm({ nodes: 6, tasks: 300, slots: () => 2, parent: (i) => i - 1, hopLimit: 2, duration: () => 10 }),
    );
    expect(finished).toBe(300);
    expect(deepest).toBe(2);
    expect([...ran.values()].map((count) => count > 0)).toEqual([true, true, true, false, false, false]);
  });
});

describe("tasks for one node", () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed))("all run there, and nothing twice, schedule %i", (seed) => {
    const tree = { nodes: 12, tasks: 2000, slots: () => 2, duration: (draw: () => number) => draw() * 10 };
    const { finished, ran } = run(calm({ ...tree, placed: 0.5, seed }));
    expect(finished).toBe(2000);
    expect([...ran.values()].reduce((sum, count) => sum + count)).toBe(2000);
  });
});

it("a tree of 20 nodes: every one of them runs something", () => {
  const { ran } = run(
    calm({ nodes: 20, tasks: 400, slots: () => 1, parent: (i, draw) => Math.floor(draw() * i), duration: () => 10 }),
  );
  expect([...ran.values()].every((count) => count > 0)).toBe(true);
});
