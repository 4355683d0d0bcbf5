import { CancelledError, ClusterExecutor, task, WorkerExitError } from "pydist";
import { describe, expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;
const untilAttempt = task<typeof tasks.untilAttempt>(fixtures, "untilAttempt");
const later = task<typeof tasks.later>(fixtures, "later");

async function settledBy(executor: ClusterExecutor): Promise<{ completed: number; failed: number; neverRan: number }> {
  const { nodes, neverRan } = await executor.stats();
  const sum = (what: "completed" | "failed"): number => nodes.reduce((total, node) => total + node[what], 0);
  return { completed: sum("completed"), failed: sum("failed"), neverRan };
}

describeExecutors("retries", (open) => {
  it("call again what failed, until it does not", async () => {
    const executor = await open();
    const future = executor.submit(untilAttempt, [3], { retries: 5 });
    expect(await future).toBe(3);
    expect(future.attempts).toBe(3);
  });

  it("are as many as were asked for, and the last failure is the answer", async () => {
    const executor = await open();
    const future = executor.submit(untilAttempt, [9], { retries: 2 });
    await expect(future).rejects.toThrow("attempt 3");
    expect([future.state, future.attempts]).toEqual(["finished", 3]);
    const none = executor.submit(untilAttempt, [9], { retries: 0 });
    await expect(none).rejects.toThrow("attempt 1");
  });

  it("leave room for as many attempts as there are numbers", async () => {
    const executor = await open();
    const most = { retries: 1, attempts: Number.MAX_SAFE_INTEGER };
    expect(await executor.submit(untilAttempt, [9], most).exception()).toMatchObject({ message: "attempt 2" });
  });

  it("count as one task, by what came of it in the end", async () => {
    const executor = await open();
    const outcomes: string[] = [];
    executor.on("taskSettled", ({ outcome }) => outcomes.push(outcome));
    await executor.submit(untilAttempt, [3], { retries: 5 });
    await executor.submit(untilAttempt, [9], { retries: 1 }).exception();
    await executor.shutdown();
    expect(await settledBy(executor)).toEqual({ completed: 1, failed: 1, neverRan: 0 });
    expect(outcomes).toEqual(["finished", "failed"]);
  });

  it("are for those of a map that failed, and for no others", async () => {
    const executor = await open();
    const attempts = [1, 2, 1, 3, 1, 1, 2, 1];
    expect(await executor.map(untilAttempt, attempts, { retries: 2, chunksize: 4 })).toEqual(attempts);
    const seen: unknown[] = [];
    const results = executor.map(untilAttempt, [1, 9, 2], { retries: 1 });
    for (let i = 0; i < 3; i++) seen.push(await results.next().catch((error: Error) => error.message));
    expect(seen).toEqual([{ done: false, value: 1 }, "attempt 2", { done: false, value: 2 }]);
    await executor.shutdown();
    expect(await settledBy(executor)).toEqual({ completed: 10, failed: 1, neverRan: 0 });
  });

  it("are for a task that took its thread along, too", async () => {
    const executor = await open();
    const future = executor.submit(task<typeof tasks.exitFirst>(fixtures, "exitFirst"), [3], {
      retries: 1,
      retryOn: (error) => error instanceof WorkerExitError && error.exitCode === 3,
    });
    expect(await future).toBe("second");
    expect(future.attempts).toBe(2);
  });

  it("can be stopped in the middle of one", async () => {
    const executor = await open({ abortGrace: 100 });
    let ask: (value?: unknown) => void = () => {};
    const asked = new Promise((resolve) => {
      ask = resolve;
    });
    const future = executor.submit(task<typeof tasks.failThenHang>(fixtures, "failThenHang"), [], {
      retries: 3,
      retryOn: () => {
        ask();
        return true;
      },
    });
    await asked;
    while (!future.running()) await new Promise((resolve) => setImmediate(resolve));
    future.abort("enough");
    await expect(future).rejects.toMatchObject({ code: "PYDIST_E_CANCELLED", cause: "enough" });
  });
});

describe("retryOn", () => {
  it("decides on the very error that the future fails with", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const errors: unknown[] = [];
    const future = executor.submit(untilAttempt, [9], {
      retries: 5,
      retryOn: (error) => errors.push(error) < 3,
    });
    const error = await future.exception();
    expect(errors).toHaveLength(3);
    expect(errors.map((each) => (each as { attempt: number }).attempt)).toEqual([1, 2, 3]);
    expect(error).toBe(errors[2]);
    expect(error).toBeInstanceOf(RangeError);
    await executor.shutdown();
  });

  it("that throws is what the task fails with, and the task's error is the cause", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const mistake = new TypeError("mistake");
    const future = executor.submit(untilAttempt, [9], {
      retries: 5,
      retryOn: () => {
        throw mistake;
      },
    });
    expect(await future.exception()).toBe(mistake);
    expect(mistake.cause).toMatchObject({ message: "attempt 1" });
    expect(future.attempts).toBe(1);
    const unsure = executor.submit(untilAttempt, [9], {
      retries: 5,
      retryOn: (async () => true) as unknown as () => boolean,
    });
    expect(((await unsure.exception()) as Error).message).toBe(
      "retryOn returned Promise { true }; it must return true or false.",
    );
    await executor.shutdown();
  });

  it("of each call is its own, though calls travel together", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const asked: string[] = [];
    const options = (name: string) => ({ retries: 1, retryOn: () => asked.push(name) > 0 });
    const [a, b] = [options("a"), options("b")];
    const futures = [a, b, a].map((each) => executor.submit(untilAttempt, [2], each));
    expect(await Promise.all(futures)).toEqual([2, 2, 2]);
    expect(asked.sort()).toEqual(["a", "a", "b"]);
    await executor.shutdown();
  });

  it("is not asked about what another call would not change", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const asked: unknown[] = [];
    const options = { retries: 3, retryOn: (error: unknown) => asked.push(error) > 0 };
    const refused = executor.submit(() => ({ close: () => 1 }), [], options);
    expect(await refused.exception()).toMatchObject({ code: "PYDIST_E_SERIALIZATION" });
    const missing = executor.submit(task(fixtures, "noSuchExport"), [], options);
    expect(await missing.exception()).toMatchObject({ code: "PYDIST_E_SHIPPING" });
    expect(asked).toEqual([]);
    await executor.shutdown();
  });
});

