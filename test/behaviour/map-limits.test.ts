import { CancelledError, ClusterExecutor, type MapResult, TimeoutError, task } from "pydist";
import { describe, expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { Gate, hold } from "../support/gate.js";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;
const later = task<typeof tasks.later>(fixtures, "later");

function* naturals(): Generator<number> {
  for (let n = 0; ; n++) yield n;
}

/** Everything that iterating gives, failures by their names, until the end, which comes twice. */
async function readAll(map: MapResult<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    try {
      const { done, value } = await map.next();
      if (done === true) break;
      seen.push(value);
    } catch (error) {
      seen.push((error as Error).name);
    }
  }
  expect(await map.next()).toEqual({ done: true, value: undefined });
  return seen;
}

describeExecutors("the timeout of a map", (open) => {
  it("lets what is there be read, then throws, then is the end (rows 9, 10)", async () => {
    const executor = await open();
    const gate = await Gate.make();
    // Those who find no gate pass.
    const map = executor.map(hold, [1, 1, gate.port, 1], ["a", "b", "c", "d"], { timeout: 1000 });
    const seen = await readAll(map);
    expect(seen.at(-1)).toBe("TimeoutError");
    expect(["a", "b"].slice(0, seen.length - 1)).toEqual(seen.slice(0, -1));
    gate.open();
  });

  it("is not waited for by who reads late: results that came in time are all there", async () => {
    const executor = await open();
    const map = executor.map((n: number) => n, [1, 2, 3], { timeout: 5000 });
    while (map.done < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(await readAll(map)).toEqual([1, 2, 3]);
  });

  it("rejects for who awaits it, and cancels the rest", async () => {
    const executor = await open();
    const map = executor.map(later, Array<number>(500).fill(100), Array<number>(500).fill(1), { timeout: 500 });
    const error = await map.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as Error).message).toMatch(/^The map was not done within 500 ms; \d+ of its 500 calls were\./);
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect(neverRan).toBeGreaterThan(300);
    expect(nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan)).toBe(500);
  });

  it("gives what completed, if that was asked for", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const map = executor.map(hold, [gate.port, 1, 1], ["never", "a", "b"], { ordered: false, timeout: 1000 });
    const seen = await readAll(map);
    expect(seen.at(-1)).toBe("TimeoutError");
    for (const each of seen.slice(0, -1)) expect(["a", "b"]).toContain(each);
    gate.open();
  });

  it("ends one of an endless source", async () => {
    const executor = await open();
    let closed = false;
    function* counted(): Generator<number> {
      try {
        yield* naturals();
      } finally {
        closed = true;
      }
    }
    const map = executor.map((n: number) => n, counted(), { timeout: 300, buffersize: 10 });
    expect((await readAll(map)).at(-1)).toBe("TimeoutError");
    expect(closed).toBe(true);
  });

  it("is told from a TimeoutError that the function throws (row 8)", async () => {
    const executor = await open();
    const map = executor.map(
      (n: number) => {
        if (n === 2) throw Object.assign(new Error("mine"), { name: "TimeoutError" });
        return n;
      },
      [1, 2, 3],
      { timeout: 60_000 },
    );
    expect(await readAll(map)).toEqual([1, "TimeoutError", 3]);
  });

  it("of Infinity is none", async () => {
    const executor = await open();
    const limits = { timeout: Number.POSITIVE_INFINITY, taskTimeout: Number.POSITIVE_INFINITY };
    expect(await executor.map((n: number) => n, [1, 2], limits)).toEqual([1, 2]);
  });
});

describe("the timeout of a map", () => {
  it("leaves exactly what was there by then, though more comes later", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const gate = await Gate.make();
    const map = executor.map(hold, [1, 1, gate.port, 1], ["a", "b", "c", "d"], { timeout: 3000, chunksize: 1 });
    const over = new Promise((resolve) => setTimeout(resolve, 3010));
    while (map.done < 3) await new Promise((resolve) => setImmediate(resolve));
    await over;
    gate.open();
    while (map.done < 4) await new Promise((resolve) => setImmediate(resolve));
    expect(await readAll(map)).toEqual(["a", "b", "TimeoutError"]);
    await executor.shutdown();
  });

  it("of 0 cancels the queued calls: neither the second nor the third begins (row 30)", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    await executor.submit(() => 1);
    const map = executor.map(later, [200, 200, 200], ["first", "second", "third"], { timeout: 0, chunksize: 1 });
    await expect(map).rejects.toBeInstanceOf(TimeoutError);
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    const completed = (nodes[0]?.completed ?? 0) - 1;
    expect(completed).toBeLessThan(2);
    expect(completed + neverRan).toBe(3);
  });
});

