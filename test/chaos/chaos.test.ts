import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterExecutor, NodeInfo } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate, hold } from "../support/gate.js";
import { descendantsOf } from "../support/process-table.js";
import { random } from "../support/random.js";
import { watch } from "../support/watchdog.js";
import { type Fault, InjuredTree } from "./injured-tree.js";
import { ENDLESS_ATTEMPTS, Load } from "./load.js";

/**
 * `PYDIST_CHAOS_SEED=17 npm test -- test/chaos` strikes in the same order; `npm run chaos` (`PYDIST_CHAOS=long`) is the
 * form that takes minutes.
 */
const { PYDIST_CHAOS: form = "short", PYDIST_CHAOS_SEED: seed = `${Date.now() % 100_000}` } = process.env;
const long = form === "long";
const size = long
  ? { faults: 100, wave: 2000, rootKills: 5, short: 100_000 }
  : { faults: 8, wave: 300, rootKills: 2, short: 5000 };
const LIMIT = long ? 1_800_000 : 150_000;

const PATIENT = { attempts: ENDLESS_ATTEMPTS, connectTimeout: 60_000 };

/** Resolves when the tree has so many nodes, and none of them has anything left to do. */
async function calmed(executor: ClusterExecutor, nodes: number): Promise<NodeInfo[]> {
  for (;;) {
    const infos = await executor.nodes();
    const quiet = infos.every(({ running, queued, suspended }) => running + queued + suspended === 0);
    if (quiet && infos.length === nodes) return infos;
    // Of a number that goes down nobody is told.
    await sleep(50);
  }
}

/** Every slot there is can be had at the same time, and no more. */
async function everySlotIsFree(executor: ClusterExecutor, nodes: number): Promise<void> {
  const slots = (await calmed(executor, nodes)).reduce((sum, info) => sum + info.slots, 0);
  const gate = await Gate.make();
  const futures = Array.from({ length: 2 * slots }, (_, i) => executor.submit(hold, [gate.port, i]));
  await gate.entered(slots);
  gate.close();
  expect(await Promise.all(futures)).toEqual(futures.map((_, i) => i));
  expect(gate.most).toBe(slots);
}

/** A message that says how to have the same again. */
async function seeded(what: (draw: () => number) => Promise<void>): Promise<void> {
  try {
    await what(random(Number(seed)));
  } catch (error) {
    throw new Error(`Replay it with: PYDIST_CHAOS=${form} PYDIST_CHAOS_SEED=${seed} npm test -- test/chaos`, {
      cause: error,
    });
  }
}

function summary(text: string): void {
  console.log(`chaos, seed ${seed}: ${text}`);
}

describe.skipIf(process.platform === "win32")("a tree of processes", () => {
  it("whose nodes die, freeze, leave and join loses nothing, and nothing is left of it", { timeout: LIMIT }, () =>
    seeded(async (draw) => {
      const before = descendantsOf(process.pid);
      const tmp = folderOf({});
      const env = { TMPDIR: tmp, NODE_OPTIONS: "--max-old-space-size=96" };
      const tree = await InjuredTree.grow(7, draw, { env });
      const executor = attach(tree.root.address, PATIENT);
      await executor.waitForNodes(tree.size, { timeout: 20_000 });
      const load = new Load(executor);
      const calm = await load.wave(size.wave, 20);

      const blows: string[] = [];
      const storm = async (): Promise<void> => {
        // Each kind comes up early and evenly, in an order and at times that are drawn.
        const kinds: readonly Fault[] = ["kill", "lose", "freeze", "kill", "leave"];
        for (let i = 0; i < size.faults; i++) {
          await sleep(-Math.log(1 - draw()) * 600);
          const blow = await tree.strike(kinds[i % kinds.length] as Fault, 200 + draw() * (long ? 14_000 : 2500));
          blows.push(blow);
          if (long) summary(`${i + 1} of ${size.faults}: ${blow}`);
          if (i % 4 === 3) await load.exhaust();
          if (i % 4 === 1) await load.abort();
        }
      };
      let state: "storm" | "calm" = "storm";
      const over = storm().finally(() => {
        state = "calm";
      });
      const started = performance.now();
      let waves = 0;
      do {
        await watch(load.wave(size.wave, 20), { executor }, LIMIT / 2);
        waves++;
      } while (state === "storm");
      await over;
      const stormy = (performance.now() - started) / waves;
      const repeated = load.check();
      await everySlotIsFree(executor, tree.size);
      summary(
        `${size.wave} tasks of 20 ms took ${calm.toFixed()} ms, and with faults ${stormy.toFixed()} ms; ` +
          `${repeated} of ${waves * size.wave} were run more than once; ${blows.join(", ")}`,
      );
      await executor.shutdown();
      expect(await tree.end()).toEqual([]);
      expect(descendantsOf(process.pid).filter((pid) => !before.includes(pid))).toEqual([]);
      expect(readdirSync(tmp)).toEqual([]);
    }),
  );

  it(
    "whose root dies in the middle of short tasks, and comes back, is told every result once",
    { timeout: LIMIT },
    () =>
      seeded(async (draw) => {
        const tree = await InjuredTree.grow(3, draw);
        const executor = attach(tree.root.address, PATIENT);
        await executor.waitForNodes(tree.size, { timeout: 20_000 });
        const load = new Load(executor);
        const calm = await load.wave(size.short, 0);
        // Once in each equal part of the way, wherever in it.
        const part = size.short / size.rootKills;
        const when = Array.from({ length: size.rootKills }, (_, i) => Math.floor((i + draw()) * part));
        const stormy = await watch(
          load.wave(size.short, 0, (done) => {
            if (done < (when[0] ?? Number.POSITIVE_INFINITY)) return;
            when.shift();
            tree.killRoot();
          }),
          { executor },
          LIMIT / 2,
        );
        expect(when).toEqual([]);
        const repeated = load.check();
        await everySlotIsFree(executor, tree.size);
        summary(
          `${size.short} short tasks took ${calm.toFixed()} ms, and ${stormy.toFixed()} ms while the root died ` +
            `${size.rootKills} times; ${repeated} were run more than once`,
        );
        await executor.shutdown();
        expect(await tree.end()).toEqual([]);
      }),
  );
});
