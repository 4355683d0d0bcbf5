import { SerializationError } from "pydist";
import { expect, it } from "vitest";
import { describeExecutors } from "./executors.js";

function* naturals(): Generator<number> {
  for (let n = 0; ; n++) yield n;
}

async function* slowly(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield n;
  }
}

describeExecutors("map", (open) => {
  it("gives results in input order, however long each takes", async () => {
    const executor = await open();
    const items = Array.from({ length: 1000 }, (_, i) => i);
    const squares = await executor.map(async (n: number) => {
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, (n * 7) % 30));
      return n * n;
    }, items);
    expect(squares).toEqual(items.map((n) => n * n));
  });

  it("calls once for each item, equal ones too", async () => {
    const executor = await open();
    expect(await executor.map((n: number) => n, [1, 1, 1])).toEqual([1, 1, 1]);
  });

  it("of nothing is nothing", async () => {
    const executor = await open();
    expect(await executor.map((n: number) => n, [])).toEqual([]);
    expect(await executor.map((n: number) => n, new Set<number>())).toEqual([]);
  });

  it("zips several iterables; the shortest ends it", async () => {
    const executor = await open();
    const sums = executor.map((a: number, b: number) => a + b, naturals(), [10, 20, 30]);
    expect(await sums).toEqual([10, 21, 32]);
  });

  it("takes arrays as they are at the call", async () => {
    const executor = await open();
    const items = [1, 2, 3];
    const result = executor.map((n: number) => n, items);
    items.push(4);
    expect(await result).toEqual([1, 2, 3]);
  });

  it("takes an asynchronous iterable", async () => {
    const executor = await open();
    expect(await executor.map((n: number) => n * 2, slowly(100))).toEqual(Array.from({ length: 100 }, (_, i) => i * 2));
  });

  it("takes an asynchronous iterable whose promises are its own", async () => {
    const executor = await open();
    let n = 0;
    const next = () => {
      const step = n < 3 ? { done: false as const, value: n++ } : { done: true as const, value: undefined };
      // biome-ignore lint/suspicious/noThenProperty: only something like a promise.
      return { then: (ok: (result: typeof step) => void) => ok(step) };
    };
    const source = { [Symbol.asyncIterator]: () => ({ next }) } as unknown as AsyncIterable<number>;
    expect(await executor.map((each: number) => each, source)).toEqual([0, 1, 2]);
    expect(await executor.map((a: string, b: number) => a + b, "ab", source)).toEqual([]);
  });

  it("takes options that are undefined", async () => {
    const executor = await open();
    expect(await executor.map((each: number) => each, [1, 2], undefined as unknown as object)).toEqual([1, 2]);
  });

  it("streams in input order", async () => {
    const executor = await open();
    const seen: number[] = [];
    for await (const n of executor.map((each: number) => each + 1, [1, 2, 3, 4])) seen.push(n);
    expect(seen).toEqual([2, 3, 4, 5]);
  });

  it("streams in the order of completion when asked to, and is in input order when awaited all the same", async () => {
    const executor = await open();
    const sleep = async (ms: number): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    };
    const seen: number[] = [];
    for await (const ms of executor.map(sleep, [3000, 1, 2, 3, 4], { ordered: false })) seen.push(ms);
    expect(seen.at(-1)).toBe(3000);
    expect([...seen].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 3000]);
    expect(await executor.map(sleep, [30, 1, 2], { ordered: false })).toEqual([30, 1, 2]);
  });

  it("of an endless source runs a bounded way ahead, and leaving the loop ends it", async () => {
    const executor = await open();
    let pulled = 0;
    let closed = false;
    function* counted(): Generator<number> {
      try {
        for (;;) yield pulled++;
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    for await (const n of executor.map((each: number) => each, counted())) {
      seen.push(n);
      if (seen.length === 200) break;
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(closed).toBe(true);
    const before = pulled;
    await executor.shutdown();
    expect(pulled).toBe(before);
  });

  it("with buffersize n pulls exactly n ahead of what was read", async () => {
    const executor = await open();
    let pulled = 0;
    function* counted(): Generator<number> {
      for (;;) yield pulled++;
    }
    const results = executor.map((n: number) => n, counted(), { buffersize: 3 });
    for (let read = 0; read < 10; read++) {
      expect(pulled).toBe(read + 3);
      expect(await results.next()).toEqual({ done: false, value: read });
    }
    await results.return();
  });

  it("awaited, rejects with the first failure in input order", async () => {
    const executor = await open();
    const result = executor.map(
      async (n: number) => {
        if (n === 2) await new Promise((resolve) => setTimeout(resolve, 100));
        if (n >= 2) throw new Error(`item ${n}`);
        return n;
      },
      [0, 1, 2, 3],
    );
    await expect(result).rejects.toThrow("item 2");
  });

  it("iterated, goes on with the later items after one that failed", async () => {
    const executor = await open();
    const results = executor.map(
      (n: number) => {
        if (n === 1) throw new Error("one");
        return n;
      },
      [0, 1, 2],
    );
    expect(await results.next()).toEqual({ done: false, value: 0 });
    await expect(results.next()).rejects.toThrow("one");
    expect(await results.next()).toEqual({ done: false, value: 2 });
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  it("an item that cannot travel ends it after those before it, by its path", async () => {
    const executor = await open();
    const results = executor.map((n: unknown) => n, [1, () => 2, 3]);
    expect(await results.next()).toEqual({ done: false, value: 1 });
    await expect(results.next()).rejects.toBeInstanceOf(SerializationError);
  });

  it("a source that throws ends it with that error after the items before", async () => {
    const executor = await open();
    function* failing(): Generator<number> {
      yield 1;
      throw new Error("source");
    }
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const n of executor.map((each: number) => each, failing())) seen.push(n);
    };
    await expect(read()).rejects.toThrow("source");
    expect(seen).toEqual([1]);
  });

  it("keeps what was given by hand as a chunk together", async () => {
    const executor = await open();
    expect(
      await executor.map(
        (n: number) => n + 1,
        Array.from({ length: 100 }, (_, i) => i),
        { chunksize: 7 },
      ),
    ).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it("tells its progress", async () => {
    const executor = await open();
    const told: number[] = [];
    await executor.map(
      (n: number) => n,
      Array.from({ length: 300 }, (_, i) => i),
      {
        progress: ({ done, total }) => {
          expect(total).toBe(300);
          told.push(done);
        },
      },
    );
    expect(told.at(-1)).toBe(300);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
  });

  it("cancel() ends it: what has not begun never runs", async () => {
    const executor = await open();
    const result = executor.map(
      async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return n;
      },
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const first = await result.next();
    expect(first).toEqual({ done: false, value: 0 });
    result.cancel();
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect(neverRan).toBeGreaterThan(800);
    expect(nodes.reduce((sum, node) => sum + node.completed, neverRan)).toBe(1000);
  });

  it("awaited with a buffersize gives everything, however results come together", async () => {
    const executor = await open();
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    for (const buffersize of [1, 2, 3, 7, 60]) {
      expect(await executor.map((n: number) => n, numbers, { buffersize })).toEqual(numbers);
      expect(await executor.map((n: number) => n, numbers.values(), { buffersize })).toEqual(numbers);
    }
  });
});
