import { inspect } from "node:util";
import * as pydist from "pydist";
import { CancelledError, type ClusterExecutor, type Future, InvalidStateError, TimeoutError } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold, known, occupy } from "../support/gate.js";
import { row } from "./row.js";
import { range, reasonOf, warnings } from "./support.js";

/** A future in every state that there is; two were cancelled, before they left and afterwards. */
interface States {
  readonly pending: Future<unknown>;
  readonly running: Future<unknown>;
  readonly cancelled: Future<unknown>;
  readonly cancelledOnItsWay: Future<unknown>;
  readonly failed: Future<unknown>;
  readonly successful: Future<unknown>;
}
const STATES = ["pending", "running", "cancelled", "cancelledOnItsWay", "failed", "successful"] as const;

async function everyState(executor: ClusterExecutor): Promise<States> {
  const failed = executor.submit(() => {
    throw new RangeError("failed");
  });
  const successful = executor.submit(() => 42);
  await Promise.allSettled([failed, successful]);
  const [running] = await occupy(executor, await Gate.make());
  const cancelled = executor.submit(() => 1);
  cancelled.cancel();
  const cancelledOnItsWay = executor.submit(() => 1);
  const pending = executor.submit(() => 1);
  await new Promise((resolve) => setImmediate(resolve));
  cancelledOnItsWay.cancel();
  await known(running as Future<unknown>);
  return { pending, running: running as Future<unknown>, cancelled, cancelledOnItsWay, failed, successful };
}

/** What is true of each of the states. */
function table<T>(states: States, ask: (future: Future<unknown>) => T): Record<keyof States, T> {
  return Object.fromEntries(STATES.map((name) => [name, ask(states[name])])) as Record<keyof States, T>;
}

describeExecutors("a done callback", (open) => {
  row(78, "gets the future with its result", async () => {
    const executor = await open();
    const future = executor.submit(() => 5);
    // A future is a thenable: it would be awaited on its way out of a promise.
    const got = new Promise<[unknown]>((resolve) => future.addDoneCallback((given) => resolve([given])));
    expect((await got)[0]).toBe(future);
    expect(await future).toBe(5);
  });

  row(79, "gets the future with its error", async () => {
    const executor = await open();
    const future = executor.submit(() => {
      throw new RangeError("five");
    });
    const told = await new Promise((resolve) =>
      future.addDoneCallback((given) => resolve([given.state, given.done()])),
    );
    expect(told).toEqual(["finished", true]);
    expect(await future.exception()).toEqual(new RangeError("five"));
  });

  row(80, "gets the future that was cancelled", async () => {
    const executor = await open();
    const future = executor.submit(() => 5);
    const told: string[] = [];
    future.addDoneCallback(({ state }) => told.push(state));
    expect(future.cancel()).toBe(true);
    expect(told).toEqual(["cancelled"]);
  });

  row(81, "that throws is reported and does not stop the next one; they run in the order added", async () => {
    const executor = await open();
    const future = executor.submit(() => 5);
    const warned = warnings(1);
    const called: number[] = [];
    future.addDoneCallback(() => called.push(1));
    future.addDoneCallback(() => {
      called.push(2);
      throw new Error("doh!");
    });
    future.addDoneCallback(() => called.push(3));
    await future;
    expect(called).toEqual([1, 2, 3]);
    expect(await warned).toEqual([expect.stringContaining("A done callback threw: Error: doh!")]);
  });

  row(82, "of a future that was successful before runs at once, in a microtask", async () => {
    const future = (await open()).submit(() => 5);
    await future;
    expect(await calledInAMicrotask(future)).toBe(true);
  });

  row(83, "of a future that failed before runs at once, in a microtask", async () => {
    const future = (await open()).submit(() => {
      throw new Error("before");
    });
    await future.exception();
    expect(await calledInAMicrotask(future)).toBe(true);
  });

  row(84, "of a future that was cancelled before runs at once, in a microtask", async () => {
    const future = (await open()).submit(() => 5);
    future.cancel();
    expect(await calledInAMicrotask(future)).toBe(true);
  });

  row(85, "that throws although the future was done is reported", async () => {
    const future = (await open()).submit(() => 5);
    await future;
    const warned = warnings(1);
    future.addDoneCallback(() => {
      throw new Error("too late");
    });
    expect(await warned).toEqual([expect.stringContaining("A done callback threw: Error: too late")]);
  });
});

async function calledInAMicrotask(future: Future<unknown>): Promise<boolean> {
  let called = false;
  future.addDoneCallback((given) => {
    called = given === future;
  });
  expect(called).toBe(false);
  await Promise.resolve();
  return called;
}

