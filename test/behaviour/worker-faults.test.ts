import { type ClusterExecutor, type Future, task } from "pydist";
import { expect, it } from "vitest";
import { range } from "../conformance/support.js";
import { Gate, hold, occupy } from "../support/gate.js";
import { watch } from "../support/watchdog.js";
import { describeExecutors } from "./executors.js";
import type * as tasks from "./fixtures/faulty.mjs";

/*
 * What a task can do to its thread, at every station. Each time its own future settles by name, whoever runs beside it and
 * behind it comes through, and afterwards every slot is there.
 */

const fixtures = new URL("./fixtures/faulty.mjs", import.meta.url).href;
const give = task<typeof tasks.give>(fixtures, "give");
const returnFaulty = task<typeof tasks.returnFaulty>(fixtures, "returnFaulty");
const throwFaulty = task<typeof tasks.throwFaulty>(fixtures, "throwFaulty");

/** Here they are errors as any; the workers have registered others of the same names. */
class ThrowsInDecoding extends Error {}
class ExhaustsInDecoding extends Error {}

const EXIT = { code: "PYDIST_E_WORKER_EXIT", exitCode: 7 };
const MEMORY = { code: "PYDIST_E_WORKER_MEMORY" };
const ENCODING = { code: "PYDIST_E_SERIALIZATION" };

type Fault = readonly [what: string, fails: (executor: ClusterExecutor) => Future<unknown>, error: object];

const FAULTS: readonly Fault[] = [
  ["exits", (e) => e.submit(() => process.exit(7)), EXIT],
  [
    "exits in a finally",
    (e) =>
      e.submit(() => {
        try {
          return JSON.parse("{");
        } finally {
          process.exit(7);
        }
      }),
    EXIT,
  ],
  [
    "exits in a finally, later",
    (e) =>
      e.submit(async () => {
        try {
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error("nobody hears of it");
        } finally {
          process.exit(7);
        }
      }),
    EXIT,
  ],
  ["uses up its heap", (e) => e.submit(exhaust), MEMORY],
  ["uses up its heap while its arguments are decoded", (e) => e.submit(give, [new ExhaustsInDecoding("bad")]), MEMORY],
  ["uses up its heap while its result is encoded", (e) => e.submit(returnFaulty, ["exhaust"]), MEMORY],
  ["uses up its heap while its error is encoded", (e) => e.submit(throwFaulty, ["exhaust"]), MEMORY],
  ["exits while its result is encoded", (e) => e.submit(returnFaulty, ["exit"]), EXIT],
  ["exits while its error is encoded", (e) => e.submit(throwFaulty, ["exit"]), EXIT],
  ["has arguments that cannot be decoded", (e) => e.submit(give, [new ThrowsInDecoding("bad")]), ENCODING],
  ["has a result that cannot be encoded", (e) => e.submit(returnFaulty, ["throw"]), ENCODING],
  ["throws what cannot be read", (e) => e.submit(throwFaulty, ["throw"]), { message: "thrown" }],
  [
    "never ends",
    (e) =>
      e.submit(
        () => {
          for (;;);
        },
        [],
        { timeout: 200 },
      ),
    { code: "PYDIST_E_TIMEOUT" },
  ],
  ["never returns", (e) => e.submit(() => new Promise(() => {}), [], { timeout: 200 }), { code: "PYDIST_E_TIMEOUT" }],
  [
    "calls itself without end",
    (e) => {
      const again = (): number => again() + 1;
      return e.submit(again);
    },
    { name: "RangeError" },
  ],
  ["aborts, as a worker cannot", (e) => e.submit(() => process.abort()), { code: "ERR_WORKER_UNSUPPORTED_OPERATION" }],
];

function exhaust(): never {
  const kept = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

describeExecutors(
  "a task",
  (open) => {
    it.each(FAULTS)("that %s fails alone, by name, and costs no slot", async (_, fails, error) => {
      const executor = await open({ abortGrace: 200, attempts: 1 });
      const gate = await Gate.make();
      const neighbour = executor.submit(hold, [gate.port, "beside"]);
      await gate.entered(1);
      const bad = fails(executor);
      const behind = range(20).map((n) => executor.submit((i: number) => i * i, [n]));
      expect(await watch(bad.exception(), { executor, futures: [bad] })).toMatchObject(error);
      expect(await watch(Promise.all(behind), { executor, futures: behind })).toEqual(range(20).map((n) => n * n));
      gate.open();
      expect(await neighbour).toBe("beside");
      const last = await Gate.make();
      const all = await watch(occupy(executor, last), { executor });
      last.open();
      expect(await Promise.all(all)).toEqual(range(all.length));
    });
  },
  // So that what is used up is used up soon.
  { workerMemory: 64 },
);
