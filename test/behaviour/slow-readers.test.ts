import { ClusterExecutor, type MapResult } from "pydist";
import { describe, expect, it } from "vitest";
import { describeExecutors } from "./executors.js";

const MIB = 1024 * 1024;
const COUNT = 110;
const inputs = Array.from({ length: COUNT }, (_, i) => i);
/** Results of so many bytes may wait for a reader, and two calls for each slot whatever they weigh. */
const MOST_UNREAD = 64 + 4;

function megabyte(n: number): Uint8Array {
  return new Uint8Array(1024 * 1024).fill(n);
}

/** Resolves when none of the executor's calls runs or waits anywhere. */
async function quiet(executor: ClusterExecutor): Promise<void> {
  for (;;) {
    const nodes = await executor.nodes();
    if (nodes.every(({ running, queued }) => running + queued === 0)) return;
    // An embedded executor knows of itself without asking anybody.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Reads to the end; failures by their names. */
async function readOn(map: MapResult<Uint8Array>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    try {
      const { done, value } = await map.next();
      if (done === true) return seen;
      expect(value.length).toBe(MIB);
      seen.push(value[MIB - 1]);
    } catch (error) {
      seen.push((error as Error).name);
    }
  }
}

describeExecutors("a map that is read slowly", (open) => {
  it("does not run further ahead than large results can wait, and goes on from there", async () => {
    const executor = await open();
    const map = executor.map(megabyte, inputs);
    expect((await map.next()).value?.length).toBe(MIB);
    await quiet(executor);
    expect(map.done).toBeLessThanOrEqual(1 + MOST_UNREAD);
    expect(await readOn(map)).toEqual(inputs.slice(1));
  });
});

describe("a map that is read slowly", () => {
  it("takes no more from an endless source than large results can wait, however short their calls are", async () => {
    // Each slot may have some milliseconds of work waiting.
    const executor = new ClusterExecutor({ maxWorkers: 2, tasksPerWorker: 8 });
    let pulled = 0;
    function* endless(): Generator<number> {
      for (;;) yield pulled++;
    }
    const map = executor.map(megabyte, endless());
    // By then it is known how large they are, and how short.
    for (let i = 0; i < 100; i++) await map.next();
    await quiet(executor);
    expect(map.done).toBe(pulled);
    expect(pulled - 100).toBeLessThanOrEqual(MOST_UNREAD);
    await map.return();
    await executor.shutdown();
  });

  it("runs ahead to the end if results are small, or if nobody has begun to read", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const small = executor.map(
      (n: number) => n,
      Array.from({ length: 10_000 }, (_, i) => i),
    );
    await small.next();
    const unread = executor.map(megabyte, inputs);
    await quiet(executor);
    while (small.done < 10_000 || unread.done < COUNT) await new Promise((resolve) => setImmediate(resolve));
    expect(await readOn(unread)).toEqual(inputs);
    await executor.shutdown();
  });

  it("is finished by a shutdown, for all its calls were given", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const map = executor.map(megabyte, inputs);
    await map.next();
    await executor.shutdown();
    expect(map.done).toBe(COUNT);
    expect(await readOn(map)).toEqual(inputs.slice(1));
  });

  it("that is cancelled says so of each call, sent or not", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const map = executor.map(megabyte, inputs);
    await map.next();
    await quiet(executor);
    const { done } = map;
    map.cancel();
    expect(await readOn(map)).toEqual([
      ...inputs.slice(1, done),
      ...Array<string>(COUNT - done).fill("CancelledError"),
    ]);
    await executor.shutdown();
  });
});
