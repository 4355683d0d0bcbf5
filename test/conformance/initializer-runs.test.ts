import { BrokenExecutorError, ClusterExecutor, ShippingError, task } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, slotsOf } from "../support/gate.js";
import { runProgram } from "../support/programs.js";
import { watch } from "../support/watchdog.js";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { range, reasonOf } from "./support.js";

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const setUp = task<typeof tasks.setUp>(fixtures, "setUp");
const whatWasSetUp = task<typeof tasks.whatWasSetUp>(fixtures, "whatWasSetUp");
const whoAmI = task<typeof tasks.whoAmI>(fixtures, "whoAmI");
const failToSetUp = task<typeof tasks.failToSetUp>(fixtures, "failToSetUp");

/** A logger that keeps what goes wrong. */
function errorLog(): {
  readonly errors: object[];
  readonly logger: Record<"debug" | "info" | "warn" | "error", (fields: object, message: string) => void>;
} {
  const errors: object[] = [];
  const nothing = (): void => {};
  const error = (fields: object, message: string): void => void errors.push({ ...fields, message });
  return { errors, logger: { debug: nothing, info: nothing, warn: nothing, error } };
}

describeExecutors("an initializer", (open) => {
  row(61, "runs with its arguments before the first task of a worker, and once", async () => {
    const executor = await open({ initializer: setUp, initargs: ["once", [1, 2]] });
    for (const _ of range(5)) {
      expect(await executor.submit(whatWasSetUp, ["once"])).toEqual({ times: 1, numbers: [1, 2] });
    }
  });

  row(64, "puts values where every task of the worker finds them", async () => {
    const executor = await open({
      initializer: (shared: { readonly spam: string }) => {
        Object.assign(globalThis, { shared });
      },
      initargs: [{ spam: "ham" }],
    });
    const spam = (): string => (globalThis as unknown as { shared: { spam: string } }).shared.spam;
    expect(await executor.map(spam as (i: number) => string, range(20))).toEqual(Array(20).fill("ham"));
  });

  row(65, "that throws fails the first future with its own error as the cause", async () => {
    const executor = await open({ initializer: failToSetUp, initargs: ["no database"] });
    const future = executor.submit(whoAmI);
    const error = (await watch(reasonOf(future), { executor, futures: [future] })) as Error;
    expect(error).toBeInstanceOf(BrokenExecutorError);
    expect(error.cause).toEqual(new RangeError("no database"));
    expect((error.cause as Error).stack).toContain("failToSetUp");
  });

  row(146, "has run in every worker before its first task", async () => {
    const executor = await open({ initializer: setUp, initargs: ["everywhere", []] });
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const futures = range(slots).map(() => executor.submit(whatWasSetUp, ["everywhere", gate.port]));
    await gate.entered(slots);
    gate.open();
    expect(await Promise.all(futures)).toEqual(Array(slots).fill({ times: 1, numbers: [] }));
  });

  row(147, "that throws fails whatever is pending, each by itself, and is logged", async () => {
    const { errors, logger } = errorLog();
    const executor = await open({ initializer: failToSetUp, initargs: ["no database"], logger });
    const futures = range(20).map(() => executor.submit(whoAmI));
    const reasons = await watch(Promise.all(futures.map(reasonOf)), { executor, futures });
    for (const reason of reasons) expect(reason).toBeInstanceOf(BrokenExecutorError);
    expect(new Set(reasons).size).toBe(20);
    expect(errors).toMatchObject([{ error: { cause: { message: "no database" } } }]);
  });

  row(148, "that throws lets nothing more be submitted", async () => {
    const executor = await open({ initializer: failToSetUp, initargs: ["no database"] });
    await reasonOf(executor.submit(whoAmI));
    expect(() => executor.submit(whoAmI)).toThrow(BrokenExecutorError);
    expect(() => executor.map((n: number) => n, [1])).toThrow(BrokenExecutorError);
    await executor.shutdown();
  });
});

describeExecutors("a program whose initializer throws", (_open, place) => {
  row(149, "ends, and leaves no thread, timer or socket behind", async () => {
    const program = new URL("./fixtures/programs/broken-initializer.mjs", import.meta.url);
    expect(await runProgram(program, { env: place.env })).toEqual({
      code: 0,
      stdout: "PYDIST_E_BROKEN_EXECUTOR no database\nPYDIST_E_BROKEN_EXECUTOR\n[]\n",
      stderr: "",
    });
  });
});

describe("an initializer with what it uses", () => {
  row(62, "takes along what is around it; what cannot follow is refused where the executor is made", async () => {
    const surroundings = { limit: 3, pending: Promise.resolve(1) };
    const { limit } = surroundings;
    const executor = new ClusterExecutor({
      maxWorkers: 1,
      initializer: () => {
        Object.assign(globalThis, { limit });
      },
    });
    expect(await executor.submit(() => (globalThis as unknown as { limit: number }).limit)).toBe(3);
    await executor.shutdown();
    expect(() => new ClusterExecutor({ initializer: () => surroundings.pending })).toThrow(ShippingError);
    expect(() => new ClusterExecutor({ initializer: () => surroundings.pending })).toThrow("surroundings.pending");
  });

  row(
    63,
    "may be bound to an instance; a method without its object is refused where the executor is made",
    async () => {
      class Counter {
        count = 40;
        next(): void {
          Object.assign(globalThis, { counted: ++this.count });
        }
      }
      const counter = new Counter();
      const executor = new ClusterExecutor({ maxWorkers: 1, initializer: counter.next.bind(counter) });
      expect(await executor.submit(() => (globalThis as unknown as { counted: number }).counted)).toBe(41);
      await executor.shutdown();
      expect(() => new ClusterExecutor({ initializer: counter.next })).toThrow(ShippingError);
    },
  );
});
