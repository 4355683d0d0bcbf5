import { asCompleted, type ClusterExecutor, ShutdownError, task } from "pydist";
import { expect, it } from "vitest";
import { describeExecutors } from "./executors.js";

/* Functions travel as text: each says for itself what it needs, and knows itself by its own name. */

async function fibonacci(n: number): Promise<number> {
  if (n < 2) return n;
  const { executor } = task.context();
  const [a, b] = await Promise.all([executor.submit(fibonacci, [n - 1]), executor.submit(fibonacci, [n - 2])]);
  return a + b;
}

async function descend(levels: number): Promise<number> {
  if (levels === 0) return 0;
  return 1 + (await task.context().executor.submit(descend, [levels - 1]));
}

/** Whether all slots are free again: as many tasks as there are slots run at once. */
async function slotsOf(executor: ClusterExecutor): Promise<{ running: number; queued: number }> {
  const nodes = await executor.nodes();
  const sum = (key: "running" | "queued") => nodes.reduce((total, node) => total + node[key], 0);
  return { running: sum("running"), queued: sum("queued") };
}

describeExecutors("a task that submits tasks", (open) => {
  it("awaits them, however many and deep, without using up the slots", async () => {
    const executor = await open();
    expect(await executor.submit(fibonacci, [11])).toBe(89);
    expect(await executor.submit(descend, [100])).toBe(100);
    expect(await executor.map(fibonacci, [7, 8, 9])).toEqual([13, 21, 34]);
    expect(await slotsOf(executor)).toEqual({ running: 0, queued: 0 });
  });

  it("may map, and read what it maps as it comes", async () => {
    const executor = await open();
    const sums = await executor.map(
      async (n: number) => {
        const squares = await task.context().executor.map(
          (x: number) => x * x,
          Array.from({ length: n }, (_, i) => i),
        );
        return squares.reduce((a, b) => a + b, 0);
      },
      [1, 10, 1000],
    );
    expect(sums).toEqual([0, 285, 332833500]);
    const streamed = await executor.submit(async () => {
      function* naturals() {
        for (let n = 0; ; n++) yield n;
      }
      const taken: number[] = [];
      for await (const n of task.context().executor.map((x: number) => x + 1, naturals())) {
        taken.push(n);
        if (taken.length === 5) return taken;
      }
      return taken;
    });
    expect(streamed).toEqual([1, 2, 3, 4, 5]);
  });

  it("gives its slot back however it waits: by a callback, or by looking again and again", async () => {
    const executor = await open();
    const byCallback = async (level: number): Promise<number> => {
      if (level === 0) return 1;
      const inner = async (n: number) => n * 2;
      const future = task.context().executor.submit(inner, [level]);
      return new Promise((resolve, reject) => {
        future.addDoneCallback((done) => void done.result().then(resolve, reject));
      });
    };
    const byLooking = async (level: number) => {
      const future = task.context().executor.submit((n: number) => n * 3, [level]);
      while (!future.done()) await new Promise((resolve) => setTimeout(resolve, 1));
      return future;
    };
    // More of them than there are slots.
    expect(await executor.map(byCallback, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    expect(await executor.map(byLooking, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([3, 6, 9, 12, 15, 18, 21, 24]);
  });

  it("may cancel what it has just submitted, in any order", async () => {
    const executor = await open();
    const statuses = await executor.submit(async () => {
      const own = task.context().executor;
      const futures = [1, 2, 3, 4].map((n) => own.submit((x: number) => x, [n]));
      for (const index of [3, 0, 2]) futures[index]?.cancel();
      return (await Promise.allSettled(futures)).map(({ status }) => status);
    });
    expect(statuses).toEqual(["rejected", "fulfilled", "rejected", "rejected"]);
  });

  it("hears of failures with their class and message", async () => {
    const executor = await open();
    const told = await executor.submit(async () => {
      const fails = () => {
        throw new RangeError("from below");
      };
      try {
        await task.context().executor.submit(fails);
        return "nothing";
      } catch (error) {
        return `${error instanceof RangeError} ${(error as Error).message}`;
      }
    });
    expect(told).toBe("true from below");
  });

  it("that fails takes along what it had submitted and nobody can hear of any more", async () => {
    const executor = await open();
    const failing = executor.submit(async () => {
      void task.context().executor.submit(() => new Promise(() => {}));
      throw new Error("first");
    });
    await expect(failing).rejects.toThrow("first");
    // Shutdown waits for every task: it ends because the one that never would was stopped.
    await executor.shutdown();
    const { nodes, neverRan } = await executor.stats();
    expect(nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan)).toBe(2);
  });

  it("and returns without waiting leaves them running", async () => {
    const executor = await open();
    const names: string[] = [];
    executor.on("taskSettled", ({ name }) => names.push(name));
    await executor.submit(async () => {
      void task.context().executor.submit(() => 1, [], { name: "left behind" });
    });
    // One that is over before its submit has left.
    await executor.submit(() => {
      void task.context().executor.submit(() => 1, [], { name: "left at once" });
    });
    await executor.shutdown();
    expect(names).toEqual(expect.arrayContaining(["left behind", "left at once"]));
  });

  it("cannot submit once it is over", async () => {
    const executor = await open();
    const late = executor.submit(async () => {
      const { executor: own } = task.context();
      (globalThis as { later?: typeof own }).later = own;
    });
    await late;
    const after = executor.map(
      (_: number) => {
        const later = (globalThis as { later?: { submit(fn: () => number): unknown } }).later;
        if (later === undefined) return "another thread";
        try {
          later.submit(() => 1);
          return "taken";
        } catch (error) {
          return (error as { code?: string }).code;
        }
      },
      Array.from({ length: 16 }, (_, i) => i),
    );
    const codes = new Set(await after);
    codes.delete("another thread");
    expect([...codes].every((code) => code === new ShutdownError("").code)).toBe(true);
  });

  it("knows its node, attempt, hops, and what the executor's wait and asCompleted make of its futures", async () => {
    const executor = await open();
    const { node, attempt, hops, done } = await executor.submit(async () => {
      const context = task.context();
      return { node: context.node, attempt: context.attempt, hops: context.hops, done: context.signal.aborted };
    });
    expect((await executor.nodes()).map(({ id }) => id)).toContain(node);
    expect([attempt, done]).toEqual([1, false]);
    expect(hops).toBeGreaterThanOrEqual(0);
    const outer = [executor.submit(fibonacci, [5]), executor.submit(fibonacci, [6])];
    const values: number[] = [];
    for await (const future of asCompleted(outer)) values.push(await future);
    expect(values.sort()).toEqual([5, 8]);
  });

  it("tells how far it is, and logs with the executor's logger", async () => {
    const lines: unknown[] = [];
    const log = (fields: unknown, text: unknown): void => {
      lines.push([(fields as { task: string }).task, text]);
    };
    const executor = await open({ logger: { debug: () => {}, info: log, warn: log, error: log } });
    const fractions: number[] = [];
    executor.on("progress", ({ fraction }) => fractions.push(fraction));
    await executor.submit(
      async () => {
        const { log: own, progress } = task.context();
        own.info("half of %d", 10);
        progress(1);
      },
      [],
      { name: "teller" },
    );
    expect(fractions).toEqual([1]);
    expect(lines).toContainEqual(["teller", "half of 10"]);
  });
});
