import { describe, expect, it } from "vitest";
import { random } from "../support/random.js";
import { Simulation } from "./simulation.js";
import type { Outcomes, SimulationOptions } from "./simulation-options.js";

/**
 * `PYDIST_SIMULATION_SEED=17 npm test -- test/scheduler/simulation` replays one schedule;
 * `PYDIST_SIMULATIONS=5000` runs more of them.
 */
const { PYDIST_SIMULATION_SEED: replay, PYDIST_SIMULATIONS: wanted = "1000" } = process.env;
/** Of ten groups of schedules, the last two have tasks that submit tasks. */
const GROUPS = 10;
const SPAWNING_FROM = 8;

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
    aways: 20,
    freezes: 5,
    restarts: 5,
    rootRestarts: seed % 2,
    drains: seed % 30,
    departures: seed % 15,
    faultsUntil: 120,
    validate: true,
  };
}

/**
 * Tasks that submit tasks and wait for them, on trees of all sizes with few slots and small windows, while nodes and
 * programs are lost and tasks are stopped, some of which would never end otherwise.
 */
function recursive(seed: number): SimulationOptions {
  return {
    ...stormy(seed),
    nodes: 2 + (seed % 40),
    tasks: 30,
    duration: (draw) => draw() * 8,
    slots: firstHas(seed % 3, (draw) => Math.floor(draw() * 3)),
    losses: seed % 12,
    cuts: seed % 7,
    drains: seed % 11,
    departures: seed % 3,
    joins: 6,
    aways: seed % 9,
    freezes: seed % 4,
    restarts: seed % 5,
    rootRestarts: seed % 3,
    cancels: 5,
    stops: 10,
    quits: seed % 2,
    faultsUntil: 300,
    window: 1 + (seed % 5) ** 2,
    spawning: {
      depth: 6,
      chance: 0.45,
      fanOut: (draw) => 1 + Math.floor(draw() * 3),
      again: 0.2,
      leaves: 0.1,
      endless: 0.03,
    },
  };
}

/** Any tree, in any weather that ends, with tasks that are tried as often as need be: nothing but their results may come. */
function mended(seed: number): SimulationOptions {
  const draw = random(seed);
  const upTo = (most: number): number => Math.floor(draw() * (most + 1));
  const shapes: SimulationOptions["parent"][] = [
    (index, among) => Math.floor(among() * index),
    (index) => index - 1,
    () => 0,
    tenChildrenEach,
  ];
  return {
    ...stormy(seed),
    nodes: 1 + upTo(30),
    executors: 1 + upTo(2),
    tasks: 1 + upTo(80),
    slots: firstHas(upTo(2), (among) => Math.floor(among() * 3)),
    parent: shapes[upTo(3)] as SimulationOptions["parent"],
    hopLimit: 1000,
    attempts: 1000,
    losses: upTo(8),
    cuts: upTo(8),
    joins: upTo(8),
    cancels: 0,
    aways: upTo(20),
    freezes: upTo(6),
    restarts: upTo(8),
    rootRestarts: upTo(3),
    drains: upTo(8),
    departures: upTo(4),
    window: 1 + upTo(6) ** 3,
    ...(draw() < 0.3
      ? { spawning: { depth: 3, chance: 0.4, fanOut: () => 2, again: 0.2, leaves: 0.1, endless: 0 } }
      : {}),
  };
}

function crowded(seed: number): SimulationOptions {
  const faults = { losses: 200, cuts: 100, joins: 50, aways: 200, freezes: 50, restarts: 100, cancels: 0 };
  return { ...stormy(seed), ...faults, nodes: 3000, tasks: 3000, attempts: 1000 };
}

/** @param check what has to hold of the outcomes besides the invariants */
function run(options: SimulationOptions, check?: (outcomes: Outcomes) => void): Outcomes {
  try {
    const outcomes = new Simulation(options).run();
    check?.(outcomes);
    return outcomes;
  } catch (error) {
    const command = `PYDIST_SIMULATION_SEED=${options.seed} npm test -- test/scheduler/simulation`;
    throw new Error(`Schedule ${options.seed} failed. Replay it with: ${command}`, { cause: error });
  }
}

/** The root has so many slots; every other node what is drawn for it. */
function firstHas(slots: number, others: SimulationOptions["slots"]): SimulationOptions["slots"] {
  let asked = 0;
  return (draw) => (asked++ === 0 ? slots : others(draw));
}

function weather(seed: number): void {
  run(stormy(seed), ({ finished, failed, cancelled, deepest }) => {
    expect(finished + failed + cancelled).toBe(300);
    expect(deepest).toBeLessThanOrEqual(3 + (seed % 14));
  });
}

/** All programs have what a single loop over their tasks would give them; the simulation compares the values. */
function asSerial(options: SimulationOptions): void {
  run(options, ({ answered }) => expect(answered).toBe(options.tasks * options.executors));
}

describe("any schedule of joins, losses, cuts, freezes, restarts and cancellations keeps the invariants", () => {
  if (replay !== undefined) {
    it(`schedule ${replay}`, () => weather(Number(replay)));
    it(`schedule ${replay} in which nothing fails`, () => asSerial(mended(Number(replay))));
    it(`schedule ${replay} of 3,000 nodes`, { timeout: 120_000 }, () => asSerial(crowded(Number(replay))));
    it(`schedule ${replay} of tasks that submit tasks`, () => void run(recursive(Number(replay))));
    return;
  }
  const each = Math.ceil(Number(wanted) / GROUPS);
  const groups = Array.from({ length: GROUPS }, (_, group) => group);
  it.each(groups.slice(0, SPAWNING_FROM))(
    `schedules of 200 nodes, group %i of ${GROUPS}`,
    { timeout: 300_000 },
    (group) => {
      for (let seed = group * each; seed < (group + 1) * each; seed++) weather(seed);
    },
  );

  it.each(groups.slice(SPAWNING_FROM))(
    `schedules of tasks that submit tasks, group %i of ${GROUPS}`,
    { timeout: 300_000 },
    (group) => {
      const sum = new Map<string, number>();
      for (let seed = group * each; seed < (group + 1) * each; seed++) {
        const { nested, orphaned, tally } = run(recursive(seed));
        for (const [what, count] of Object.entries({ nested, orphaned, ...tally })) {
          sum.set(what, (sum.get(what) ?? 0) + count);
        }
      }
      for (const [what, count] of sum) expect(count, `${what} in all these schedules`).toBeGreaterThan(0);
    },
  );

  it.each(groups)(
    `tasks that may be tried again have the results of a single loop, group %i of ${GROUPS}`,
    { timeout: 300_000 },
    (group) => {
      for (let seed = group * each; seed < (group + 1) * each; seed++) asSerial(mended(seed));
    },
  );

  it.each([0, 1, 2])("schedule %i of 3,000 nodes", { timeout: 120_000 }, (seed) => asSerial(crowded(seed)));

  it("is the same for the same seed", () => {
    expect(run(stormy(4))).toEqual(run(stormy(4)));
    expect(run(recursive(4))).toEqual(run(recursive(4)));
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
    aways: 0,
    freezes: 0,
    restarts: 0,
    rootRestarts: 0,
    drains: 0,
    departures: 0,
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
