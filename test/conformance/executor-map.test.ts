import { availableParallelism } from "node:os";
import { ClusterExecutor, TimeoutError, task } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold, holdAndTellWhere, occupy, slotsOf } from "../support/gate.js";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { list, naturals, range, untyped } from "./support.js";

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const throwTimeout = task<typeof tasks.throwTimeout>(fixtures, "throwTimeout");
const whoAmI = task<typeof tasks.whoAmI>(fixtures, "whoAmI");

const divide = (a: number, b: number): number => {
  if (b === 0) throw new RangeError("division by zero");
  return Math.floor(a / b);
};

/** Starts every thread, so that a time limit is not used up by that. */
async function warmUp(executor: ClusterExecutor): Promise<void> {
  const gate = await Gate.make();
  const held = await occupy(executor, gate);
  gate.open();
  await Promise.all(held);
}

describeExecutors("submit", (open) => {
  row(1, "gives the result", async () => {
    expect(await (await open()).submit(Math.pow, [2, 8])).toBe(256);
  });

  row(2, "passes named arguments, whatever their names", async () => {
    const executor = await open();
    const named = { self: 1, fn: 2, args: 3, options: 4, constructor: 5, toString: 6 };
    const back = executor.submit((given: typeof named) => Object.entries(given), [named]);
    expect(await back).toEqual(Object.entries(named));
  });

  row(3, "without a function is refused at the call", async () => {
    const executor = await open();
    expect(() => untyped(executor).submit()).toThrow(TypeError);
    expect(() => untyped(executor).submit()).toThrow("submit's fn is undefined");
    expect(() => untyped(executor).submit({ fn: Math.pow, args: [2, 8] })).toThrow(TypeError);
  });

  row(21, "of what throws something falsy rejects with it", async () => {
    const executor = await open();
    for (const falsy of [undefined, null, 0, "", false, Number.NaN]) {
      const rethrow = (given: unknown): never => {
        throw given;
      };
      const outcome = executor.submit(rethrow, [falsy]).then(
        () => ["resolved"],
        (reason: unknown) => ["rejected", reason],
      );
      expect(await outcome).toEqual(["rejected", falsy]);
      await expect(executor.map(rethrow, [falsy]).next()).rejects.toBe(falsy);
    }
  });
});

