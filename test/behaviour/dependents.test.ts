import { CancelledError, ClusterExecutor, DependencyError, type Future, SerializationError, task } from "pydist";
import { describe, expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { Gate, hold } from "../support/gate.js";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;
const later = task<typeof tasks.later>(fixtures, "later");
// Arguments are typed as what the function gets; futures stand in their places.
const given = <T>(future: Future<T>): T => future as unknown as T;

describeExecutors("a future as an argument", (open) => {
  it("is replaced by its result, wherever it lies in arrays and plain objects", async () => {
    const executor = await open();
    const [a, b, c] = [executor.submit(later, [20, { n: 1 }]), executor.submit(() => 2), executor.submit(() => [3])];
    const back = executor.submit(
      (...all: unknown[]) => all,
      [given(a), "plain", { b: given(b), deep: [{ c: given(c), date: new Date(5) }], "two words": given(b) }],
    );
    expect(await back).toEqual([{ n: 1 }, "plain", { b: 2, deep: [{ c: [3], date: new Date(5) }], "two words": 2 }]);
  });

  it("may be done before, and may be an argument of several calls", async () => {
    const executor = await open();
    const one = executor.submit(() => 1);
    await one;
    const sums = Array.from({ length: 10 }, (_, i) =>
      executor.submit((a: number, b: number) => a + b, [given(one), i]),
    );
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
  });

  it("makes chains that are as long as one likes", async () => {
    const executor = await open();
    let last = executor.submit(() => 0);
    for (let i = 0; i < 100; i++) last = executor.submit((n: number) => n + 1, [given(last)]);
    expect(await last).toBe(100);
  });

  it("that fails fails the call, by its path, before it is made", async () => {
    const executor = await open();
    const failing = executor.submit(() => {
      throw new RangeError("too far");
    });
    const gate = await Gate.make();
    const slow = executor.submit(hold, [gate.port, 1]);
    const dependent = executor.submit((list: unknown[]) => list, [[given(slow), { x: given(failing) }]]);
    const chained = executor.submit((x: unknown) => x, [given(dependent)]);
    const error = (await dependent.exception()) as DependencyError;
    expect(slow.done()).toBe(false);
    gate.open();
    expect(error).toBeInstanceOf(DependencyError);
    expect(error).toMatchObject({ code: "PYDIST_E_DEPENDENCY", path: "args[0][1].x", cause: { message: "too far" } });
    expect(error.cause).toBe(await failing.exception());
    expect(error.message).toBe("The call was not made: args[0][1].x is a future, and it failed: RangeError: too far");
    expect(await chained.exception()).toMatchObject({ path: "args[0]", cause: error });
    expect([dependent.node, dependent.state]).toEqual([undefined, "finished"]);
    await executor.shutdown();
    expect((await executor.stats()).neverRan).toBe(2);
  });

  it("fails a chain as long as one likes, and each of it quotes only what all began with", async () => {
    const executor = await open();
    const first: Future<number> = executor.submit(() => {
      throw new RangeError("too far");
    });
    const chain = [first];
    for (let i = 0; i < 5000; i++) chain.push(executor.submit((n: number) => n, [given(chain.at(-1) ?? first)]));
    const error = await chain.at(-1)?.exception();
    expect((error as Error).message).toBe(
      "The call was not made: args[0] is a future, and it failed: RangeError: too far",
    );
    expect(chain.every((future) => future.done())).toBe(true);
    await Promise.all(chain.map((future) => future.exception()));
  });

  it("that waits for others is cancelled with a chain of any length", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const first = executor.submit(hold, [gate.port, 1]);
    const chain: Future<unknown>[] = [first];
    for (let i = 0; i < 5000; i++) chain.push(executor.submit((n: unknown) => n, [given(chain.at(-1) ?? first)]));
    expect(chain[2500]?.cancel()).toBe(true);
    expect(chain.slice(2500).every((future) => future.done())).toBe(true);
    expect(chain[2499]?.done()).toBe(false);
    await Promise.all([executor.terminateWorkers(), ...chain.map((future) => future.catch(() => {}))]);
    expect(chain.slice(1, 2501).every((future) => future.cancelled())).toBe(true);
    gate.open();
  });

  it("that has failed before may be all of a map's items", async () => {
    const executor = await open();
    const bad = executor.submit(() => {
      throw new Error("bad");
    });
    await bad.exception();
    await expect(executor.map((n: unknown) => n, Array(20_000).fill(bad))).rejects.toBeInstanceOf(DependencyError);
  });

  it("that is cancelled fails the call, too", async () => {
    const executor = await open();
    const busy = Array.from({ length: 12 }, () => executor.submit(later, [50, 1]));
    const cancelled = executor.submit(() => 1);
    const dependent = executor.submit((n: number) => n, [given(cancelled)]);
    cancelled.cancel();
    const error = await dependent.exception();
    expect(error).toMatchObject({ code: "PYDIST_E_DEPENDENCY", path: "args[0]" });
    expect((error as Error).cause).toBeInstanceOf(CancelledError);
    await Promise.all(busy);
  });

  it("may be an item of a map, or lie in one", async () => {
    const executor = await open();
    const futures = [30, 1, 15].map((n) => executor.submit(later, [n, n]));
    expect(await executor.map((n: unknown) => n, futures)).toEqual([30, 1, 15]);
    const mixed = [1, given(futures[0] as Future<unknown>), { n: given(futures[1] as Future<unknown>) }, 4];
    expect(await executor.map((n: unknown) => n, mixed, { buffersize: 2 })).toEqual([1, 30, { n: 1 }, 4]);
    const failing = executor.submit(() => {
      throw new RangeError("too far");
    });
    const results = executor.map((n: unknown) => n, [1, given(failing), 3]);
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) seen.push(await results.next().catch((error: Error) => error.name));
    expect(seen).toEqual([
      { done: false, value: 1 },
      "DependencyError",
      { done: false, value: 3 },
      { done: true, value: undefined },
    ]);
    expect(results.total).toBe(3);
  });
});