describeExecutors("a future", (open) => {
  row(86, "is shown with its state and result or error", async () => {
    const states = await everyState(await open());
    expect(table(states, (future) => inspect(future))).toEqual({
      pending: "Future { <pending> }",
      running: "Future { <running> }",
      cancelled: "Future { <cancelled> }",
      cancelledOnItsWay: "Future { <cancelled> }",
      failed: "Future { <finished> raised RangeError }",
      successful: "Future { <finished> 42 }",
    });
  });

  row(88, "that is pending can be cancelled, one that runs or is done cannot", async () => {
    const states = await everyState(await open());
    const before = table(states, ({ state }) => state);
    expect(table(states, (future) => future.cancel())).toEqual({
      pending: true,
      running: false,
      cancelled: true,
      cancelledOnItsWay: true,
      failed: false,
      successful: false,
    });
    expect(table(states, ({ state }) => state)).toEqual({ ...before, pending: "cancelled" });
  });

  row(89, "knows whether it was cancelled", async () => {
    const states = await everyState(await open());
    expect(STATES.filter((name) => states[name].cancelled())).toEqual(["cancelled", "cancelledOnItsWay"]);
  });

  row(90, "knows whether it is done", async () => {
    const states = await everyState(await open());
    expect(STATES.filter((name) => !states[name].done())).toEqual(["pending", "running"]);
  });

  row(91, "knows whether it runs", async () => {
    const states = await everyState(await open());
    expect(STATES.filter((name) => states[name].running())).toEqual(["running"]);
  });

  row(92, "is waited for only so long for its result", async () => {
    const states = await everyState(await open());
    await expect(states.pending.result(0)).rejects.toBeInstanceOf(TimeoutError);
    await expect(states.running.result(0)).rejects.toBeInstanceOf(TimeoutError);
    await expect(states.cancelled.result(0)).rejects.toBeInstanceOf(CancelledError);
    await expect(states.cancelledOnItsWay.result(0)).rejects.toBeInstanceOf(CancelledError);
    await expect(states.failed.result(0)).rejects.toThrow(new RangeError("failed"));
    expect(await states.successful.result(0)).toBe(42);
  });

  row(93, "wakes who waits for its result when that comes later", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 42]);
    await gate.entered(1);
    const waiting = [future.result(), future.result(10_000), Promise.resolve(future)];
    gate.pass();
    expect(await Promise.all(waiting)).toEqual([42, 42, 42]);
  });

  row(94, "wakes who waits for its result when it is cancelled", async () => {
    const { pending } = await everyState(await open());
    const waiting = [reasonOf(pending.result()), reasonOf(pending.result(10_000)), reasonOf(pending)];
    pending.cancel();
    for (const reason of await Promise.all(waiting)) expect(reason).toBeInstanceOf(CancelledError);
  });

  row(95, "is waited for only so long for its exception", async () => {
    const states = await everyState(await open());
    await expect(states.pending.exception(0)).rejects.toBeInstanceOf(TimeoutError);
    await expect(states.running.exception(0)).rejects.toBeInstanceOf(TimeoutError);
    await expect(states.cancelled.exception(0)).rejects.toBeInstanceOf(CancelledError);
    await expect(states.cancelledOnItsWay.exception(0)).rejects.toBeInstanceOf(CancelledError);
    expect(await states.failed.exception(0)).toEqual(new RangeError("failed"));
    expect(await states.successful.exception(0)).toBe(null);
  });

  row(96, "wakes who waits for its exception", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 42]);
    await gate.entered(1);
    const waiting = future.exception(10_000);
    gate.pass();
    expect(await waiting).toBe(null);
  });

  row(97, "cannot be given a second result", async () => {
    const { successful } = await everyState(await open());
    expect(() => settle(successful, { value: 43 })).toThrow(InvalidStateError);
    expect(await successful).toBe(42);
  });

  row(98, "cannot be given a second exception", async () => {
    const { failed, cancelled } = await everyState(await open());
    expect(() => settle(failed, { error: new Error("another") })).toThrow("The future is finished already.");
    expect(() => settle(cancelled, { error: new Error("another") })).toThrow("The future is cancelled already.");
    await expect(failed).rejects.toThrow("failed");
  });

  row(99, "can be asked for everything at one moment, and the answers fit together", async () => {
    const executor = await open();
    const futures = range(200).map((i) => executor.submit((n: number) => n, [i]));
    const fits = {
      pending: [false, false, false],
      running: [false, false, true],
      finished: [true, false, false],
      cancelled: [true, true, false],
    };
    // Nothing changes while a program looks: it is told of news only in between.
    while (!futures.every((future) => future.done())) {
      for (const future of futures) {
        expect([future.done(), future.cancelled(), future.running()]).toEqual(fits[future.state]);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(futures)).toEqual(range(200));
  });
});

/** What the executor does with a result that arrives. */
function settle(future: Future<unknown>, outcome: { value: unknown } | { error: unknown }): void {
  const internal = future as unknown as { finish(outcome: object, info: object, duration: number): void };
  internal.finish(outcome, { node: "n", hops: 0, attempt: 1 }, 0);
}

describe("what pydist exports", () => {
  row(87, "has the names under which it is exported", async () => {
    const named = Object.entries(pydist).filter(([, value]) => typeof value === "function");
    expect(named.length).toBeGreaterThan(15);
    for (const [name, value] of named) expect((value as { name: string }).name).toBe(name);
    for (const [name, value] of named.filter(([each]) => each.endsWith("Error"))) {
      expect((value as { prototype: Error }).prototype.name).toBe(name);
    }
  });
});
