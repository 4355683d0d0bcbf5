import { expect, it } from "vitest";
import { Simulation } from "./simulation.js";
import type { Outcomes, SimulationOptions } from "./simulation-options.js";

/*
 * Schedules are spread over the files `simulation*.test.ts`, because the runner gives each of its processes a file at a
 * time. `PYDIST_SIMULATION_SEED=17 npm test -- test/scheduler/simulation` replays those of one seed, of every kind;
 * `PYDIST_SIMULATIONS=5000` plays more of them.
 */
const { PYDIST_SIMULATION_SEED: replay, PYDIST_SIMULATIONS: wanted = "1000" } = process.env;
/** How many tests the schedules of one kind are spread over, so that one can see how far they have come. */
const GROUPS = 10;

export interface Kind {
  /** Completes the sentence that begins with "schedules". */
  readonly name: string;
  /** Which part of the seeds is played; by default all of them. */
  readonly part?: readonly [from: number, to: number];
  /** Just these seeds, however many are wanted. */
  readonly seeds?: readonly number[];
  /** Whether a seed makes a schedule of this kind; by default all do. */
  readonly fits?: (seed: number) => boolean;
  readonly play: (seed: number) => void;
  /** What has to hold when many of them were played. */
  readonly afterwards?: () => void;
}

function groupsOf({ part = [0, 1], seeds, fits = () => true }: Kind): number[][] {
  if (seeds !== undefined) return seeds.map((seed) => [seed]);
  const each = Math.ceil(Number(wanted) / GROUPS);
  const [first, end] = part.map((share) => Math.round(share * GROUPS)) as [number, number];
  return Array.from({ length: end - first }, (_, group) =>
    Array.from({ length: each }, (_, i) => (first + group) * each + i).filter(fits),
  );
}

/** Declares the tests of one kind of schedules: many of them, or the one that is to be replayed. */
export function schedules(kind: Kind): void {
  const { name, fits = () => true, play, afterwards } = kind;
  if (replay !== undefined) {
    const seed = Number(replay);
    it(`schedule ${replay} ${name}`, { timeout: 120_000 }, (ctx) => {
      if (!fits(seed)) ctx.skip(`seed ${replay} makes no schedule of this kind`);
      play(seed);
    });
    return;
  }
  for (const seeds of groupsOf(kind)) {
    it(`schedules ${name}, from ${seeds[0]} on`, { timeout: 300_000 }, () => {
      for (const seed of seeds) play(seed);
      afterwards?.();
    });
  }
}

/** @param check what has to hold of the outcomes besides the invariants */
export function run(options: SimulationOptions, check?: (outcomes: Outcomes) => void): Outcomes {
  try {
    const outcomes = new Simulation(options).run();
    check?.(outcomes);
    return outcomes;
  } catch (error) {
    const command = `PYDIST_SIMULATION_SEED=${options.seed} npm test -- test/scheduler/simulation`;
    throw new Error(`Schedule ${options.seed} failed. Replay it with: ${command}`, { cause: error });
  }
}

/** All programs have what a single loop over their tasks would give them; the simulation compares the values. */
export function asSerial(options: SimulationOptions): void {
  run(options, ({ answered }) => expect(answered).toBe(options.tasks * options.executors));
}

export function storm(options: SimulationOptions): void {
  run(options, ({ finished, failed, cancelled, deepest }) => {
    expect(finished + failed + cancelled).toBe(options.tasks * options.executors);
    expect(deepest).toBeLessThanOrEqual(options.hopLimit);
  });
}
