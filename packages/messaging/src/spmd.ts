import { inspect } from "node:util";
import { CancelledError } from "@pydist/protocol";
import { isTaskReference } from "@pydist/shipping";
import type { ClusterExecutor } from "pydist";
import { assemble, rankError, throwIfAborted } from "./assembly.js";
import type { Comm } from "./comm.js";
import type { RankFunction } from "./rank.js";

/** Options of `spmd`. Times are in milliseconds. */
export interface SpmdOptions<A extends readonly unknown[] = readonly unknown[]> {
  /** How many. Each needs a slot for as long as it runs. */
  readonly ranks: number;
  /** Given to the function of every rank, after `comm`. */
  readonly args?: A;
  /** How long all ranks have to get a slot at the same time. Default 30 s. */
  readonly startTimeout?: number;
  /** Stops all ranks. */
  readonly signal?: AbortSignal;
}

/**
 * Single program, multiple data: calls `fn(comm, ...args)` on so many slots of the cluster at once, all or none, and gives
 * what they return, in the order of ranks. `comm` is how they exchange values. If one fails, the others are stopped.
 *
 * @throws TypeError or RangeError for a wrong argument; GangError if the ranks do not all get a slot in time; RankError if
 *   one throws or its node is lost; CancelledError if the signal is aborted; what `submit` throws
 */
export async function spmd<A extends readonly unknown[], R>(
  executor: ClusterExecutor,
  fn: (comm: Comm, ...args: A) => R,
  options: SpmdOptions<A>,
): Promise<Awaited<R>[]> {
  check(executor, fn, options);
  const { ranks, args = [], startTimeout = 30_000, signal } = options;
  throwIfAborted(signal);
  const gang = await assemble({ executor, fn: fn as unknown as RankFunction, args, ranks, startTimeout, signal });
  gang.begin();
  const outcome = await gang.results(signal);
  if (Array.isArray(outcome)) return outcome as Awaited<R>[];
  const error =
    outcome === "aborted"
      ? new CancelledError("spmd was aborted.", { cause: signal?.reason })
      : rankError(outcome, ranks);
  await gang.disband(error);
  throw error;
}

function check(executor: unknown, fn: unknown, options: unknown): void {
  if (typeof (Object(executor) as Partial<ClusterExecutor>).nodes !== "function") {
    throw new TypeError(`spmd's executor is ${inspect(executor, { depth: 0 })}; it must be a ClusterExecutor.`);
  }
  if (typeof fn !== "function") throw new TypeError(`spmd's fn is ${inspect(fn)}; it must be a function.`);
  if (isTaskReference(fn)) {
    throw new TypeError("spmd's fn is a task() reference; give it the function itself, which may be imported.");
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`spmd's options are ${inspect(options)}; they must be an object that says how many ranks.`);
  }
  for (const [name, value] of Object.entries({ ranks: undefined, ...options })) {
    const known = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (known === undefined) {
      throw new TypeError(`spmd has no option ${inspect(name)}; it has ${Object.keys(OPTIONS).join(", ")}.`);
    }
    if (value === undefined && name !== "ranks") continue;
    if (!known.fits(value)) throw new TypeError(`spmd's ${name} is ${inspect(value)}; it must be ${known.be}.`);
  }
}

interface Option {
  readonly be: string;
  readonly fits: (value: unknown) => boolean;
}

const OPTIONS: Readonly<Record<string, Option>> = {
  ranks: { be: "a whole number of at least 1", fits: (value) => Number.isSafeInteger(value) && (value as number) >= 1 },
  args: { be: "an array", fits: Array.isArray },
  startTimeout: { be: "milliseconds of at least 0", fits: (value) => typeof value === "number" && value >= 0 },
  signal: { be: "an AbortSignal", fits: (value) => value instanceof AbortSignal },
};
