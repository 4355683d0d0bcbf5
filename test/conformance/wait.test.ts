import { type ClusterExecutor, type Future, wait } from "pydist";
import { expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold, holdThenThrow, occupy, slotsOf } from "../support/gate.js";
import { watch } from "../support/watchdog.js";
import { row } from "./row.js";
import { range, sortedOut } from "./support.js";

/** Futures that are completed when the test begins. */
interface Completed {
  readonly cancelled: Future<number>;
  readonly failed: Future<never>;
  readonly successful: Future<number>;
}

async function completed(executor: ClusterExecutor): Promise<Completed> {
  const cancelled = executor.submit(() => 1);
  cancelled.cancel();
  const failed = executor.submit((): never => {
    throw new Error("failed");
  });
  const successful = executor.submit(() => 42);
  await Promise.allSettled([failed, successful]);
  return { cancelled, failed, successful };
}

/** In an object, for a future is a thenable: an async function would wait for it. */
async function notDone(executor: ClusterExecutor): Promise<{ never: Future<unknown> }> {
  return { never: executor.submit(hold, [(await Gate.make()).port, "never"]) };
}

describeExecutors("wait", (open) => {
  row(100, "counts duplicates once", async () => {
    const executor = await open();
    const future = executor.submit(() => 1);
    const { done, notDone } = await wait([future, future, future]);
    expect([done.size, notDone.size]).toEqual([1, 0]);
  });

  row(101, "for the first gives the one that finished", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const futures = { fast: executor.submit(hold, [gate.port, 1]), ...(await notDone(executor)) };
    const waiting = wait<Future<unknown>>(Object.values(futures), { returnWhen: "FIRST_COMPLETED" });
    await gate.entered(1);
    gate.open();
    expect(sortedOut(await waiting, futures)).toEqual({ done: ["fast"], notDone: ["never"] });
  });

  row(101, "for the first takes one that is cancelled meanwhile", async () => {
    const executor = await open();
    void (await occupy(executor, await Gate.make()));
    const futures = { one: executor.submit(() => 1), other: executor.submit(() => 2) };
    const waiting = wait(Object.values(futures), { returnWhen: "FIRST_COMPLETED" });
    futures.one.cancel();
    expect(sortedOut(await waiting, futures)).toEqual({ done: ["one"], notDone: ["other"] });
  });

  row(102, "for the first gives all that are completed already", async () => {
    const executor = await open();
    const futures = { ...(await completed(executor)), ...(await notDone(executor)) };
    const result = await wait<Future<unknown>>(Object.values(futures), { returnWhen: "FIRST_COMPLETED" });
    expect(sortedOut(result, futures)).toEqual({ done: ["cancelled", "failed", "successful"], notDone: ["never"] });
  });

  row(103, "for the first exception gives the successes so far, too", async () => {
    const executor = await open();
    const [first, second] = [await Gate.make(), await Gate.make()];
    const successful = executor.submit(hold, [first.port, 1]);
    const failing = executor.submit(holdThenThrow, [second.port, "failing"]);
    const waiting = wait<Future<unknown>>([successful, failing], { returnWhen: "FIRST_EXCEPTION" });
    // One that is not begun, however many slots there are.
    await Promise.all([first.entered(1), second.entered(1)]);
    const { never } = await notDone(executor);
    const withOneMore = wait<Future<unknown>>([successful, failing, never], { returnWhen: "FIRST_EXCEPTION" });
    first.open();
    await successful;
    second.open();
    const futures = { successful, failing, never };
    expect(sortedOut(await waiting, futures)).toEqual({ done: ["failing", "successful"], notDone: [] });
    expect(sortedOut(await withOneMore, futures)).toEqual({ done: ["failing", "successful"], notDone: ["never"] });
  });

  row(104, "for the first exception: a success and a cancellation that are there already are none", async () => {
    const executor = await open();
    const { cancelled, successful } = await completed(executor);
    const gate = await Gate.make();
    const failing = executor.submit(holdThenThrow, [gate.port, "failing"]);
    await gate.entered(1);
    const futures = { cancelled, successful, failing, ...(await notDone(executor)) };
    const waiting = wait<Future<unknown>>(Object.values(futures), { returnWhen: "FIRST_EXCEPTION" });
    gate.open();
    expect(sortedOut(await waiting, futures)).toEqual({
      done: ["cancelled", "failing", "successful"],
      notDone: ["never"],
    });
  });

  row(105, "for the first exception is over at once if there is one", async () => {
    const executor = await open();
    const futures = { failed: (await completed(executor)).failed, ...(await notDone(executor)) };
    const result = await wait<Future<unknown>>(Object.values(futures), { returnWhen: "FIRST_EXCEPTION" });
    expect(sortedOut(result, futures)).toEqual({ done: ["failed"], notDone: ["never"] });
  });

  row(106, "for all takes successes, failures and cancellations, and throws nothing", async () => {
    const executor = await open();
    const before = await completed(executor);
    const gate = await Gate.make();
    const later = executor.submit(hold, [gate.port, 1]);
    const failing = executor.submit(holdThenThrow, [gate.port, "later"]);
    const futures = { ...before, later, failing };
    const waiting = wait<Future<unknown>>(Object.values(futures), { returnWhen: "ALL_COMPLETED" });
    gate.open();
    expect(sortedOut(await waiting, futures)).toEqual({ done: Object.keys(futures).sort(), notDone: [] });
  });

  row(107, "for some time only gives what is done by then, and throws nothing", async () => {
    const executor = await open();
    const futures = { ...(await completed(executor)), ...(await notDone(executor)) };
    for (const timeout of [0, 30]) {
      const result = await wait<Future<unknown>>(Object.values(futures), { timeout });
      expect(sortedOut(result, futures)).toEqual({ done: ["cancelled", "failed", "successful"], notDone: ["never"] });
    }
  });

  row(108, "for a hundred that are let go together loses none", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const futures = range(100).map((i) => executor.submit(hold, [gate.port, i]));
    const waiting = wait(futures);
    await gate.entered(await slotsOf(executor));
    gate.open();
    const { done } = await watch(waiting, { executor, futures });
    expect(done.size).toBe(100);
    expect(await Promise.all(futures)).toEqual(range(100));
  });
});