describe("a call that waits for futures", () => {
  it("takes its other arguments as they are at the call, and its options", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const names: string[] = [];
    executor.on("taskSettled", ({ name }) => names.push(name));
    const first = executor.submit(later, [30, "first"], { name: "first" });
    const shared = { n: 1 };
    const list: unknown[] = [shared, shared, given(first)];
    const options = { name: "before" };
    const dependent = executor.submit(
      (all: unknown[], same: unknown) => [all[0] === all[1], all[1] === same, all],
      [list, shared],
      options,
    );
    list.push("later");
    shared.n = 2;
    options.name = "after";
    expect(await dependent).toEqual([true, true, [{ n: 1 }, { n: 1 }, "first"]]);
    expect(names).toEqual(["first", "before"]);
    await executor.shutdown();
  });

  it("keeps cycles, holes, bytes and what else travels", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const value = executor.submit(() => "value");
    const ring: Record<string, unknown> = { bytes: Uint8Array.of(1, 2), map: new Map([[1, new Date(2)]]) };
    ring.self = ring;
    // biome-ignore lint/suspicious/noSparseArray: holes travel.
    ring.holes = [, given(value), ,];
    const back = await executor.submit((x: Record<string, unknown>) => [x, x.self === x], [ring]);
    const [same, isRing] = back as [Record<string, unknown>, boolean];
    expect(isRing).toBe(true);
    expect(same.bytes).toEqual(Uint8Array.of(1, 2));
    expect(same.map).toEqual(new Map([[1, new Date(2)]]));
    expect(Object.keys(same.holes as unknown[])).toEqual(["1"]);
    expect((same.holes as unknown[]).length).toBe(3);
    await executor.shutdown();
  });

  it("holds no worker: one is enough, whatever the order", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const first = executor.submit(later, [50, 1]);
    const dependents = Array.from({ length: 20 }, () => executor.submit((n: number) => n, [given(first) as number]));
    const other = executor.submit(() => "other");
    expect(await other).toBe("other");
    expect(await Promise.all(dependents)).toEqual(Array(20).fill(1));
    await executor.shutdown();
  });

  it("refuses at the call what is no future of ours and cannot travel, by its path", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const future = executor.submit(() => 1);
    const call = (...args: unknown[]) => executor.submit((...all: unknown[]) => all, args);
    expect(() => call(Promise.resolve(1))).toThrow("args[0]: a Promise. Await it before sending.");
    expect(() => call(given(future), { f: () => 1 })).toThrow("args[1].f");
    expect(() => call(given(future), Promise.resolve(1))).toThrow("args[1]: a Promise.");
    expect(() => call(new Map([["in a map", given(future)]]))).toThrow(SerializationError);
    await future;
    await executor.shutdown();
    expect((await executor.stats()).nodes[0]?.completed).toBe(1);
  });

  it("can be cancelled and aborted; what it waits for goes on", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const first = executor.submit(later, [100, "first"]);
    const controller = new AbortController();
    const dependents = Array.from({ length: 3 }, () =>
      executor.submit((x: unknown) => x, [given(first)], { signal: controller.signal }),
    );
    const [a, b, c] = dependents as [Future<unknown>, Future<unknown>, Future<unknown>];
    expect([a.cancel(), a.state, b.abort("b"), b.state, c.state]).toEqual([
      true,
      "cancelled",
      true,
      "cancelled",
      "pending",
    ]);
    controller.abort("c");
    expect(c.state).toBe("cancelled");
    const causes = await Promise.all(dependents.map((each) => each.catch((error: Error) => error.cause)));
    expect(causes).toEqual([undefined, "b", "c"]);
    expect(await first).toBe("first");
    await executor.shutdown();
    expect((await executor.stats()).neverRan).toBe(3);
  });

  it("is waited for by shutdown, and cancelled by one that cancels futures", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const other = new ClusterExecutor({ maxWorkers: 1 });
    const first = other.submit(later, [100, 1]);
    const dependent = executor.submit((n: unknown) => n, [given(first)]);
    const mapped = executor.map((n: unknown) => n, [given(first), 2]).then();
    await executor.shutdown();
    expect([dependent.state, await dependent, await mapped]).toEqual(["finished", 1, [1, 2]]);
    const second = new ClusterExecutor({ maxWorkers: 1 });
    const gate = await Gate.make();
    const slow = other.submit(hold, [gate.port, 1]);
    const dropped = second.submit((n: unknown) => n, [given(slow)]);
    const map = second.map((n: unknown) => n, [given(slow)]);
    await second.shutdown({ cancelFutures: true });
    expect(dropped.state).toBe("cancelled");
    await expect(map).rejects.toBeInstanceOf(CancelledError);
    expect(slow.done()).toBe(false);
    gate.open();
    await other.shutdown();
  });

  it("is retried and timed as any other", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const attempt = executor.submit(() => 3);
    const future = executor.submit(task<typeof tasks.untilAttempt>(fixtures, "untilAttempt"), [given(attempt)], {
      retries: 2,
      timeout: 10_000,
    });
    expect([await future, future.attempts]).toEqual([3, 3]);
    await executor.shutdown();
  });
});