describe("a task that waits for its next attempt", () => {
  it("can be cancelled", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    let failed: (value?: unknown) => void = () => {};
    const first = new Promise((resolve) => {
      failed = resolve;
    });
    const future = executor.submit(untilAttempt, [9], {
      retries: 1000,
      retryOn: () => {
        failed();
        return true;
      },
    });
    const behind = executor.submit(later, [200, "behind"], { priority: 1 });
    await first;
    expect([future.state, future.cancel(), future.state]).toEqual(["pending", true, "cancelled"]);
    await expect(future).rejects.toBeInstanceOf(CancelledError);
    expect(await behind).toBe("behind");
    await executor.shutdown();
    expect(await settledBy(executor)).toEqual({ completed: 1, failed: 0, neverRan: 1 });
  });

  it("is cancelled with its map", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const map = executor.map(untilAttempt, [1, 9, 1], {
      retries: 1_000_000,
      retryOn: () => {
        map.cancel();
        return true;
      },
    });
    await expect(map).rejects.toThrow("attempt 1");
    await executor.shutdown();
    const { completed, failed, neverRan } = await settledBy(executor);
    expect(completed + failed + neverRan).toBe(3);
  });

  it("is waited for by shutdown, and has no further one when that cancels futures", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const future = executor.submit(untilAttempt, [4], { retries: 5 });
    await executor.shutdown();
    expect([future.state, await future]).toEqual(["finished", 4]);
    const other = new ClusterExecutor({ maxWorkers: 1 });
    let ask: (value?: unknown) => void = () => {};
    const asked = new Promise((resolve) => {
      ask = resolve;
    });
    const endless = other.submit(untilAttempt, [Number.MAX_SAFE_INTEGER], {
      retries: Number.MAX_SAFE_INTEGER,
      retryOn: () => {
        ask();
        return true;
      },
    });
    await asked;
    await other.shutdown({ cancelFutures: true });
    expect(endless.done()).toBe(true);
    expect((await settledBy(other)).completed).toBe(0);
  });
});

it("retries may be as many as one likes", async () => {
  const executor = new ClusterExecutor({ maxWorkers: 1 });
  const many = executor.submit(untilAttempt, [Number.POSITIVE_INFINITY], { retries: 15_000 });
  expect(await many.exception()).toMatchObject({ message: "attempt 15001" });
  await executor.shutdown();
});
