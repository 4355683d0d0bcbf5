import { ClusterExecutor, ShutdownError } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold, occupy, slotsOf } from "../support/gate.js";
import { fileHome, spawnNode } from "../support/processes.js";
import { watch } from "../support/watchdog.js";
import { row } from "./row.js";
import { range } from "./support.js";

describeExecutors("after shutdown", (open) => {
  row(114, "nothing more is taken", async () => {
    const executor = await open();
    await executor.shutdown();
    expect(() => executor.submit(Math.pow, [2, 5])).toThrow(ShutdownError);
    expect(() => executor.map(Math.abs, [1])).toThrow(ShutdownError);
    expect(() => executor.submit(Math.pow, [2, 5])).toThrow("The executor was shut down; it takes no new tasks.");
  });

  row(117, "of fifty calls that were under way, every result can be read", async () => {
    const executor = await open();
    const nap = (i: number): Promise<number> => new Promise((resolve) => setTimeout(resolve, 10, i));
    const futures = range(50).map((i) => executor.submit(nap, [i]));
    await executor.shutdown();
    expect(futures.every((future) => future.done())).toBe(true);
    expect(await Promise.all(futures)).toEqual(range(50));
  });

  row(118, "that cancels futures, those that had begun have finished and the others are cancelled", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const futures = range(50).map((i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(slots);
    const over = executor.shutdown({ cancelFutures: true });
    const cancelled = () => futures.filter((future) => future.cancelled()).length;
    while (cancelled() <= 20) await new Promise((resolve) => setImmediate(resolve));
    gate.open();
    await watch(over, { executor, futures });
    const finished = futures.filter((future) => future.state === "finished");
    expect(finished.length).toBeGreaterThanOrEqual(slots);
    expect(cancelled() + finished.length).toBe(50);
    for (const future of finished) expect(await future.exception()).toBe(null);
  });

  row(120, "of a call that was cancelled at once, nothing hangs", async () => {
    const executor = await open();
    for (const _ of range(20)) executor.submit(() => 1).cancel();
    await watch(executor.shutdown({ wait: true }), { executor });
  });

  row(123, "by the end of a scope, its map has given everything", async () => {
    const executor = await open();
    let results: Promise<number[]>;
    {
      await using scoped = executor;
      results = scoped
        .map(
          Math.abs,
          range(10).map((n) => -n),
        )
        .then();
    }
    expect(() => executor.submit(() => 1)).toThrow(ShutdownError);
    expect(await results).toEqual(range(10));
  });

  row(125, "that does not wait, every result comes all the same", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const futures = range(20).map((i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(1);
    await executor.shutdown({ wait: false });
    expect(futures.some((future) => future.done())).toBe(false);
    expect(() => executor.submit(() => 1)).toThrow(ShutdownError);
    gate.open();
    expect(await watch(Promise.all(futures), { executor, futures })).toEqual(range(20));
    // It can be waited for later.
    await executor.shutdown();
  });
});

describe("the nodes of a cluster", () => {
  row(
    122,
    "are not the executor's to end: after its shutdown they have no work of it, and serve the next one",
    async () => {
      const node = await spawnNode({ workers: 2 });
      const attach = (): ClusterExecutor => new ClusterExecutor(node.address, { secretFile: fileHome().secretFile });
      const executor = attach();
      const gate = await Gate.make();
      const held = await occupy(executor, gate);
      const waiting = range(10).map((i) => executor.submit(hold, [gate.port, i]));
      const over = executor.shutdown({ cancelFutures: true });
      gate.open();
      await watch(over, { executor, futures: [...held, ...waiting] });
      const next = attach();
      expect((await next.nodes()).map(({ pid, running, queued }) => ({ pid, running, queued }))).toEqual([
        { pid: node.pid, running: 0, queued: 0 },
      ]);
      expect(await next.submit(() => "next")).toBe("next");
      await next.shutdown();
    },
  );
});

describe("names", () => {
  row(126, "are those that were given", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1, name: "SpecialPool" });
    expect((await executor.nodes()).map(({ name }) => name)).toEqual(["SpecialPool"]);
    await executor.submit(() => 1);
    expect((await executor.stats()).nodes.map(({ name }) => name)).toEqual(["SpecialPool"]);
    await executor.shutdown();
  });

  row(127, "are made where none was given, and differ", async () => {
    const executors = range(3).map(() => new ClusterExecutor({ maxWorkers: 1 }));
    const names = (await Promise.all(executors.map((each) => each.nodes()))).map(([node]) => node?.name);
    for (const name of names) expect(name).toMatch(/^executor-[0-9a-f]{4}$/);
    await Promise.all(executors.map((executor) => executor.shutdown()));
  });
});
