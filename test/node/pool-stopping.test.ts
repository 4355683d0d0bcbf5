import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  bodyAt,
  CancelledError,
  countOf,
  decodeFailure,
  decodeValue,
  encodeArguments,
  encodeFailure,
  kindAt,
  Outcome,
  outcomeAt,
  packBodies,
  TimeoutError,
  WorkerExitError,
} from "@pydist/protocol";
import { initializerText, sha256, ship, task } from "@pydist/shipping";
import { afterEach, expect, it } from "vitest";
import { Pool, type PoolOptions } from "../../packages/pydist-node/dist/pool/pool.js";
import { folderOf } from "../support/folders.js";

/** What became of a task: its value, its error, or how else it left the pool. */
type Fate = { value: unknown } | { error: unknown } | "cancelled" | "returned";

let pool: Pool;
afterEach(() => pool.destroy());

/** A pool whose runs are told as one promise a task; what was returned is not run again here. */
class Subject {
  readonly #began = new Map<number, () => void>();
  readonly #fates = new Map<string, (fate: Fate) => void>();
  #lease = 0;

  constructor(options: Partial<PoolOptions> = {}) {
    const settle = (lease: number, index: number, fate: Fate): void => {
      const key = `${lease} ${index}`;
      this.#fates.get(key)?.(fate);
      this.#fates.delete(key);
    };
    pool = new Pool(
      { node: "n", workers: 1, tasksPerWorker: 1, ...options },
      {
        results(lease, from, bodies) {
          for (let i = 0; i < countOf(bodies); i++) settle(lease, from + i, fateOf(bodies, i));
        },
        started: () => {},
        returned(lease, ranges) {
          for (let r = 0; r < ranges.length; r += 2) {
            for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) settle(lease, i, "returned");
          }
        },
        suspended: () => {},
        ready: () => {},
        said: (lease) => this.#began.get(lease)?.(),
        stray: () => {},
        output: () => {},
        threadDied: () => {},
      },
    );
  }

  // biome-ignore lint/suspicious/noExplicitAny: any function can be run
  run(fn: (...args: any[]) => unknown, calls: unknown[][], fields: Partial<BatchHeader> = {}, initializer?: string) {
    const { hash, text, captured } = ship(fn);
    const builder = new BodiesBuilder();
    for (const call of calls) builder.add(encodeArguments(call));
    const lease = ++this.#lease;
    const fates = calls.map((_, i) => new Promise<Fate>((resolve) => this.#fates.set(`${lease} ${i}`, resolve)));
    const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 100 };
    const seen = captured === undefined ? {} : { captured: { hash: captured.hash, state: captured.state } };
    const head = { code: hash, name: fn.name, executor: "e", batch: 1, first: 0, ...seen, ...limits, ...fields };
    // Told by the first thing that the task says.
    const began = new Promise<void>((resolve) => this.#began.set(lease, resolve));
    pool.start(lease, head, builder.build(), { code: text, initializer, captured: captured?.bytes });
    return { lease, fates, began };
  }
}

function fateOf(bodies: Bodies, index: number): Fate {
  const outcome = outcomeAt(bodies, index);
  if (outcome & Outcome.Cancelled) return "cancelled";
  if (outcome & Outcome.Failed) return { error: decodeFailure(kindAt(bodies, index), bodyAt(bodies, index)) };
  return { value: decodeValue(kindAt(bodies, index), bodyAt(bodies, index)) };
}

function stop(grace: number, reason: unknown = new Error("enough")) {
  const builder = new BodiesBuilder();
  builder.add(encodeFailure(reason));
  return { grace, reason: builder.build() };
}

/** From text: what the test runner makes of a file has other names. Says that it has begun before anything else. */
function saying(body: string): () => unknown {
  return new Function("task", `return async () => { task.context().log.info("began"); ${body} }`)(
    task,
  ) as () => unknown;
}

const spin = saying("for (;;);");
const wait = saying("await new Promise(() => {});");

it("an endless loop ends with its thread after its grace; those behind it in its run are given back", async () => {
  const subject = new Subject();
  const { lease, fates, began } = subject.run(spin, [[], []]);
  await began;
  pool.cancel(lease, [0, 1], stop(50));
  expect(await fates[0]).toMatchObject({ error: expect.any(CancelledError) });
  expect(await fates[1]).toBe("returned");
  // The slot is there again.
  const [again] = subject.run((n: number) => n + 1, [[1]]).fates;
  expect(await again).toEqual({ value: 2 });
});

it("a task that heeds its signal ends by itself, with the reason that was given", async () => {
  const subject = new Subject();
  const heed = saying(`
    const { signal } = task.context();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return signal.reason.message;
  `);
  const { lease, fates, began } = subject.run(heed, [[]]);
  await began;
  pool.cancel(lease, [0, 1], stop(60_000));
  expect(await fates[0]).toEqual({ value: "enough" });
});

it("a synchronous task may look at its signal", async () => {
  const subject = new Subject();
  const look = saying("const { signal } = task.context(); for (;;) signal.throwIfAborted();");
  const { lease, fates, began } = subject.run(look, [[]]);
  await began;
  pool.cancel(lease, [0, 1], stop(60_000));
  expect(await fates[0]).toMatchObject({ error: expect.any(CancelledError) });
});

it("a task that has a timeout is stopped; the ones before it have their results, the ones behind it are given back", async () => {
  const subject = new Subject();
  const { fates } = subject.run(
    (n: number) => {
      if (n === 1) for (;;);
      return n;
    },
    [[0], [1], [2]],
    { timeout: 2000, grace: 20, name: "sometimes" },
  );
  expect(await fates[1]).toMatchObject({ error: expect.any(TimeoutError) });
  // Its result had not left the thread, which happens after 5 ms of work, or it had.
  expect([{ value: 0 }, "returned"]).toContainEqual(await fates[0]);
  expect(await fates[2]).toBe("returned");
});

it("a timeout counts for each task by itself", async () => {
  const subject = new Subject();
  const nap = (ms: number) => new Promise((resolve) => setTimeout(() => resolve(ms), ms));
  const { fates } = subject.run(nap, [[1000], [1000], [1000]], { timeout: 2500 });
  expect(await Promise.all(fates)).toEqual([{ value: 1000 }, { value: 1000 }, { value: 1000 }]);
});

it("a task that took too long fails even if it came back within its grace", async () => {
  const subject = new Subject();
  const nap = (ms: number) => new Promise((resolve) => setTimeout(() => resolve(ms), ms));
  const { fates } = subject.run(nap, [[2500], [1]], { timeout: 2000, grace: 60_000 });
  expect(await fates[0]).toMatchObject({ error: expect.any(TimeoutError) });
  expect(await fates[1]).toEqual({ value: 1 });
});

it("neighbours on the thread of a task that is stopped are given back, not blamed", async () => {
  const subject = new Subject({ tasksPerWorker: 2 });
  const neighbour = subject.run(wait, [[]]);
  await neighbour.began;
  const loop = subject.run(spin, [[]]);
  await loop.began;
  pool.cancel(loop.lease, [0, 1], stop(0));
  expect(await loop.fates[0]).toMatchObject({ error: expect.any(CancelledError) });
  expect(await neighbour.fates[0]).toBe("returned");
});

it("of several on a thread, the one that called process.exit() is to blame", async () => {
  const subject = new Subject({ tasksPerWorker: 2 });
  const neighbour = subject.run(wait, [[]]);
  await neighbour.began;
  const leaver = subject.run(() => process.exit(7), [[]]);
  expect(await leaver.fates[0]).toMatchObject({ error: expect.any(WorkerExitError) });
  expect(await neighbour.fates[0]).toBe("returned");
});

it("who was to blame once is not for later threads, though a neighbour whose files are coming has not heard", async () => {
  const file = join(folderOf({ "gone.mjs": "export const f = () => 1;" }), "gone.mjs");
  let asked: () => void = () => {};
  const fetching = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const trees = () => {
    asked();
    return new Promise<never>(() => {});
  };
  const subject = new Subject({ tasksPerWorker: 2, trees });
  subject.run(task(pathToFileURL(file), "f"), [[]]);
  rmSync(file);
  await fetching;
  expect(await subject.run(() => process.exit(7), [[]]).fates[0]).toMatchObject({ error: expect.any(WorkerExitError) });
  // Ends its thread without a word.
  const silent = new Function("process.reallyExit(8); for (;;);") as () => never;
  expect(await subject.run(silent, [[]]).fates[0]).toMatchObject({ error: expect.any(WorkerExitError) });
});

it("a thread is replaced after as many tasks as it may run; what its run had left is given back", async () => {
  const subject = new Subject({ maxTasksPerWorker: 3 });
  const where = async () => (await import("node:worker_threads")).threadId;
  const first = subject.run(where, [[], [], [], [], []]);
  const [a, b, c, d, e] = await Promise.all(first.fates);
  expect([b, c, d, e]).toEqual([a, a, "returned", "returned"]);
  const [next] = await Promise.all(subject.run(where, [[]]).fates);
  expect(next).not.toEqual(a);
});

it("the initializer runs once on each thread, before the first task", async () => {
  const subject = new Subject();
  const code = ship((n: number) => {
    (globalThis as { sum?: number }).sum = ((globalThis as { sum?: number }).sum ?? 0) + n;
  }).text;
  const args = new BodiesBuilder();
  args.add(encodeArguments([5]));
  const text = initializerText({ code, args: packed(args.build()) });
  const read = () => (globalThis as { sum?: number }).sum;
  for (let round = 0; round < 2; round++) {
    const [fate] = subject.run(read, [[]], { initializer: sha256(text) }, text).fates;
    expect(await fate).toEqual({ value: 5 });
  }
});

function packed(bodies: Bodies): string {
  return Buffer.from(packBodies(bodies)).toString("base64");
}

it("code that ends each thread that loads it fails its tasks by name, at once", async () => {
  const subject = new Subject();
  const reference = task(new URL("./fixtures/exits-on-import.mjs", import.meta.url), "never");
  const fates = await Promise.all(subject.run(reference, [[], [], []], { name: "never" }).fates);
  for (const fate of fates) expect(fate).toMatchObject({ error: { code: "PYDIST_E_WORKER_EXIT", exitCode: 3 } });
  const [again] = subject.run((n: number) => n + 1, [[1]]).fates;
  expect(await again).toEqual({ value: 2 });
});

it("quick results do not wait for a long call behind them in their run, once such calls are known", async () => {
  const subject = new Subject();
  const fn = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; );
    return ms;
  };
  await Promise.all(subject.run(fn, [[30], [0]]).fates);
  const order: number[] = [];
  const { fates } = subject.run(fn, [[0], [0.1], [400]]);
  fates.forEach((fate, i) => void fate.then(() => order.push(i)));
  await fates[1];
  expect(order).not.toContain(2);
  await fates[2];
  expect(order).toEqual([0, 1, 2]);
});
