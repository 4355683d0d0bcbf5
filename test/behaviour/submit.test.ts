import { createHash } from "node:crypto";
import {
  CancelledError,
  Future,
  SerializationError,
  ShippingError,
  ShutdownError,
  task,
  WorkerExitError,
} from "pydist";
import { expect, it } from "vitest";
import type * as tasks from "../fixtures/tasks.mjs";
import { Gate, hold, known } from "../support/gate.js";
import { describeExecutors } from "./executors.js";

const fixtures = new URL("../fixtures/tasks.mjs", import.meta.url).href;

describeExecutors("submit", (open) => {
  it("returns what the function returns, as a Promise that is a Future", async () => {
    const executor = await open();
    const future = executor.submit((a: number, b: number) => a * b, [6, 7]);
    expect(future).toBeInstanceOf(Promise);
    expect(future).toBeInstanceOf(Future);
    expect(await future).toBe(42);
    expect(await Promise.all([executor.submit(() => 1), executor.submit(() => 2)])).toEqual([1, 2]);
  });

  it("awaits a function that returns a promise", async () => {
    const executor = await open();
    const value = executor.submit(
      async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return n + 1;
      },
      [1],
    );
    expect(await value).toBe(2);
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["NaN", Number.NaN],
    ["-0", -0],
    ["a large integer", 2n ** 70n],
    ["a Date in a Map in a Set", new Set([new Map([[{ a: 1 }, new Date(5)]])])],
    ["a Float64Array", Float64Array.of(1, Number.NaN, -0)],
    ["a Buffer", Buffer.from("bytes")],
    ["text of any script", "naïve — 数 \u{1f600} \ud800"],
    ["nested data", { a: [{ b: "c" }, [], {}], d: undefined }],
  ])("carries %s there and back", async (_name, value) => {
    const executor = await open();
    const back = await executor.submit((given: unknown) => given, [value]);
    expect(back).toStrictEqual(value);
  });

  it("keeps the identity of what was the same object", async () => {
    const executor = await open();
    const shared = { n: 1 };
    expect(await executor.submit((a: object, b: object[]) => a === b[0], [shared, [shared]])).toBe(true);
  });

  it("carries 16 MiB and back unchanged", async () => {
    const executor = await open();
    const bytes = new Uint8Array(16 * 1024 * 1024).map((_, i) => i * 31);
    const back = await executor.submit((given: Uint8Array) => given, [bytes]);
    expect(createHash("sha256").update(back).digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("takes the arguments as they are at the call", async () => {
    const executor = await open();
    const list = [1, 2, 3];
    const sum = executor.submit((given: number[]) => given.reduce((a, b) => a + b), [list]);
    list.push(100);
    expect(await sum).toBe(6);
  });

  it("runs a function of a module, named by task(), with all that the module imports", async () => {
    const executor = await open();
    const digest = task<typeof tasks.digest>(fixtures, "digest");
    expect(await executor.submit(digest, ["a"])).toBe(createHash("sha256").update("pydista").digest("hex"));
  });

  it("tells where, how and how long a task ran", async () => {
    const executor = await open();
    const future = executor.submit(task<typeof tasks.later>(fixtures, "later"), [30, "x"]);
    await future;
    const ids = (await executor.nodes()).map((node) => node.id);
    expect(ids).toContain(future.node);
    expect(future.attempts).toBe(1);
    expect(future.hops).toBeGreaterThanOrEqual(0);
    expect(future.duration).toBeGreaterThan(20);
  });
});

describeExecutors("errors", (open) => {
  it("arrive with class, message, code, cause, own fields and the place", async () => {
    const executor = await open();
    const failure = executor.submit(() => {
      const error = new RangeError("too far", { cause: new TypeError("why") });
      throw Object.assign(error, { code: "E_FAR", detail: { at: 7 } });
    });
    const error = (await failure.catch((caught: unknown) => caught)) as RangeError & Record<string, unknown>;
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: "too far", code: "E_FAR", detail: { at: 7 } });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.remote).toMatchObject({ node: failure.node });
  });

  it.each([undefined, null, 0, "", false])("throwing %j rejects with it", async (thrown) => {
    const executor = await open();
    const caught = executor
      .submit((given: unknown) => Promise.reject(given), [thrown])
      .then(
        () => ["resolved"],
        (reason: unknown) => ["rejected", reason],
      );
    expect(await caught).toEqual(["rejected", thrown]);
  });

  it("an argument that cannot travel is named by its path, at the call", async () => {
    const executor = await open();
    expect(() => executor.submit((x: unknown) => x, [{ a: [1, { callback: () => 1 }] }])).toThrow(SerializationError);
    expect(() => executor.submit((x: unknown) => x, [{ a: [1, { callback: () => 1 }] }])).toThrow(
      "args[0].a[1].callback",
    );
  });

  it("a result that cannot travel fails its own task by name", async () => {
    const executor = await open();
    const [bad, good] = await Promise.allSettled([
      executor.submit(() => ({ close: () => 1 })),
      executor.submit(() => "fine"),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "PYDIST_E_SERIALIZATION" } });
    expect((bad as PromiseRejectedResult).reason.message).toContain("result.close");
    expect(good).toEqual({ status: "fulfilled", value: "fine" });
  });

  it("a function takes along what it uses; what cannot follow it is refused at the call, with its path", async () => {
    const executor = await open();
    const threshold = 3;
    const model = { score: (n: number) => n * threshold, pending: Promise.resolve() };
    expect(await executor.submit((n: number) => n * threshold, [2])).toBe(6);
    const attempt = (): unknown => executor.submit((n: number) => model.score(n) > threshold, [1]);
    expect(attempt).toThrow(ShippingError);
    expect(attempt).toThrow("the function > model.pending is a Promise. Await it before sending.");
  });

  it("a task that ends its thread fails by name, and its neighbours come through", async () => {
    const executor = await open();
    const neighbours = Array.from({ length: 40 }, (_, i) => executor.submit((n: number) => n, [i]));
    const bad = executor.submit(() => process.exit(3));
    const more = Array.from({ length: 40 }, (_, i) => executor.submit((n: number) => n, [i]));
    const error = await bad.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WorkerExitError);
    expect(error).toMatchObject({ exitCode: 3, code: "PYDIST_E_WORKER_EXIT" });
    const expected = Array.from({ length: 40 }, (_, i) => i);
    expect(await Promise.all(neighbours)).toEqual(expected);
    expect(await Promise.all(more)).toEqual(expected);
    expect(await executor.submit(() => "still there")).toBe("still there");
  });

  it("what a task leaves behind and throws later hits nobody else", async () => {
    const executor = await open();
    await executor.submit(() => {
      setTimeout(() => {
        throw new Error("left behind");
      }, 1);
      void Promise.reject(new Error("unhandled"));
    });
    const after = executor.map(
      async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return n;
      },
      Array.from({ length: 20 }, (_, i) => i),
    );
    expect(await after).toHaveLength(20);
  });
});

