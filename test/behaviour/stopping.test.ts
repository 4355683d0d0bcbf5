import { getEventListeners } from "node:events";
import { CancelledError, type Future, TimeoutError, task } from "pydist";
import { expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { Gate, hold, holdThenThrow, known, slotsOf } from "../support/gate.js";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;
const later = task<typeof tasks.later>(fixtures, "later");

/** Far more than any of these takes; what hangs fails by it. */
const SLACK = 10_000;

async function reasonOf(future: PromiseLike<unknown>): Promise<unknown> {
  try {
    await future;
  } catch (error) {
    return error;
  }
  throw new Error("It was not rejected.");
}

function endless(): void {
  for (;;);
}

describeExecutors("abort", (open) => {
  it("of a task that waits cancels it at once, and it never runs", async () => {
    const executor = await open();
    const busy = Array.from({ length: 12 }, () => executor.submit(later, [100, "ran"]));
    const reason = new Error("not needed");
    const futures = Array.from({ length: 50 }, () => executor.submit(() => "never"));
    expect(futures.map((future) => future.abort(reason))).toEqual(Array(50).fill(true));
    expect(futures.every((future) => future.cancelled())).toBe(true);
    const error = await reasonOf(futures[0] as Future<unknown>);
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as Error).cause).toBe(reason);
    expect(await Promise.all(busy)).toEqual(Array(12).fill("ran"));
    await executor.shutdown();
    expect((await executor.stats()).neverRan).toBe(50);
  });

  it("says whether there was something to abort", async () => {
    const executor = await open();
    const done = executor.submit(() => 1);
    await done;
    expect([done.abort(), done.state]).toEqual([false, "finished"]);
    const cancelled = executor.submit(() => 1);
    cancelled.cancel();
    expect([cancelled.abort("late"), cancelled.state]).toEqual([true, "cancelled"]);
    expect(await reasonOf(cancelled)).not.toHaveProperty("cause");
  });

  it("of a task that runs cancels it when it has stopped, whatever it gave or threw meanwhile", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const gate = await Gate.make();
    const returning = executor.submit(hold, [gate.port, "returned"]);
    const throwing = executor.submit(holdThenThrow, [gate.port, "thrown"]);
    await Promise.all([gate.entered(2), known(returning), known(throwing)]);
    expect([returning.abort("enough"), throwing.abort()]).toEqual([true, true]);
    expect([returning.state, returning.cancel(), returning.abort("again")]).toEqual(["running", false, true]);
    gate.open();
    expect(await reasonOf(returning)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: "enough" });
    expect(await reasonOf(throwing)).not.toHaveProperty("cause");
    expect([returning.state, throwing.state]).toEqual(["cancelled", "cancelled"]);
    const ids = (await executor.nodes()).map((node) => node.id);
    expect(ids).toContain(returning.node);
  });

  it("is told to those who listen for settled tasks as what was asked for", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const gate = await Gate.make();
    const outcomes: string[] = [];
    executor.on("taskSettled", ({ outcome }) => outcomes.push(outcome));
    const future = executor.submit(hold, [gate.port, 1]);
    await Promise.all([gate.entered(1), known(future)]);
    future.abort();
    gate.open();
    await reasonOf(future);
    expect(outcomes).toEqual(["cancelled"]);
  });
});

describeExecutors("signal", (open) => {
  it("that is aborted already: the task is never sent", async () => {
    const executor = await open();
    const reason = new RangeError("before");
    const future = executor.submit(() => "never", [], { signal: AbortSignal.abort(reason) });
    expect(future.state).toBe("cancelled");
    expect(await reasonOf(future)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: reason });
    const map = executor.map((n: number) => n, [1, 2, 3], { signal: AbortSignal.abort(reason) });
    expect(await reasonOf(map)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: reason });
    await executor.shutdown();
    expect((await executor.stats()).neverRan).toBe(1);
  });

  it("has one listener, however many share it, and none when they are done", async () => {
    const executor = await open();
    const controller = new AbortController();
    const { signal } = controller;
    const futures = Array.from({ length: 100 }, (_, i) => executor.submit((n: number) => n, [i], { signal }));
    const map = executor.map((n: number) => n, [1, 2, 3], { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await Promise.all([...futures, map]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const failing = executor.submit(
      () => {
        throw new Error("bad");
      },
      [],
      { signal },
    );
    const cancelled = executor.submit(() => 1, [], { signal });
    cancelled.cancel();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await reasonOf(failing);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    controller.abort();
    expect(await Promise.all(futures)).toHaveLength(100);
  });

  it("aborts all that share it: those that wait at once, those that run when they have stopped", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const gate = await Gate.make();
    const controller = new AbortController();
    const { signal } = controller;
    const futures = Array.from({ length: 60 }, () => executor.submit(hold, [gate.port, 1], { signal }));
    const free = executor.submit(later, [1, "free"]);
    await Promise.all([gate.entered(await slotsOf(executor)), Promise.race(futures.map(known))]);
    const ran = futures.filter((future) => future.running());
    controller.abort("enough");
    expect(ran.length).toBeGreaterThan(0);
    expect(futures.filter((future) => future.cancelled())).toHaveLength(60 - ran.length);
    gate.open();
    for (const error of await Promise.all(futures.map(reasonOf))) expect(error).toMatchObject({ cause: "enough" });
    expect(futures.every((future) => future.cancelled())).toBe(true);
    expect(await free).toBe("free");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

describeExecutors("abort of a map", (open) => {
  it("rejects for who awaits it, with the reason", async () => {
    const executor = await open();
    const reason = new Error("enough");
    const map = executor.map(later, Array<number>(200).fill(100), Array<number>(200).fill(1));
    const awaited = reasonOf(map);
    while (map.done === 0) await new Promise((resolve) => setImmediate(resolve));
    map.abort(reason);
    const error = await awaited;
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as Error).cause).toBe(reason);
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect(neverRan).toBeGreaterThan(100);
    expect(nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan)).toBe(200);
  });

  it("by its signal ends one of an endless source, for who iterates", async () => {
    const executor = await open();
    const controller = new AbortController();
    function* naturals(): Generator<number> {
      for (let n = 0; ; n++) yield n;
    }
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const n of executor.map((each: number) => each, naturals(), { signal: controller.signal })) {
        seen.push(n);
        if (n === 20) controller.abort("enough");
      }
    };
    expect(await reasonOf(read())).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: "enough" });
    expect(seen.slice(0, 21)).toEqual(Array.from({ length: 21 }, (_, i) => i));
    await executor.shutdown();
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("of futures that were not aborted is none of theirs", async () => {
    const executor = await open();
    const map = executor.map(later, Array<number>(50).fill(50), Array<number>(50).fill(1));
    const future = executor.submit(() => "free");
    map.abort();
    await reasonOf(map);
    expect(await future).toBe("free");
  });
});

