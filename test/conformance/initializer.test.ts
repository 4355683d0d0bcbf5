import { type ClusterExecutor, type Executor, SerializationError, ShippingError, task } from "pydist";
import { expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, holdAndTellWhere, slotsOf } from "../support/gate.js";
import { type Ended, runProgram } from "../support/programs.js";
import { watch } from "../support/watchdog.js";
import type * as hostile from "./fixtures/hostile.mjs";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { range, reasonOf, untyped } from "./support.js";

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const origins = task<typeof tasks.origins>(fixtures, "origins");
const throwWithCause = task<typeof tasks.throwWithCause>(fixtures, "throwWithCause");
const whoAmI = task<typeof tasks.whoAmI>(fixtures, "whoAmI");
const messageOf = task<typeof hostile.messageOf>(new URL("./fixtures/hostile.mjs", import.meta.url).href, "messageOf");

/** Fails to decode where messageOf runs. */
class ThrowsWhenDecoded extends Error {}

/** What the call itself throws. */
function refusal(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("It was not refused.");
}

describeExecutors("what cannot follow its function", (open) => {
  row(66, "a value of this process that it sees, is named by its path at the call", async () => {
    const executor = await open();
    const surroundings = { limit: Promise.resolve(3) };
    const closure = async (n: number): Promise<boolean> => n > (await surroundings.limit);
    const error = refusal(() => executor.submit(closure, [1]));
    expect(error).toBeInstanceOf(ShippingError);
    expect((error as ShippingError).path).toBe("closure > surroundings.limit");
    expect((error as Error).message).toContain("closure > surroundings.limit is a Promise");
  });

  row(67, "an instance of a class of its own, is named by its path at the call", async () => {
    const executor = await open();
    class Local {
      readonly field = 1;
    }
    const error = refusal(() => executor.submit((given: unknown) => given, [{ local: new Local() }]));
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as SerializationError).path).toBe("args[0].local");
  });

  row(68, "the object that it is a method of, is refused at the call, unless it is bound to it", async () => {
    const executor = await open();
    class Counter {
      readonly step = 2;
      next(n: number): number {
        return n + this.step;
      }
    }
    const { next } = new Counter();
    expect(refusal(() => executor.submit(next, [1]))).toBeInstanceOf(ShippingError);
    const bound = new Counter().next.bind(new Counter());
    expect(await executor.submit(bound, [1])).toBe(3);
  });
});

describeExecutors("a function", (open) => {
  row(69, "of a module runs in that module, not in the program's", async () => {
    const origin = "the program";
    expect(await (await open()).submit(origins)).toEqual({ origin: "the module of the tasks", url: fixtures });
    expect(origin).toBe("the program");
  });

  row(70, "that throws: the error has its class, message and cause, and says where it comes from", async () => {
    const executor = await open();
    const future = executor.submit(throwWithCause, ["the message"]);
    const error = (await reasonOf(future)) as RangeError & Record<string, unknown>;
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: "the message", code: "E_FIELD", at: 7 });
    expect(error.cause).toEqual(new TypeError("the reason"));
    expect(error.remote).toEqual({ node: future.node, stack: expect.stringContaining("throwWithCause") });
  });

  row(71, "never runs more often at a time than there are slots", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const results = executor.map(holdAndTellWhere, Array<number>(15 * slots).fill(gate.port), { chunksize: 1 });
    await gate.entered(slots);
    gate.open();
    expect(new Set(await results).size).toBeLessThanOrEqual(slots);
    expect(gate.most).toBe(slots);
  });

  row(72, "runs again on a thread that is idle", async () => {
    const executor = await open();
    const slots = await slotsOf(executor);
    const used = new Set(await executor.map(whoAmI as () => string, range(20 * slots)));
    for (const _ of range(2 * slots)) used.add(await executor.submit(whoAmI));
    expect(used.size).toBeLessThanOrEqual(slots);
  });

  row(73, "whose argument does not decode fails; the others of its batch do not, and nothing hangs", async () => {
    const executor = await open();
    const errors = range(10).map((i) => (i === 4 ? new ThrowsWhenDecoded("four") : new Error(`${i}`)));
    const futures = errors.map((error) => executor.submit(messageOf, [error]));
    const outcomes = await watch(Promise.allSettled(futures), { executor, futures });
    expect(outcomes.map(({ status }, i) => (status === "rejected" ? i : -1)).filter((i) => i >= 0)).toEqual([4]);
    expect(await reasonOf(futures[4] as PromiseLike<unknown>)).toBeInstanceOf(SerializationError);
    await executor.shutdown();
  });
});

describeExecutors("the event loop", (open, place) => {
  const run = (name: string): Promise<Ended> =>
    runProgram(new URL(`./fixtures/programs/${name}.mjs`, import.meta.url), { env: place.env });

  row(74, "goes on while a call is awaited", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const future = executor.submit(holdAndTellWhere, [gate.port]);
    await gate.entered(1);
    let turns = 0;
    while (turns < 100) await new Promise((resolve) => setImmediate(() => resolve(++turns)));
    expect(future.done()).toBe(false);
    gate.open();
    expect(await future).toMatch(/^\d+ \d+$/);
  });

  row(75, "hears of a future that was cancelled once, and of nothing after the end", async () => {
    expect(await run("cancel-and-leave")).toEqual({ code: 0, stdout: "true\ncallback,CancelledError\n", stderr: "" });
  });

  row(76, "finds its cluster by the environment, or runs its calls in this process", async () => {
    const where = place.kind === "embedded" ? "here" : "elsewhere";
    expect(await run("default-executor")).toEqual({ code: 0, stdout: `${where}\n`, stderr: "" });
    // Code that is given any executor need not know which.
    const double = async (any: Executor): Promise<number> => any.submit((n: number) => 2 * n, [21]);
    expect(await double(untyped(await open()) as ClusterExecutor)).toBe(42);
  });
});