describeExecutors("mischief", (open) => {
  it("what a task posts to its thread's port harms nobody", async () => {
    const executor = await open();
    const posted = executor.submit(async () => {
      const { parentPort } = await import("node:worker_threads");
      for (const message of [null, 5, "flush", { kind: "flush", lease: 1, from: -1, bodies: 3 }]) {
        parentPort?.postMessage(message);
      }
      return "posted";
    });
    expect(await posted).toBe("posted");
    expect(await executor.map((n: number) => n, [1, 2, 3])).toEqual([1, 2, 3]);
  });

  it("a function of more text than can travel is refused at the call", async () => {
    const executor = await open();
    const large = new Function(`return ${JSON.stringify("x".repeat(5_000_000))}.length;`) as () => number;
    expect(() => executor.submit(large)).toThrow(ShippingError);
    expect(() => executor.submit(() => 1, [], { name: "n".repeat(201) })).toThrow(
      "name has 201 characters; it may have 200.",
    );
  });
});

describeExecutors("futures", (open) => {
  it("know their state", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 1]);
    expect([future.state, future.running(), future.done(), future.cancelled()]).toEqual([
      "pending",
      false,
      false,
      false,
    ]);
    await known(future);
    expect([future.running(), future.cancel()]).toEqual([true, false]);
    gate.open();
    await future;
    expect([future.state, future.running(), future.done(), future.cancelled()]).toEqual([
      "finished",
      false,
      true,
      false,
    ]);
  });

  it("have the options that each was submitted with, however alike they look", async () => {
    const executor = await open();
    const names: string[] = [];
    executor.on("taskSettled", ({ name }) => names.push(name));
    const one = function one() {
      return 1;
    };
    await Promise.all([undefined, "undefined", "one"].map((name) => executor.submit(one, [], name ? { name } : {})));
    expect(names.sort()).toEqual(["one", "one", "undefined"]);
  });

  it("that have not begun can be cancelled, and then never run", async () => {
    const executor = await open();
    const slow = Array.from({ length: 12 }, () =>
      executor.submit(async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        return "ran";
      }),
    );
    const waiting = Array.from({ length: 100 }, () => executor.submit(() => "never"));
    expect(waiting.every((future) => future.cancel())).toBe(true);
    expect(waiting.every((future) => future.cancelled())).toBe(true);
    await expect(waiting[0]).rejects.toBeInstanceOf(CancelledError);
    expect(await Promise.all(slow)).toEqual(Array(12).fill("ran"));
    await executor.shutdown();
    const stats = await executor.stats();
    expect(stats.neverRan).toBe(100);
  });

  it("settle exactly as many tasks as were submitted, whoever did them", async () => {
    const executor = await open();
    let settled = 0;
    executor.on("taskSettled", () => settled++);
    const futures = Array.from({ length: 500 }, (_, i) =>
      executor.submit(
        (n: number) => {
          if (n % 10 === 0) throw new Error("tenth");
          return n;
        },
        [i],
      ),
    );
    const outcomes = await Promise.allSettled(futures);
    expect(outcomes.filter((outcome) => outcome.status === "rejected")).toHaveLength(50);
    const { nodes, neverRan } = await executor.stats();
    expect(nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan)).toBe(500);
    expect(nodes.reduce((sum, node) => sum + node.failed, 0)).toBe(50);
    expect(settled).toBe(500);
  });
});

describeExecutors("shutdown", (open) => {
  it("waits for what is running and waiting, then takes no more", async () => {
    const executor = await open();
    const futures = Array.from({ length: 20 }, (_, i) =>
      executor.submit(
        async (n: number) => {
          await new Promise((resolve) => setTimeout(resolve, 10));
          return n;
        },
        [i],
      ),
    );
    await executor.shutdown();
    expect(futures.every((future) => future.done())).toBe(true);
    expect(await Promise.all(futures)).toHaveLength(20);
    expect(() => executor.submit(() => 1)).toThrow(ShutdownError);
    expect(() => executor.map((x: number) => x, [1])).toThrow(ShutdownError);
  });

  it("with cancelFutures drops what has not begun", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const futures = Array.from({ length: 50 }, (_, n) => executor.submit(hold, [gate.port, n]));
    await Promise.race(futures.map(known));
    const over = executor.shutdown({ cancelFutures: true });
    const cancelled = (): number => futures.filter((future) => future.cancelled()).length;
    while (cancelled() <= 20) await new Promise((resolve) => setImmediate(resolve));
    gate.open();
    await over;
    expect(futures.every((future) => future.done())).toBe(true);
    expect(cancelled()).toBeLessThan(50);
  });
});
