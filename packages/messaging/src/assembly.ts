import { setTimeout as pause } from "node:timers/promises";
import { CancelledError, GangError, RankError } from "@pydist/protocol";
import type { ClusterExecutor } from "pydist";
import { type Failure, Gang, isPassing } from "./gang.js";
import type { RankFunction } from "./rank.js";

/** What is to be assembled. Times are in milliseconds. */
export interface Plan {
  readonly executor: ClusterExecutor;
  readonly fn: RankFunction;
  readonly args: readonly unknown[];
  readonly ranks: number;
  readonly startTimeout: number;
  readonly signal: AbortSignal | undefined;
}

/** How long the first try waits for the next rank to come. Each further one waits twice as long. */
const FIRST_PATIENCE = 1000;
const MOST_PATIENCE = 60_000;
/** Longer than that, no timer runs. */
const LONGEST = 2 ** 31 - 1;

/** Of one executor, one gang at a time: two that have half of the slots each would wait for each other. */
const turns = new WeakMap<ClusterExecutor, Promise<void>>();

/**
 * Has all ranks hold a slot at the same time. Programs know nothing of each other, so two of them may have half of the slots
 * each: then they give all back, wait for a random time, and try again.
 * @throws GangError after `startTimeout`; CancelledError if the signal was aborted; RankError if one cannot begin at all
 */
export async function assemble(plan: Plan): Promise<Gang> {
  const until = performance.now() + plan.startTimeout;
  const before = turns.get(plan.executor);
  const tries = tryUntil(plan, until, before);
  const over = Promise.allSettled([before, tries]).then(() => {});
  turns.set(plan.executor, over);
  return await tries;
}

async function tryUntil(plan: Plan, until: number, before: Promise<void> | undefined): Promise<Gang> {
  const { executor, fn, args, ranks, signal } = plan;
  if (before !== undefined) await waitFor(before, until, signal);
  let got = 0;
  for (let patience = FIRST_PATIENCE; ; patience = Math.min(patience * 2, MOST_PATIENCE)) {
    throwIfAborted(signal);
    if (performance.now() >= until) throw await notEnough(plan, got);
    const gang = new Gang(executor, fn, args, ranks);
    const how = await gang.gathered(patience * (0.5 + Math.random()), until, signal);
    got = Math.max(got, gang.here);
    if (how === "all here") return gang;
    const failed = typeof how === "object" && !isPassing(how) ? how : undefined;
    await gang.disband(new CancelledError("The ranks did not all get a slot at the same time."));
    if (failed !== undefined) throw rankError(failed, ranks);
    const rest = Math.min((Math.random() * patience) / 4, until - performance.now());
    if (rest > 0) await pause(rest, undefined, { ...(signal === undefined ? {} : { signal }) }).catch(() => {});
  }
}

/** Resolves when it is this one's turn, or nothing more can come of it. */
async function waitFor(turn: Promise<void>, until: number, signal: AbortSignal | undefined): Promise<void> {
  const given = new AbortController();
  const signals = signal === undefined ? given.signal : AbortSignal.any([given.signal, signal]);
  const late = pause(Math.min(LONGEST, Math.max(0, until - performance.now())), undefined, { signal: signals }).catch(
    () => {},
  );
  await Promise.race([turn, late]);
  given.abort();
}

async function notEnough({ executor, ranks, startTimeout }: Plan, got: number): Promise<GangError> {
  const nodes = await executor.nodes();
  const slots = nodes.reduce((sum, node) => sum + node.slots, 0);
  return new GangError(
    `spmd wanted ${ranks} ranks at once and got ${got} within ${startTimeout} ms; the cluster has ${slots} slots in ` +
      "all. None of the ranks was begun. Add nodes or workers, ask for fewer ranks, or raise startTimeout.",
    { wanted: ranks, got, slots },
  );
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CancelledError("spmd was aborted.", { cause: signal.reason });
}

export function rankError({ rank, error }: Failure, ranks: number): RankError {
  const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new RankError(`Rank ${rank} of ${ranks} failed, so the others were stopped. ${why}`, { rank, cause: error });
}
