import { BrokenExecutorError, CancelledError, ClusterExecutor, type Future, ShutdownError, task } from "pydist";
import { describe, expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { Gate, hold } from "../support/gate.js";
import { fileHome, spawnNode } from "../support/processes.js";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;
const later = task<typeof tasks.later>(fixtures, "later");

async function running(future: Future<unknown>): Promise<void> {
  while (!future.running()) await new Promise((resolve) => setImmediate(resolve));
}

describeExecutors("terminateWorkers", (open) => {
  it("stops what runs and cancels what has not begun; each is told so (rows 57, 60)", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const first = executor.submit(later, [60_000, "never"]);
    await running(first);
    const futures = Array.from({ length: 40 }, () => executor.submit(later, [60_000, "never"]));
    const dependent = executor.submit((x: unknown) => x, [first]);
    const map = executor.map(later, [60_000, 60_000], [1, 2]).catch((error: unknown) => error);
    await executor.terminateWorkers();
    const error = await first.exception();
    expect(error).toBeInstanceOf(BrokenExecutorError);
    expect((error as Error).message).toContain("forcefully shut down");
    expect([...futures, dependent].every((future) => future.done())).toBe(true);
    const cancelled = futures.filter((future) => future.cancelled());
    expect(cancelled.length).toBeGreaterThan(20);
    const reason = await cancelled[0]?.catch((caught: unknown) => caught);
    expect(reason).toBeInstanceOf(CancelledError);
    expect((reason as Error).message).toContain("forcefully shut down");
    expect((await map) instanceof CancelledError || (await map) instanceof BrokenExecutorError).toBe(true);
    expect(() => executor.submit(() => 1)).toThrow(ShutdownError);
    expect(() => executor.map((n: number) => n, [1])).toThrow(ShutdownError);
  });

  it("tells of each task that it ended, too", async () => {
    const executor = await open();
    const outcomes: string[] = [];
    executor.on("taskSettled", ({ outcome }) => outcomes.push(outcome));
    const first = executor.submit(later, [60_000, "never"]);
    await running(first);
    const others = Array.from({ length: 40 }, () => executor.submit(later, [60_000, "never"]));
    const map = executor.map(later, Array<number>(10).fill(60_000), Array<number>(10).fill(1)).catch(() => {});
    await executor.terminateWorkers();
    await map;
    // Of calls that the map had not made yet nobody is told.
    expect(outcomes.length).toBeGreaterThan(41);
    expect(outcomes.length).toBeLessThanOrEqual(51);
    const failed = 1 + others.filter((future) => !future.cancelled()).length;
    expect(outcomes.filter((outcome) => outcome === "failed").length).toBeGreaterThanOrEqual(failed);
    await Promise.allSettled([first, ...others]);
  });

  it("does nothing to an executor that does nothing, or is over (rows 58, 59)", async () => {
    const idle = await open();
    await idle.terminateWorkers();
    await idle.terminateWorkers();
    const over = await open();
    const future = over.submit(() => 1);
    await over.shutdown();
    await over.terminateWorkers();
    expect(await future).toBe(1);
  });

  it("ends a shutdown that waits", async () => {
    const executor = await open({ abortGrace: 60_000 });
    const stuck = executor.submit(() => {
      for (;;);
    });
    await running(stuck);
    const shutdown = executor.shutdown();
    await executor.terminateWorkers();
    await shutdown;
    await expect(stuck).rejects.toBeInstanceOf(BrokenExecutorError);
  });
});

describe("terminateWorkers on a cluster", () => {
  it("touches no other executor's tasks", async () => {
    const node = await spawnNode({ workers: 2 });
    const attach = (): ClusterExecutor => new ClusterExecutor(node.address, { secretFile: fileHome().secretFile });
    const [one, other] = [attach(), attach()];
    const stuck = one.submit(() => {
      for (;;);
    });
    const gate = await Gate.make();
    const slow = other.submit(hold, [gate.port, "slow"]);
    await Promise.all([running(stuck), running(slow)]);
    await one.terminateWorkers();
    gate.open();
    expect(await slow).toBe("slow");
    // Both workers are free again: neither of these waits for what was stopped.
    expect(await Promise.all([other.submit(later, [100, 1]), other.submit(later, [100, 2])])).toEqual([1, 2]);
    await other.shutdown();
    await expect(stuck).rejects.toBeInstanceOf(BrokenExecutorError);
  });
});
