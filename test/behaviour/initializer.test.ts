import { BrokenExecutorError, ClusterExecutor, type Future, SerializationError, ShippingError, task } from "pydist";
import { describe, expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;

describeExecutors("an initializer", (open) => {
  it("has run in each worker before its first task (rows 61, 146)", async () => {
    const executor = await open({
      initializer: async (name: string, { count }: { count: number }) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        const { prepared = [] } = globalThis as { prepared?: string[] };
        Object.assign(globalThis, { prepared: [...prepared, name.repeat(count)] });
      },
      initargs: ["a", { count: 3 }],
    });
    const seen = await executor.map(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return (globalThis as { prepared?: string[] }).prepared?.join();
      },
      Array.from({ length: 100 }, (_, i) => i),
    );
    expect(new Set(seen)).toEqual(new Set(["aaa"]));
  });

  it("may be a reference to a function of a module", async () => {
    const executor = await open({ initializer: task<typeof tasks.remember>(fixtures, "remember"), initargs: ["x"] });
    expect(await executor.submit(task<typeof tasks.recall>(fixtures, "recall"))).toBe("x");
  });

  it("that throws breaks the executor: every future fails with an error of its own (rows 36, 65, 147, 148)", async () => {
    const logged: { error?: unknown; message: string }[] = [];
    const log = (fields: object, message: string): void => void logged.push({ ...fields, message });
    const executor = await open({
      initializer: (what: string) => {
        throw new RangeError(`no ${what}`);
      },
      initargs: ["database"],
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: log },
    });
    const futures: Future<unknown>[] = Array.from({ length: 30 }, (_, i) => executor.submit((n: number) => n, [i]));
    const dependent = executor.submit((x: unknown) => x, [futures[0]]);
    const map = executor.map((n: number) => n, [1, 2, 3]).catch((error: unknown) => error);
    const errors = await Promise.all([...futures, dependent].map((future) => future.exception()));
    errors.push(await map);
    for (const error of errors.filter((each) => (each as Error).name !== "DependencyError")) {
      expect(error).toBeInstanceOf(BrokenExecutorError);
      expect(error).toMatchObject({ code: "PYDIST_E_BROKEN_EXECUTOR" });
      expect((error as Error).cause).toBeInstanceOf(RangeError);
      expect((error as Error).cause).toMatchObject({ message: "no database" });
    }
    expect(new Set(errors).size).toBe(errors.length);
    expect(() => executor.submit(() => 1)).toThrow(BrokenExecutorError);
    expect(() => executor.map((n: number) => n, [1])).toThrow(BrokenExecutorError);
    expect(logged).toMatchObject([{ message: "The initializer failed: the executor is broken" }]);
    await executor.shutdown();
  });

  it("is each executor's own: another one on the same tree is not concerned", async () => {
    const broken = await open({
      initializer: () => {
        throw new Error("never");
      },
    });
    const sound = await open();
    await expect(broken.submit(() => 1)).rejects.toBeInstanceOf(BrokenExecutorError);
    expect(await sound.submit(() => 1)).toBe(1);
  });
});

describe("an initializer that cannot travel", () => {
  it("is refused when the executor is made (rows 62, 63)", () => {
    const outside = { n: Promise.resolve(1) };
    expect(() => new ClusterExecutor({ initializer: () => outside.n })).toThrow(ShippingError);
    expect(() => new ClusterExecutor({ initializer: () => outside.n })).toThrow(
      /^initializer: function .* > outside\.n is a Promise/,
    );
    expect(() => new ClusterExecutor({ initializer: (x: unknown) => x, initargs: [{ f: () => 1 }] })).toThrow(
      SerializationError,
    );
    expect(() => new ClusterExecutor({ initializer: (x: unknown) => x, initargs: [{ f: () => 1 }] })).toThrow(
      "initargs[0].f",
    );
  });
});

describe("maxTasksPerWorker", () => {
  it("is how many tasks a thread serves (rows 44, 46, 52)", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 3 });
    const threadId = async (): Promise<number> => (await import("node:worker_threads")).threadId;
    const ids: number[] = [];
    for (let i = 0; i < 7; i++) ids.push(await executor.submit(threadId));
    expect(new Set(ids.slice(0, 3)).size).toBe(1);
    expect(new Set(ids.slice(3, 6)).size).toBe(1);
    expect(new Set(ids).size).toBe(3);
    await executor.shutdown();
    const others = new ClusterExecutor({ maxWorkers: 2, maxTasksPerWorker: 2 });
    const futures = Array.from({ length: 8 }, (_, i) => others.submit((n: number) => n, [i]));
    await others.shutdown();
    expect(await Promise.all(futures)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("holds for tasks that wait for their own: none is given to a thread that has served its time", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 1 });
    const nesting = async (n: number): Promise<number> => {
      const { executor: own } = task.context();
      const products = await Promise.all([1, 2].map((k) => own.submit((a: number, b: number) => a * b, [n, k])));
      return products.reduce((a, b) => a + b);
    };
    for (let round = 0; round < 3; round++) expect(await executor.map(nesting, [1, 2, 3])).toEqual([3, 6, 9]);
    await executor.shutdown();
  });
});