describeExecutors("a map that is ended early", (open) => {
  it("by cancel() says so of each call that never ran", async () => {
    const executor = await open();
    const map = executor.map(later, Array<number>(50).fill(20), Array<number>(50).fill(1));
    map.cancel();
    const seen = await readAll(map);
    expect(seen.filter((each) => each === "CancelledError").length).toBeGreaterThan(20);
    expect(seen.filter((each) => each === 1).length).toBe(50 - seen.filter((each) => each === "CancelledError").length);
  });
});

describe("the buffersize of a map", () => {
  const executor = new ClusterExecutor({ maxWorkers: 2 });
  const items = [0, 1, 2, 3, 4, 5, 6, 7];

  it.each([1, 2, 8, 16])("of %d gives everything, awaited and in the order of completion", async (buffersize) => {
    expect(await executor.map((n: number) => n * n, items, { buffersize })).toEqual(items.map((n) => n * n));
    const unordered = executor.map((n: number) => n, items, { buffersize, ordered: false });
    expect((await readAll(unordered)).sort()).toEqual(items);
  });

  it("holds for asynchronous sources, and for awaiting", async () => {
    let pulled = 0;
    async function* counted(): AsyncGenerator<number> {
      while (pulled < 10) yield pulled++;
    }
    const map = executor.map((n: number) => n, counted(), { buffersize: 3 });
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(pulled).toBe(3);
    expect(await map).toEqual(Array.from({ length: 10 }, (_, i) => i));
    await executor.shutdown();
  });
});

describe("the sources of a map", () => {
  it("that are arrays are taken at the call, also beside others", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const list = [1, 2, 3];
    const map = executor.map((a: number, b: number, c: string) => `${a}${b}${c}`, naturals(), list, "xyz");
    list[1] = 5;
    list.pop();
    expect(await map).toEqual(["01x", "12y", "23z"]);
    await executor.shutdown();
  });

  it.each([6, 40, 50])("come in chunks of %d as well as in others (row 38)", async (chunksize) => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const items = Array.from({ length: 40 }, (_, i) => i);
    expect(await executor.map((n: number) => n ** 2, items, { chunksize })).toEqual(items.map((n) => n ** 2));
    await executor.shutdown();
  });
});

describe("the progress of a map", () => {
  it("tells how far it is, how fast, and how long it will take", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const told: { done: number; total: number | undefined; failed: number; rate: number; eta: number | undefined }[] =
      [];
    const map = executor.map(later, Array<number>(30).fill(20), naturals(), {
      progress: (news) => told.push(news),
      chunksize: 1,
    });
    expect(await map).toHaveLength(30);
    const last = told.at(-1);
    expect(last).toMatchObject({ done: 30, failed: 0, running: 0, total: 30, eta: 0 });
    expect(last?.rate).toBeGreaterThan(1);
    expect(last?.rate).toBeLessThan(1000);
    expect(Object.keys(last as object)).toEqual(["done", "total", "failed", "running", "rate", "eta"]);
    told.length = 0;
    const unknown = executor.map((n: number) => n, naturals(), { progress: (news) => told.push(news), buffersize: 2 });
    await unknown.next();
    expect(told[0]).toMatchObject({ total: undefined, eta: undefined });
    await unknown.return();
    await executor.shutdown();
  });

  it("knows what runs, and what failed or was cancelled", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    await executor.submit(() => 1);
    const running: number[] = [];
    const map = executor.map(
      async (n: number) => {
        // Long enough to be told of.
        await new Promise((resolve) => setTimeout(resolve, n));
        if (n === 400) throw new Error("failed");
      },
      [100, 400, 100, 100, 100],
      { chunksize: 1, progress: (news) => running.push(news.running) },
    );
    await expect(map).rejects.toThrow("failed");
    expect(Math.max(...running)).toBeGreaterThan(0);
    let failed = 0;
    const cancelled = executor.map(later, [50, 50], [1, 1], {
      signal: AbortSignal.abort(),
      progress: (news) => (failed = news.failed),
    });
    await expect(cancelled).rejects.toBeInstanceOf(CancelledError);
    expect(failed).toBe(0);
    await executor.shutdown();
  });
});
