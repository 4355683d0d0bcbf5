import { BrokenExecutorError, CancelledError, ClusterExecutor, ShutdownError, task, WorkerExitError } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold, holdThenExit, known, occupy, slotsOf } from "../support/gate.js";
import { watch } from "../support/watchdog.js";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { range, reasonOf, untyped } from "./support.js";

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const endWhenAsked = task<typeof tasks.endWhenAsked>(fixtures, "endWhenAsked");

describeExecutors("what runs", (open) => {
  row(54, "can be told to stop, and may put its things in order", async () => {
    const executor = await open({ abortGrace: 10_000 });
    const [gate, orderly] = [await Gate.make(), await Gate.make()];
    orderly.open();
    const future = executor.submit(endWhenAsked, [gate.port, orderly.port]);
    await gate.entered(1);
    await known(future);
    expect(future.abort(new Error("enough"))).toBe(true);
    // It says why it was told to stop.
    await watch(orderly.entered(1), { executor, futures: [future] });
    expect(orderly.names).toEqual(["enough"]);
    const error = await reasonOf(future);
    expect(error).toBeInstanceOf(CancelledError);
    expect((error as Error).cause).toEqual(new Error("enough"));
    expect(await executor.submit(() => "still there")).toBe("still there");
  });

  row(55, "can be ended although it hears nothing", async () => {
    const executor = await open();
    const endless = executor.submit((): never => {
      for (;;);
    });
    await known(endless);
    await watch(executor.terminateWorkers(), { executor, futures: [endless] });
    expect(await reasonOf(endless)).toBeInstanceOf(BrokenExecutorError);
  });

  row(57, "is ended before it can finish", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const held = await occupy(executor, gate);
    await Promise.all(held.map(known));
    const waiting = range(5).map((i) => executor.submit(hold, [gate.port, `waiting ${i}`]));
    const entered = gate.names.length;
    await watch(executor.terminateWorkers(), { executor, futures: held });
    await gate.left();
    for (const reason of await Promise.all(held.map(reasonOf))) {
      expect(reason).toBeInstanceOf(BrokenExecutorError);
      expect((reason as Error).message).toContain("forcefully shut down");
    }
    for (const reason of await Promise.all(waiting.map(reasonOf))) {
      expect(reason).toBeInstanceOf(CancelledError);
      expect((reason as Error).message).toContain("forcefully shut down");
    }
    expect(gate.names.length).toBe(entered);
  });

  row(58, "and has ended its worker itself is no trouble", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const dying = range(slots).map((i) => executor.submit(holdThenExit, [gate.port, i]));
    await gate.entered(slots);
    gate.open();
    for (const reason of await Promise.all(dying.map(reasonOf))) expect(reason).toBeInstanceOf(WorkerExitError);
    await watch(executor.terminateWorkers(), { executor, futures: dying });
  });

  row(59, "is nothing before the first task, and ending that is no trouble", async () => {
    const executor = await open();
    await watch(executor.terminateWorkers(), { executor });
    await watch(executor.terminateWorkers(), { executor });
  });

  row(60, "was ended: nothing more is taken", async () => {
    const executor = await open();
    expect(await executor.submit(() => 1)).toBe(1);
    await executor.terminateWorkers();
    expect(() => executor.submit(() => 1)).toThrow(ShutdownError);
    expect(() => executor.map((n: number) => n, [1])).toThrow(ShutdownError);
    await executor.shutdown();
  });
});

describe("how long a task has that is told to stop", () => {
  row(56, "is a time, and anything else is refused by name", async () => {
    const make = (abortGrace: unknown) => () =>
      untyped(new ClusterExecutor({ maxWorkers: 1, abortGrace: abortGrace as number }));
    expect(make("kill")).toThrow(new TypeError("abortGrace is 'kill'; it must be a number."));
    expect(make(-1)).toThrow(new RangeError("abortGrace is -1; it must be milliseconds of at least 0."));
  });
});
