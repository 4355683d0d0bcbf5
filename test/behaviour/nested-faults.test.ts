import { ClusterExecutor, task } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { fileHome, spawnNode } from "../support/processes.js";

const opened: ClusterExecutor[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((executor) => executor.terminateWorkers()));
});

function open(options: object = {}): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers: 1, abortGrace: 50, ...options });
  opened.push(executor);
  return executor;
}

describe("a task hears of its own task, on the only worker,", () => {
  it.each<[string, (how: string) => unknown, string]>([
    ["that ends the thread", () => process.exit(3), "WorkerExitError"],
    [
      "that overran its time in an endless loop",
      () => {
        for (;;);
      },
      "TimeoutError",
    ],
  ])("%s", async (_what, child, name) => {
    const executor = open();
    const parent = executor.submit(
      async (text: string, timeout: number) => {
        const fn = new Function(`return ${text}`)() as () => unknown;
        try {
          return await task.context().executor.submit(fn, [], { timeout });
        } catch (error) {
          return (error as Error).name;
        }
      },
      [child.toString(), name === "TimeoutError" ? 200 : 60_000],
    );
    expect(await parent).toBe(name);
  });

  it("that it aborts", async () => {
    const executor = open();
    const parent = executor.submit(async () => {
      const child = task.context().executor.submit(() => {
        for (;;);
      });
      while (!child.running()) await new Promise((resolve) => setTimeout(resolve, 1));
      child.abort();
      return child.catch((error: Error) => error.name);
    });
    expect(await parent).toBe("CancelledError");
  });
});

describe("a task that waits for its own", () => {
  it("may end before they do; the next of its run waits for its own all the same", async () => {
    const executor = open();
    const impatient = async (n: number): Promise<number> => {
      const slow = task.context().executor.submit(() => new Promise((resolve) => setTimeout(resolve, 30, -1)));
      const timer = new Promise((resolve) => setTimeout(resolve, n % 2 === 0 ? 0 : 200, n));
      return (await Promise.race([slow, timer])) as number;
    };
    const results = await executor.map(
      impatient,
      Array.from({ length: 20 }, (_, n) => n),
    );
    expect(results.filter((_, n) => n % 2 === 0)).toEqual(Array.from({ length: 10 }, (_, i) => 2 * i));
  });

  it("ends when it is aborted, although another holds the only slot, and does not take that one along", async () => {
    const executor = open({ abortGrace: 10_000 });
    const parent = executor.submit(async () => {
      const child = async () => {
        const { signal } = task.context();
        task.context().progress(1);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      };
      await task.context().executor.submit(child);
    });
    await new Promise((resolve) => executor.once("progress", resolve));
    const gate = await Gate.make();
    const other = executor.submit(hold, [gate.port, "undisturbed"]);
    parent.abort();
    await expect(parent).rejects.toMatchObject({ code: "PYDIST_E_CANCELLED" });
    expect(other.done()).toBe(false);
    gate.open();
    expect(await other).toBe("undisturbed");
    expect(other.attempts).toBe(1);
  });
});

describe("an initializer that never ends", () => {
  it.each<[string, () => unknown]>([
    [
      "because it loops",
      () => {
        for (;;);
      },
    ],
    ["because it waits", () => new Promise(() => {})],
  ])("%s gives the worker back once nobody wants its tasks", async (_why, initializer) => {
    const node = await spawnNode({ workers: 1 });
    const options = { secretFile: fileHome().secretFile, abortGrace: 100 };
    const first = new ClusterExecutor(node.address, { ...options, initializer });
    const stuck = first.submit(() => 1);
    stuck.catch(() => {});
    while (!stuck.running()) await new Promise((resolve) => setImmediate(resolve));
    await first.terminateWorkers();
    const second = new ClusterExecutor(node.address, options);
    opened.push(second);
    expect(await second.submit(() => 2)).toBe(2);
  });

  it("does not hold up who aborts its tasks", async () => {
    const executor = open({
      initializer: () => {
        for (;;);
      },
    });
    const stuck = executor.submit(() => 1);
    while (!stuck.running()) await new Promise((resolve) => setImmediate(resolve));
    stuck.abort();
    await expect(stuck).rejects.toMatchObject({ code: "PYDIST_E_CANCELLED" });
    await executor.shutdown();
  });
});
