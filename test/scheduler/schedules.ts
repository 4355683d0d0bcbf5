import { random } from "../support/random.js";
import type { SimulationOptions } from "./simulation-options.js";

/** A random tree that loses, cuts off and gains nodes while two executors' tasks are on their way. */
export function stormy(seed: number): SimulationOptions {
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
    clogs: seed % 40,
    freezes: 5,
    restarts: 5,
    rootRestarts: seed % 2,
    drains: seed % 30,
    departures: seed % 15,
    faultsUntil: 120,
    placed: (seed % 3) / 10,
    validate: true,
  };
}

/**
 * Tasks that submit tasks and wait for them, on trees of all sizes with few slots and small windows, while nodes and
 * programs are lost and tasks are stopped, some of which would never end otherwise.
 */
export function recursive(seed: number): SimulationOptions {
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
    clogs: seed % 13,
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
export function mended(seed: number): SimulationOptions {
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
    // Those for one node would fail with it.
    placed: 0,
    losses: upTo(8),
    cuts: upTo(8),
    joins: upTo(8),
    cancels: 0,
    aways: upTo(20),
    clogs: upTo(20),
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

export function crowded(seed: number): SimulationOptions {
  const faults = { losses: 200, cuts: 100, joins: 50, aways: 200, freezes: 50, restarts: 100, cancels: 0, placed: 0 };
  return { ...stormy(seed), ...faults, nodes: 3000, tasks: 3000, attempts: 1000 };
}

/** The root has so many slots; every other node what is drawn for it. */
export function firstHas(slots: number, others: SimulationOptions["slots"]): SimulationOptions["slots"] {
  let asked = 0;
  return (draw) => (asked++ === 0 ? slots : others(draw));
}

export function tenChildrenEach(index: number): number {
  return Math.floor((index - 1) / 10);
}

/** No faults; links of 0.2 ms. */
export function calm(options: Partial<SimulationOptions>): SimulationOptions {
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
    clogs: 0,
    freezes: 0,
    restarts: 0,
    rootRestarts: 0,
    drains: 0,
    departures: 0,
    placed: 0,
    faultsUntil: 1e9,
    ...options,
  };
}
