import { inspect } from "node:util";
import { ClusterExecutor } from "pydist";
import { afterAll, describe, expect, it } from "vitest";

const executor = new ClusterExecutor({ maxWorkers: 1 });
afterAll(() => executor.shutdown());
// Callers without types are the ones who need these messages.
// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
const untyped = executor as any;
// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
const Untyped = ClusterExecutor as any;

it("options about threads are refused under PYDIST_ADDRESS, with both ways out; an address that is given is not blamed on it", () => {
  process.env.PYDIST_ADDRESS = "localhost:1";
  try {
    expect(() => new ClusterExecutor({ maxWorkers: 2 })).toThrow(
      "maxWorkers is for an executor with threads of its own, and this one is attached to a cluster, because PYDIST_ADDRESS is set. Leave maxWorkers out: each node has what it was started with (pydist-node spawn), or unset PYDIST_ADDRESS to run on this machine.",
    );
    expect(() => new ClusterExecutor("localhost:2", { maxWorkers: 2 })).toThrow("is attached to a cluster. Leave");
  } finally {
    delete process.env.PYDIST_ADDRESS;
  }
});

describe("a wrong argument is refused at the call, naming it, its value and what is allowed", () => {
  it.each<[string, () => unknown, typeof TypeError | typeof RangeError, string]>([
    [
      "args",
      () => untyped.submit(() => 1, 3),
      TypeError,
      "submit's args is 3; it must be the array of the function's arguments.",
    ],
    ["fn", () => untyped.submit(3), TypeError, "submit's fn is 3; it must be a function or a task() reference."],
    [
      "fn missing",
      () => untyped.submit(),
      TypeError,
      "submit's fn is undefined; it must be a function or a task() reference.",
    ],
    [
      "map's fn",
      () => untyped.map("f", []),
      TypeError,
      "map's fn is 'f'; it must be a function or a task() reference.",
    ],
    [
      "not iterable",
      () => untyped.map(() => 1, 5),
      TypeError,
      "map's argument 2 is 5; it must be an iterable or async iterable.",
    ],
    [
      "an object",
      () => untyped.map(() => 1, { a: 1 }),
      TypeError,
      "map's argument 2 is { a: 1 }, which is not iterable: an iterable of the function's arguments is missing.",
    ],
    ["nothing in it", () => untyped.map(() => 1, {}), TypeError, "map's argument 2 is {}, which is not iterable"],
    ["array-like", () => untyped.map(() => 1, { length: 2 }), TypeError, "map's argument 2 is { length: 2 }, which is"],
    [
      "no method",
      () => untyped.map(() => 1, { [Symbol.iterator]: 5 }),
      TypeError,
      // Node 24.21 writes the key in another way.
      `map's argument 2 is ${inspect({ [Symbol.iterator]: 5 })}; it must be an iterable or async iterable.`,
    ],
    [
      "no iterator",
      () => untyped.map(() => 1, { [Symbol.iterator]: () => 5 }),
      TypeError,
      "whose iterator is 5: it has no next().",
    ],
    [
      "empty node",
      () => untyped.submit(() => 1, [], { node: "" }),
      RangeError,
      "node is ''; it must be the id of a node, as executor.nodes() lists it.",
    ],
    [
      "node that is no text",
      () => untyped.submit(() => 1, [], { node: 5 }),
      TypeError,
      "node is 5; it must be a string.",
    ],
    [
      "priority",
      () => untyped.submit(() => 1, [], { priority: 1.5 }),
      RangeError,
      "priority is 1.5; it must be a whole number of at least",
    ],
    [
      "attempts",
      () => untyped.submit(() => 1, [], { attempts: 0 }),
      RangeError,
      "attempts is 0; it must be a whole number of at least 1.",
    ],
    [
      "hopLimit",
      () => untyped.submit(() => 1, [], { hopLimit: -1 }),
      RangeError,
      "hopLimit is -1; it must be a whole number of at least 0.",
    ],
    [
      "hopLimit type",
      () => untyped.submit(() => 1, [], { hopLimit: "2" }),
      TypeError,
      "hopLimit is '2'; it must be a number.",
    ],
    [
      "unknown option",
      () => untyped.submit(() => 1, [], { prio: 1 }),
      TypeError,
      "submit has no option 'prio'; it has priority, node, hopLimit, attempts, name, signal, timeout, retries, retryOn, onMessage.",
    ],
    ["options", () => untyped.submit(() => 1, [], 7), TypeError, "submit's options are 7; they must be an object."],
    [
      "chunksize",
      () => untyped.map(() => 1, [], { chunksize: 0 }),
      RangeError,
      "chunksize is 0; it must be a whole number of at least 1.",
    ],
    [
      "buffersize",
      () => untyped.map(() => 1, [], { buffersize: 2.5 }),
      RangeError,
      "buffersize is 2.5; it must be a whole number of at least 1.",
    ],
    [
      "buffersize type",
      () => untyped.map(() => 1, [], { buffersize: "foo" }),
      TypeError,
      "buffersize is 'foo'; it must be a number.",
    ],
    ["ordered", () => untyped.map(() => 1, [], { ordered: "no" }), TypeError, "ordered is 'no'; it must be a boolean."],
    [
      "maxWorkers",
      () => new Untyped({ maxWorkers: 0 }),
      RangeError,
      "maxWorkers is 0, so nothing would ever run. It must be at least 1, or there must be listen, for nodes to join that do the work.",
    ],
    ["an empty cacheDir", () => new ClusterExecutor({ cacheDir: "" }), TypeError, "cacheDir is ''; it must be a path."],
    [
      "negative maxWorkers",
      () => new Untyped({ maxWorkers: -1 }),
      RangeError,
      "maxWorkers is -1; it must be a whole number of at least 0.",
    ],
    [
      "unknown executor option",
      () => new Untyped({ workers: 2 }),
      TypeError,
      "ClusterExecutor has no option 'workers'; it has maxWorkers",
    ],
    ["address", () => new Untyped("not an address"), TypeError, `"not an address" is not an address. Write host:port`],
    [
      "port",
      () => new Untyped("localhost:70000"),
      RangeError,
      `The port in "localhost:70000" is 70000; ports end at 65535.`,
    ],
    [
      "address among others",
      () => new Untyped(["a:1", 5]),
      TypeError,
      "ClusterExecutor was given the address 5; it must be a string, host:port.",
    ],
    [
      "options twice",
      () => new Untyped({}, { maxWorkers: 1 }),
      TypeError,
      "ClusterExecutor was given {} and options; before options there can only be an address.",
    ],
    [
      "options without an address",
      () => new Untyped(undefined, { maxWorkers: "q" }),
      TypeError,
      "ClusterExecutor was given undefined and options; before options there can only be an address.",
    ],
    ["null", () => new Untyped(null), TypeError, "ClusterExecutor's options are null; they must be an object."],
    ["null options", () => new Untyped("h:1", null), TypeError, "ClusterExecutor's options are null; they must be"],
    ["a number", () => new Untyped(5), TypeError, "ClusterExecutor's options are 5; they must be an object."],
    [
      "args that are null",
      () => untyped.submit(() => 1, null),
      TypeError,
      "submit's args is null; it must be the array",
    ],
    ["no address", () => new Untyped([]), TypeError, "ClusterExecutor was given an empty list of addresses."],
    [
      "nodes' business",
      () => new Untyped("localhost:1", { tasksPerWorker: 2 }),
      TypeError,
      "tasksPerWorker is for an executor with threads of its own, and this one is attached to a cluster. Leave tasksPerWorker out: each node has what it was started with (pydist-node spawn), or the address to run on this machine.",
    ],
    [
      "connectTimeout",
      () => new Untyped({ connectTimeout: -5 }),
      RangeError,
      "connectTimeout is -5; it must be milliseconds of at least 0.",
    ],
    ["signal", () => untyped.submit(() => 1, [], { signal: 5 }), TypeError, "signal is 5; it must be an AbortSignal."],
    [
      "map's signal",
      () => untyped.map(() => 1, [], { signal: new AbortController() }),
      TypeError,
      "it must be an AbortSignal.",
    ],
    [
      "timeout",
      () => untyped.submit(() => 1, [], { timeout: -1 }),
      RangeError,
      "timeout is -1; it must be milliseconds of at least 0.",
    ],
    [
      "timeout that is no number",
      () => untyped.map(() => 1, [], { timeout: Number.NaN }),
      RangeError,
      "timeout is NaN; it must be milliseconds of at least 0.",
    ],
    [
      "taskTimeout type",
      () => untyped.map(() => 1, [], { taskTimeout: "1s" }),
      TypeError,
      "taskTimeout is '1s'; it must be a number.",
    ],
    [
      "submit's taskTimeout",
      () => untyped.submit(() => 1, [], { taskTimeout: 1 }),
      TypeError,
      "submit has no option 'taskTimeout'; it has",
    ],
    [
      "retries",
      () => untyped.submit(() => 1, [], { retries: -1 }),
      RangeError,
      "retries is -1; it must be a whole number of at least 0.",
    ],
    [
      "retryOn",
      () => untyped.submit(() => 1, [], { retryOn: true }),
      TypeError,
      "retryOn is true; it must be a function.",
    ],
    [
      "progress",
      () => untyped.map(() => 1, [], { progress: "bar" }),
      TypeError,
      "progress is 'bar'; it must be a function, or true for a bar on the terminal.",
    ],
    [
      "initializer",
      () => new Untyped({ initializer: "f" }),
      TypeError,
      "initializer is 'f'; it must be a function or a task() reference.",
    ],
    [
      "initargs",
      () => new Untyped({ initializer: () => 1, initargs: 3 }),
      TypeError,
      "initargs is 3; it must be the array of the initializer's arguments.",
    ],
    [
      "initargs alone",
      () => new Untyped({ initargs: [1] }),
      TypeError,
      "initargs is [ 1 ], but there is no initializer to give it to.",
    ],
    [
      "maxTasksPerWorker",
      () => new Untyped({ maxTasksPerWorker: 0 }),
      RangeError,
      "maxTasksPerWorker is 0; it must be a whole number of at least 1.",
    ],
    [
      "workerMemory",
      () => new Untyped({ workerMemory: 31 }),
      RangeError,
      "workerMemory is 31; it must be a whole number of at least 32.",
    ],
    [
      "nodes' memory",
      () => new Untyped("localhost:1", { workerMemory: 64 }),
      TypeError,
      "workerMemory is for an executor with threads of its own, and this one is attached to a cluster. Leave",
    ],
    [
      "nodes' business, too",
      () => new Untyped("localhost:1", { maxTasksPerWorker: 2 }),
      TypeError,
      "maxTasksPerWorker is for an executor with threads of its own, and this one is attached to a cluster. Leave",
    ],
    ["abortGrace", () => new Untyped({ abortGrace: "1" }), TypeError, "abortGrace is '1'; it must be a number."],
    [
      "logger",
      () => new Untyped({ logger: {} }),
      TypeError,
      "logger is {}; it must have the methods debug, info, warn, error.",
    ],
  ])("%s", (_name, call, type, message) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(type);
    expect((thrown as Error).message).toContain(message);
  });

  it("waitForNodes", async () => {
    await expect(untyped.waitForNodes("2")).rejects.toThrow(TypeError);
    await expect(untyped.waitForNodes("2")).rejects.toThrow("waitForNodes was given '2'; it takes a number.");
    await expect(untyped.waitForNodes(1, { timeout: "x" })).rejects.toThrow("timeout is 'x'; it must be a number.");
    await expect(untyped.waitForNodes(1, { time: 1 })).rejects.toThrow(
      "waitForNodes has no option 'time'; it has timeout.",
    );
    for (const options of [5, null]) {
      await expect(untyped.waitForNodes(1, options)).rejects.toThrow(
        `waitForNodes's options are ${options}; they must be an object.`,
      );
    }
    await expect(untyped.waitForNodes(1.5)).rejects.toThrow(
      "waitForNodes was given 1.5; it takes a whole number of at least 0.",
    );
  });

  it("shutdown, which then does not happen", async () => {
    await expect(executor.shutdown({ stopNodes: true })).rejects.toThrow(
      "stopNodes is true, but no nodes join this executor: that needs the option listen. Leave stopNodes out.",
    );
    await expect(untyped.shutdown({ cancelfutures: true })).rejects.toThrow(
      "shutdown has no option 'cancelfutures'; it has wait, cancelFutures, stopNodes.",
    );
    await expect(untyped.shutdown({ wait: 1 })).rejects.toThrow("wait is 1; it must be a boolean.");
    await expect(untyped.shutdown(true)).rejects.toThrow("shutdown's options are true; they must be an object.");
    expect(await executor.submit(() => "goes on")).toBe("goes on");
  });

  it("addDoneCallback and result(timeout)", async () => {
    const future = executor.submit(() => 1);
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
    expect(() => (future as any).addDoneCallback(3)).toThrow("addDoneCallback takes a function, not 3");
    const slow = executor.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    await expect(slow.result(-1)).rejects.toThrow("timeout is -1; it must be milliseconds of at least 0.");
    for (const timeout of ["5", null]) {
      // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
      await expect(slow.result(timeout as any)).rejects.toBeInstanceOf(TypeError);
    }
    await expect(slow.result(1)).rejects.toThrow("The task was not done within 1 ms.");
    await slow;
  });
});
