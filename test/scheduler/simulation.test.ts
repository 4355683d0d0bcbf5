import { describe, expect, it } from "vitest";
import { type Outcomes, Simulation, type SimulationOptions } from "./simulation.js";

/**
 * `PYDIST_SIMULATION_SEED=17 npm test -- test/scheduler/simulation` replays one schedule;
 * `PYDIST_SIMULATIONS=20000` runs more of them.
 */
const { PYDIST_SIMULATION_SEED: replay, PYDIST_SIMULATIONS: wanted = "1000" } = process.env;
const GROUPS = 10;

/** A random tree that loses, cuts off and gains nodes while two executors' tasks are on their way. */
function stormy(seed: number): SimulationOptions {
  return {
    seed,
    nodes: 200,
    executors: 2,
    tasks: 150,
    duration: (draw) => (draw() < 0.1 ? 50 + draw() * 50 : draw() * 10),
    delay: (draw) => 0.1 + draw(),
    slots: (draw) => Math.floor(draw() * 3),
    parent: (index, draw) => Math.floor(draw() * index),
    hopLimit: 3 + (seed % 14),
    losses: 20,
    cuts: 10,
    joins: 10,
    cancels: 10,
    faultsUntil: 120,
    validate: true,
  };
}

function run(options: SimulationOptions): Outcomes {
  try {
    return new Simulation(options).run();
  } catch (error) {
    const command = `PYDIST_SIMULATION_SEED=${options.seed} npm test -- test/scheduler/simulation`;
    throw new Error(`Schedule ${options.seed} failed. Replay it with: ${command}`, { cause: error });
  }
}

describe("any schedule of joins, losses, cuts and cancellations keeps the invariants", () => {
  if (replay !== undefined) {
    it(`schedule ${replay}`, () => {
      const outcomes = run(stormy(Number(replay)));
      expect(outcomes.finished + outcomes.failed + outcomes.cancelled).toBe(300);
    });
    return;
  }
  const each = Math.ceil(Number(wanted) / GROUPS);
  it.each(Array.from({ length: GROUPS }, (_, group) => group))(
    `schedules of 200 nodes, group %i of ${GROUPS}`,
    { timeout: 300_000 },
    (group) => {
      for (let seed = group * each; seed < (group + 1) * each; seed++) {
        const outcomes = run(stormy(seed));
        expect(outcomes.finished + outcomes.failed + outcomes.cancelled).toBe(300);
        expect(outcomes.deepest).toBeLessThanOrEqual(3 + (seed % 14));
      }
    },
  );

  it("is the same for the same seed", () => {
    expect(run(stormy(4))).toEqual(run(stormy(4)));
  });
});

/** No faults; links of 0.2 ms. */
function calm(options: Partial<SimulationOptions>): SimulationOptions {
  return {
    ...stormy(7),
    executors: 1,
    delay: () => 0.2,
    hopLimit: 16,
    losses: 0,
    cuts: 0,
    joins: 0,
    cancels: 0,
    faultsUntil: 1e9,
    ...options,
  };
}

function tenChildrenEach(index: number): number {
  return Math.floor((index - 1) / 10);
}

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
    ["a root that only routes", { nodes: 4, tasks: 300, slots: rootWithout(2), parent: () => 0 }, 6, 0.97],
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

/** The root has no slots; every other node has. */
function rootWithout(slots: number): () => number {
  let asked = 0;
  return () => (asked++ === 0 ? 0 : slots);
}

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

it("a tree of 20 nodes: every one of them runs something", () => {
  const { ran } = run(
    calm({ nodes: 20, tasks: 400, slots: () => 1, parent: (i, draw) => Math.floor(draw() * i), duration: () => 10 }),
  );
  expect([...ran.values()].every((count) => count > 0)).toBe(true);
});
