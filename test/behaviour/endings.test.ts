import { CancelledError, ClusterExecutor, ShutdownError } from "pydist";
import { describe, expect, it } from "vitest";

function* naturals(): Generator<number> {
  for (let n = 0; ; n++) yield n;
}

async function nap(milliseconds: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return milliseconds;
}

/** What is left half done when something ends must say so, and nobody may wait for ever. */
describe("an ending", () => {
  it("of a map by cancel is a failure for who awaits it, never a short array", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const map = executor.map(nap, naturals(), { buffersize: 2 });
    const awaited = map.then();
    map.cancel();
    await expect(awaited).rejects.toBeInstanceOf(CancelledError);
    await executor.shutdown();
  });

  it("of the executor ends a map over an endless source that nobody reads", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const map = executor.map((n: number) => n, naturals(), { buffersize: 3 });
    await executor.shutdown();
    expect([await map.next(), await map.next(), await map.next()].map((each) => each.value)).toEqual([0, 1, 2]);
    await expect(map.next()).rejects.toBeInstanceOf(ShutdownError);
    expect(await map.next()).toEqual({ done: true, value: undefined });
  });

  it("of the reading lets go of who waits for the next result", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const map = executor.map(nap, [1500]);
    const next = map.next();
    await map.return();
    expect(await next).toEqual({ done: true, value: undefined });
    // A call that has begun is waited for.
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect((nodes[0]?.completed ?? 0) + neverRan).toBe(1);
  });

  it("of the executor ends the waiting for nodes", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const waiting = executor.waitForNodes(5);
    const outcome = expect(waiting).rejects.toBeInstanceOf(ShutdownError);
    await executor.shutdown();
    await outcome;
    await expect(executor.waitForNodes(5)).rejects.toBeInstanceOf(ShutdownError);
  });

  it("before a batch has left: what was cancelled never runs", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    for (let round = 0; round < 20; round++) {
      const futures = Array.from({ length: 200 }, (_, i) => executor.submit((n: number) => n, [i]));
      for (let i = 0; i < futures.length; i += 2) futures[i]?.cancel();
      await Promise.allSettled(futures);
    }
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect(neverRan).toBe(2000);
    expect(nodes[0]?.completed).toBe(2000);
  });

  it("never comes by a time limit that is too long for a timer", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    expect(await executor.submit(nap, [20]).result(Number.POSITIVE_INFINITY)).toBe(20);
    expect(await executor.submit(nap, [20]).result(2 ** 40)).toBe(20);
    await executor.waitForNodes(1, { timeout: Number.POSITIVE_INFINITY });
    await executor.shutdown();
  });
});

describe("an options object that is changed between two calls", () => {
  it("counts as it was at each call", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const names: string[] = [];
    executor.on("taskSettled", ({ name }) => names.push(name));
    const options = { name: "a" };
    const first = executor.submit(nap, [1], options);
    options.name = "b";
    await Promise.all([first, executor.submit(nap, [1], options)]);
    expect(names).toEqual(["a", "b"]);
    await executor.shutdown();
  });
});
