import { ClusterExecutor, task } from "pydist";
import { describe, expect } from "vitest";
import { Gate, hold, holdAndTellWhere } from "../support/gate.js";
import { type Ended, runProgram } from "../support/programs.js";
import { watch } from "../support/watchdog.js";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { range, reasonOf } from "./support.js";

/* Threads that are replaced after so many tasks: only an embedded executor can be asked for them. */

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const whoAmI = task<typeof tasks.whoAmI>(fixtures, "whoAmI");

function run(program: string, ...flags: string[]): Promise<Ended> {
  return runProgram(new URL(`./fixtures/programs/${program}.mjs`, import.meta.url), { flags });
}

describe("a worker that is replaced after so many tasks", () => {
  row(44, "serves as many and is followed by one other", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 3 });
    const workers: string[] = [];
    for (const _ of range(4)) workers.push(await executor.submit(whoAmI));
    expect(new Set(workers.slice(0, 3)).size).toBe(1);
    expect(workers[3]).not.toBe(workers[0]);
    expect((await executor.nodes()).map((node) => node.workers)).toEqual([1]);
    await executor.shutdown();
  });

  row(44, "is not for an executor that is attached to a cluster, and needs a number", async () => {
    expect(() => new ClusterExecutor("localhost:1", { maxTasksPerWorker: 3 })).toThrow(/^maxTasksPerWorker is /);
    expect(() => new ClusterExecutor({ maxTasksPerWorker: 0 })).toThrow(RangeError);
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
    expect(() => new ClusterExecutor({ maxTasksPerWorker: "3" as any })).toThrow(TypeError);
  });

  for (const [workers, limit, count] of [
    [1, 2, 6],
    [2, 2, 8],
  ] as const) {
    row(46, `does not stop a backlog: ${workers} worker(s), ${limit} tasks each, ${count} in all`, async () => {
      const executor = new ClusterExecutor({ maxWorkers: workers, maxTasksPerWorker: limit });
      const gate = await Gate.make();
      const futures = range(count).map(() => executor.submit(holdAndTellWhere, [gate.port]));
      await gate.entered(workers);
      gate.open();
      const used = await watch(Promise.all(futures), { executor, futures });
      expect(new Set(used).size).toBeGreaterThanOrEqual(count / limit);
      for (const worker of used) expect(used.filter((each) => each === worker).length).toBeLessThanOrEqual(limit);
      await executor.shutdown();
    });
  }

  row(47, "loses no queued work when nobody waits for the shutdown", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 1 });
    const gate = await Gate.make();
    const futures = range(5).map((i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(1);
    await executor.shutdown({ wait: false });
    gate.open();
    expect(await watch(Promise.all(futures), { executor, futures })).toEqual(range(5));
  });

  row(48, "goes on for an executor that nobody holds any more", async () => {
    expect(await run("dropped-while-recycling", "--expose-gc")).toEqual({
      code: 0,
      stdout: "0,1,4,9,16,25\n",
      stderr: "",
    });
  });

  row(49, "does not hold up the end of the executor's scope", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 1 });
    const futures = range(4).map((i) => executor.submit((n: number) => n, [i]));
    await futures[0];
    await watch(executor[Symbol.asyncDispose](), { executor, futures });
    expect(await Promise.all(futures)).toEqual(range(4));
  });

  row(50, "is not replaced any more once all is to end; what had not begun is told why", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, maxTasksPerWorker: 1 });
    const gate = await Gate.make();
    const futures = range(6).map((i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(1);
    gate.pass();
    await gate.entered(2);
    await watch(executor.terminateWorkers(), { executor, futures });
    await gate.left();
    expect(await futures[0]).toBe(0);
    for (const reason of await Promise.all(futures.slice(1).map(reasonOf))) {
      expect((reason as Error).message).toContain("forcefully shut down");
    }
    expect(gate.names).toEqual([0, 1]);
    expect(await run("terminated-while-recycling")).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
  });

  row(51, "by one that cannot start fails what is queued, and nothing hangs", async () => {
    const program = new URL("./fixtures/programs/no-replacement.mjs", import.meta.url);
    const failed = "PYDIST_E_BROKEN_EXECUTOR true\n";
    expect(await runProgram(program)).toEqual({ code: 0, stdout: `first\n${failed}${failed}`, stderr: "" });
  });

  row(52, "serves all of six tasks although the executor is shut down at once", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 3, maxTasksPerWorker: 1 });
    const futures = range(6).map((i) => executor.submit((n: number) => n ** 2, [i]));
    await watch(executor.shutdown(), { executor, futures });
    expect(await Promise.all(futures)).toEqual([0, 1, 4, 9, 16, 25]);
  });

  row(129, "whose task fails does not hold up a program that does not wait for its shutdown", async () => {
    expect(await run("failing-while-recycling")).toEqual({
      code: 0,
      stdout: "failed Error: one\nfailed Error: two\nsucceeded 3\n",
      stderr: "",
    });
  });
});