describeExecutors("map", (open) => {
  row(4, "zips two iterables and keeps their order", async () => {
    const executor = await open();
    const expected = range(10).map((n) => n ** n);
    expect(await executor.map(Math.pow, range(10), range(10))).toEqual(expected);
    expect(await list(executor.map(Math.pow, range(10), range(10)))).toEqual(expected);
  });

  row(5, "does so in chunks of three", async () => {
    const executor = await open();
    const expected = range(10).map((n) => n ** n);
    expect(await executor.map(Math.pow, range(10), range(10), { chunksize: 3 })).toEqual(expected);
  });

  row(6, "gives the values before a failure first, then the error with its class", async () => {
    const executor = await open();
    const results = executor.map(divide, [1, 5, 1, 1], [2, 2, 0, 5]);
    expect([await results.next(), await results.next()]).toEqual([
      { done: false, value: 0 },
      { done: false, value: 2 },
    ]);
    await expect(results.next()).rejects.toThrow(new RangeError("division by zero"));
    await results.return();
  });

  row(7, "goes on behind a failure, then is over for good, in chunks as well", async () => {
    const executor = await open();
    for (const options of [{}, { chunksize: 3 }]) {
      const results = executor.map(divide, [1, 5, 1, 6, 7, 8], [2, 2, 0, 3, 0, 4], options);
      expect((await results.next()).value).toBe(0);
      expect((await results.next()).value).toBe(2);
      await expect(results.next()).rejects.toThrow(RangeError);
      expect((await results.next()).value).toBe(2);
      await expect(results.next()).rejects.toThrow(RangeError);
      expect((await results.next()).value).toBe(2);
      expect(await results.next()).toEqual({ done: true, value: undefined });
      expect(await results.next()).toEqual({ done: true, value: undefined });
    }
  });

  row(8, "takes a TimeoutError of the function for an error as any", async () => {
    const executor = await open();
    const results = executor.map(throwTimeout, range(3));
    expect((await results.next()).value).toBe(0);
    await expect(results.next()).rejects.toThrow("thrown by the function");
    expect((await results.next()).value).toBe(2);
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  row(9, "gives what was there in time, then is out of time, which runs from the call", async () => {
    const executor = await open();
    await warmUp(executor);
    const [passable, shut] = [await Gate.make(), await Gate.make()];
    passable.open();
    const results = executor.map(hold, [passable.port, shut.port, passable.port], [0, 1, 2], { timeout: 3000 });
    // Nobody reads until the time is over.
    await new Promise((resolve) => setTimeout(resolve, 3200));
    expect((await results.next()).value).toBe(0);
    await expect(results.next()).rejects.toBeInstanceOf(TimeoutError);
  });

  row(10, "that is out of time cancels what has not begun, and is over for good", async () => {
    const executor = await open();
    await warmUp(executor);
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const ports = Array<number>(slots + 20).fill(gate.port);
    const results = executor.map(hold, ports, range(slots + 20), { timeout: 3000, chunksize: 1 });
    await gate.entered(slots);
    await expect(results.next()).rejects.toBeInstanceOf(TimeoutError);
    expect(await results.next()).toEqual({ done: true, value: undefined });
    // Until every node has let go of them.
    while (results.done < 20) await new Promise((resolve) => setImmediate(resolve));
    gate.open();
    await executor.shutdown();
    expect(gate.names.length).toBe(slots);
    expect((await executor.stats()).neverRan).toBe(20);
  });

  row(11, "is over once it is closed, in chunks as well", async () => {
    const executor = await open();
    for (const options of [{}, { chunksize: 3 }]) {
      const results = executor.map((n: number) => n, range(10), options);
      expect((await results.next()).value).toBe(0);
      await results.return();
      expect(await results.next()).toEqual({ done: true, value: undefined });
    }
  });

  row(12, "refuses a buffersize that is no whole number at the call", async () => {
    const executor = await open();
    expect(() => untyped(executor).map((n: number) => n, range(3), { buffersize: "foo" })).toThrow(TypeError);
    expect(() => executor.map((n: number) => n, range(3), { buffersize: 2.5 })).toThrow(RangeError);
  });

  row(13, "refuses a buffersize below one at the call", async () => {
    const executor = await open();
    for (const buffersize of [0, -1]) {
      expect(() => executor.map((n: number) => n, range(3), { buffersize })).toThrow(
        new RangeError(`buffersize is ${buffersize}; it must be a whole number of at least 1.`),
      );
    }
  });

  row(14, "gives all in order with every buffersize", async () => {
    const executor = await open();
    const negate = (n: number): number => -n;
    for (const buffersize of [1, 2, 4, 8]) {
      const results = executor.map(negate, naturals(4), { buffersize });
      expect(await list(results)).toEqual([-0, -1, -2, -3]);
    }
  });

  row(15, "does so with two iterables", async () => {
    const executor = await open();
    for (const buffersize of [1, 2, 4, 8]) {
      const results = executor.map((a: number, b: number) => a + b, range(4), naturals(), { buffersize });
      expect(await list(results)).toEqual([0, 2, 4, 6]);
    }
  });

  row(16, "takes an endless iterable with a buffersize", async () => {
    const executor = await open();
    const results = executor.map((n: number) => -n, naturals(), { buffersize: 2 });
    for (const expected of [-0, -1, -2]) expect((await results.next()).value).toBe(expected);
    await results.return();
  });

  row(17, "takes several endless iterables with a buffersize", async () => {
    const executor = await open();
    const results = executor.map((a: number, b: number) => a * b, naturals(), naturals(), { buffersize: 2 });
    for (const expected of [0, 1, 4]) expect((await results.next()).value).toBe(expected);
    await results.return();
  });

  row(18, "of an empty iterable is over at once", async () => {
    const executor = await open();
    expect(await executor.map((n: number) => n, range(0), { buffersize: 2 }).next()).toEqual({
      done: true,
      value: undefined,
    });
    expect(await executor.map((n: number) => n, naturals(0), { buffersize: 2 })).toEqual([]);
  });

  row(19, "without an iterable is over at once", async () => {
    const executor = await open();
    expect(await untyped(executor).map(() => 1, { buffersize: 2 })).toEqual([]);
    expect(await untyped(executor).map(() => 1)).toEqual([]);
  });

  row(20, "pulls no more than buffersize before somebody reads, shut down or not", async () => {
    const executor = await open();
    let pulled = 0;
    function* counted(): Generator<number> {
      for (;;) yield pulled++;
    }
    const results = executor.map((n: number) => n, counted(), { buffersize: 4 });
    expect(pulled).toBe(4);
    await executor.shutdown();
    expect(pulled).toBe(4);
    for (const expected of range(4)) expect((await results.next()).value).toBe(expected);
  });

  row(23, "of more items than there are workers survives a shutdown at once", async () => {
    const executor = await open();
    const results = executor.map((n: number) => n + 1, range(40), { chunksize: 1 });
    await executor.shutdown();
    expect(await results).toEqual(range(40).map((n) => n + 1));
  });

  row(26, "starts all its work although nobody reads", async () => {
    const executor = await open();
    let settled = 0;
    const all = new Promise<void>((resolve) => {
      executor.on("taskSettled", () => ++settled === 30 && resolve());
    });
    const results = executor.map((n: number) => n, range(30));
    await all;
    expect(results.done).toBe(30);
  });
});

describeExecutors("a map that is out of time", (open) => {
  row(30, "cancels the item that it waits for with those behind it: none of them is run later", async () => {
    const executor = await open();
    const gate = await Gate.make();
    void (await occupy(executor, gate));
    const before = gate.names.length;
    const results = executor.map(hold, [gate.port, gate.port, gate.port], ["first", "second", "third"], {
      timeout: 50,
    });
    await expect(results).rejects.toBeInstanceOf(TimeoutError);
    while (results.done < 3) await new Promise((resolve) => setImmediate(resolve));
    gate.open();
    await executor.shutdown();
    expect(gate.names.length).toBe(before);
  });
});

describeExecutors("workers", (open) => {
  row(28, "are never more than there may be, however much is submitted", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const futures = range(15 * slots).map(() => executor.submit(holdAndTellWhere, [gate.port]));
    await gate.entered(slots);
    expect(gate.inside).toBe(slots);
    gate.open();
    expect(new Set(await Promise.all(futures)).size).toBeLessThanOrEqual(slots);
    expect(gate.most).toBe(slots);
  });

  row(29, "that are idle are used again", async () => {
    const executor = await open();
    const slots = await slotsOf(executor);
    const workers = new Set<string>();
    for (let i = 0; i < 3 * slots; i++) workers.add(await executor.submit(whoAmI));
    expect(workers.size).toBeLessThanOrEqual(slots);
    expect((await executor.nodes()).reduce((sum, node) => sum + node.workers, 0)).toBe(slots);
  });
});

describe("an embedded executor", () => {
  row(22, "has at least one worker", async () => {
    expect(() => new ClusterExecutor({ maxWorkers: 0 })).toThrow(RangeError);
    expect(() => new ClusterExecutor({ maxWorkers: 0 })).toThrow("maxWorkers is 0, so nothing would ever run.");
    expect(() => new ClusterExecutor({ maxWorkers: -1 })).toThrow(RangeError);
  });

  row(27, "has by default a worker for each core that the process may use", async () => {
    const executor = new ClusterExecutor();
    expect((await executor.nodes()).map(({ workers, slots }) => [workers, slots])).toEqual([
      [availableParallelism(), availableParallelism()],
    ]);
    await executor.shutdown();
  });

  row(29, "of one worker runs what comes one after the other on the same thread", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const first = await executor.submit(whoAmI);
    expect(await executor.submit(whoAmI)).toBe(first);
    expect(await executor.submit(whoAmI)).toBe(first);
    await executor.shutdown();
  });
});