describeExecutors("a task that would never end", (open) => {
  it("is stopped by abort, even in an endless loop, and its neighbours come through", async () => {
    const executor = await open({ abortGrace: 200 });
    const neighbours = Array.from({ length: 20 }, (_, i) => executor.submit(later, [20, i]));
    const stuck = executor.submit(endless);
    const more = Array.from({ length: 20 }, (_, i) => executor.submit(later, [20, i]));
    await known(stuck);
    const since = performance.now();
    stuck.abort("enough");
    expect(await reasonOf(stuck)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: "enough" });
    expect(performance.now() - since).toBeLessThan(200 + SLACK);
    const expected = Array.from({ length: 20 }, (_, i) => i);
    expect(await Promise.all(neighbours)).toEqual(expected);
    expect(await Promise.all(more)).toEqual(expected);
    expect(await executor.submit(() => "still there")).toBe("still there");
  });

  it("hears of an abort by its signal, and may end by itself", async () => {
    const executor = await open({ abortGrace: 30_000 });
    const waiting = executor.submit(task<typeof tasks.untilAborted>(fixtures, "untilAborted"));
    await known(waiting);
    const since = performance.now();
    waiting.abort({ why: "enough" });
    expect(await reasonOf(waiting)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: { why: "enough" } });
    expect(performance.now() - since).toBeLessThan(SLACK);
  });

  it("fails by its timeout, and by nothing else", async () => {
    const executor = await open({ abortGrace: 100 });
    const stuck = executor.submit(endless, [], { timeout: 200 });
    const quick = executor.submit(later, [1, "quick"], { timeout: 20_000 });
    const unlimited = executor.submit(later, [1, "unlimited"], { timeout: Number.POSITIVE_INFINITY });
    const error = await reasonOf(stuck);
    expect(error).toBeInstanceOf(TimeoutError);
    expect([stuck.state, await quick, await unlimited]).toEqual(["finished", "quick", "unlimited"]);
  });

  it("in a map fails by its taskTimeout; the others come through", async () => {
    const executor = await open({ abortGrace: 100 });
    const map = executor.map(
      (n: number) => {
        while (n === 3);
        return n;
      },
      [1, 2, 3, 4, 5],
      { taskTimeout: 2000 },
    );
    const seen: unknown[] = [];
    for (;;) {
      const next = await map.next().catch((error: unknown) => ({ done: false, value: (error as Error).name }));
      if (next.done === true) break;
      seen.push(next.value);
    }
    expect(seen).toEqual([1, 2, "TimeoutError", 4, 5]);
  });

  it("is run again after its time, if it may be", async () => {
    const executor = await open({ abortGrace: 100 });
    const errors: unknown[] = [];
    const stuck = executor.submit(endless, [], {
      timeout: 150,
      retries: 1,
      retryOn: (error) => errors.push(error) > 0,
    });
    expect(await reasonOf(stuck)).toBeInstanceOf(TimeoutError);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(TimeoutError);
    expect(stuck.attempts).toBe(2);
  });

  it("is stopped by its signal, and by the abort of its map", async () => {
    const executor = await open({ abortGrace: 100 });
    const controller = new AbortController();
    const stuck = executor.submit(endless, [], { signal: controller.signal });
    await known(stuck);
    controller.abort();
    expect(await reasonOf(stuck)).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: { name: "AbortError" } });
    const map = executor.map(() => {
      for (;;);
    }, [1]);
    const awaited = reasonOf(map);
    while ((await executor.nodes()).every((node) => node.running === 0));
    map.abort("enough");
    expect(await awaited).toMatchObject({ code: "PYDIST_E_CANCELLED", cause: "enough" });
  });

  it("is stopped by terminateWorkers", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const stuck = executor.submit(endless);
    await known(stuck);
    const since = performance.now();
    await executor.terminateWorkers();
    expect(performance.now() - since).toBeLessThan(SLACK);
    expect(await reasonOf(stuck)).toMatchObject({ code: "PYDIST_E_BROKEN_EXECUTOR" });
  });
});
