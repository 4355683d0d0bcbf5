import { BrokenExecutorError, ClusterExecutor, NodeLostError, task, WorkerExitError } from "pydist";
import { describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, holdAndTellWhere, holdThenExit, known, occupy, slotsOf } from "../support/gate.js";
import { fileHome, spawnNode, spawnTree } from "../support/processes.js";
import { runProgram } from "../support/programs.js";
import { watch } from "../support/watchdog.js";
import type * as tasks from "./fixtures/tasks.mjs";
import { row } from "./row.js";
import { range, reasonOf } from "./support.js";

const fixtures = new URL("./fixtures/tasks.mjs", import.meta.url).href;
const whoAmI = task<typeof tasks.whoAmI>(fixtures, "whoAmI");
const throwDeep = task<typeof tasks.throwDeep>(fixtures, "throwDeep");
const remember = task<typeof tasks.remember>(fixtures, "remember");
const isRemembered = task<typeof tasks.isRemembered>(fixtures, "isRemembered");

describeExecutors("a worker's death", (open) => {
  row(35, "fails its own task; what waits runs, and the pool lives on", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const dying = range(slots).map((i) => executor.submit(holdThenExit, [gate.port, i + 1]));
    const waiting = range(20).map((i) => executor.submit((n: number) => n, [i]));
    await gate.entered(slots);
    gate.open();
    const reasons = await watch(Promise.all(dying.map(reasonOf)), { executor, futures: dying });
    for (const reason of reasons) expect(reason).toBeInstanceOf(BrokenExecutorError);
    expect(await watch(Promise.all(waiting), { executor, futures: waiting })).toEqual(range(20));
    expect(await executor.submit(() => "still there")).toBe("still there");
  });

  row(36, "gives each task an error object of its own", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const dying = range(2).map(() => executor.submit(holdThenExit, [gate.port, 3]));
    gate.open();
    const [one, other] = (await Promise.all(dying.map(reasonOf))) as [Error, Error];
    expect(one).toBeInstanceOf(WorkerExitError);
    expect(other).toBeInstanceOf(WorkerExitError);
    expect(one).not.toBe(other);
  });

  row(37, "is told with its exit code", async () => {
    const executor = await open();
    const gate = await Gate.make();
    gate.open();
    const error = await reasonOf(executor.submit(holdThenExit, [gate.port, 41]));
    expect(error).toMatchObject({ exitCode: 41, code: "PYDIST_E_WORKER_EXIT" });
    expect((error as Error).message).toMatch(/"holdThenExit" ended its worker thread on node .* with exit code 41\./);
  });
});

describeExecutors("chunks and workers", (open, place) => {
  row(38, "of any chunksize give the right results, and a negative one is refused", async () => {
    const executor = await open();
    const expected = range(40).map((n) => n ** 2);
    for (const chunksize of [6, 40, 50]) {
      expect(await executor.map(Math.pow, range(40), Array<number>(40).fill(2), { chunksize })).toEqual(expected);
    }
    expect(() => executor.map((n: number) => n, range(3), { chunksize: -1 })).toThrow(
      new RangeError("chunksize is -1; it must be a whole number of at least 1."),
    );
  });

  row(39, "tell of a failure the line of the source in which it was thrown", async () => {
    const executor = await open();
    const future = executor.submit(throwDeep, ["deep down"]);
    const error = (await reasonOf(future)) as Error & { remote: { node: string; stack: string } };
    expect(error.message).toBe("deep down");
    expect(error.remote.node).toBe(future.node);
    // Where it was thrown, and from where that was called.
    for (const stack of [error.stack, error.remote.stack]) {
      expect(stack).toMatch(/at deepest \(.*fixtures\/tasks\.mjs:\d+:\d+\)\n.*at (?:Module\.)?throwDeep/);
    }
  });

  row(39, "print it, too, where a program does not catch it", async () => {
    const program = new URL("./fixtures/programs/uncaught.mjs", import.meta.url);
    const { code, stderr } = await runProgram(program, { env: place.env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /RangeError: deep down\n.* at inner \(.*uncaught\.mjs:6:\d+\)\n.* at deepest \(.*uncaught\.mjs:8/,
    );
  });

  row(40, "keep no argument when its task is over", async () => {
    const executor = await open();
    const slots = await slotsOf(executor);
    // Each worker is asked: as many at once as there are slots, twice.
    const gate = await Gate.make();
    const held = range(slots).map(() => executor.submit(remember, [gate.port, { large: new Uint8Array(1000) }]));
    await gate.entered(slots);
    gate.open();
    await Promise.all(held);
    const second = await Gate.make();
    const asked = range(slots).map(() => executor.submit(isRemembered, [second.port]));
    await second.entered(slots);
    second.open();
    expect(await Promise.all(asked)).toEqual(Array(slots).fill("collected"));
  });

  row(41, "are never more than there may be, in all processes together", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const slots = await slotsOf(executor);
    const futures = range(15 * slots).map(() => executor.submit(holdAndTellWhere, [gate.port], { name: "saturate" }));
    await gate.entered(slots);
    gate.open();
    expect(new Set(await Promise.all(futures)).size).toBeLessThanOrEqual(slots);
    expect(gate.most).toBe(slots);
  });

  row(42, "that are idle are used again by what comes one after the other", async () => {
    const executor = await open();
    const [pids, slots] = [new Set<string>(), await slotsOf(executor)];
    for (const _ of range(3 * slots)) pids.add((await executor.submit(whoAmI)).split(" ")[0] as string);
    // A node is one process that works, whatever is called.
    expect(pids.size).toBeLessThanOrEqual((await executor.nodes()).length);
  });

  row(43, "that are idle are used again by what comes together", async () => {
    const executor = await open();
    const slots = await slotsOf(executor);
    const workers = new Set<string>();
    for (const _ of range(5)) {
      const gate = await Gate.make();
      const futures = range(slots).map(() => executor.submit(holdAndTellWhere, [gate.port]));
      await gate.entered(slots);
      gate.open();
      for (const worker of await Promise.all(futures)) workers.add(worker);
    }
    expect(workers.size).toBe(slots);
  });
});

describe("the loss of a whole node", () => {
  row(36, "gives each task an error object of its own, that names the node", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "child", workers: 2 }] });
    const executor = new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile, attempts: 1 });
    await executor.waitForNodes(2, { timeout: 10_000 });
    const futures = await occupy(executor, await Gate.make());
    await Promise.all(futures.map(known));
    tree.node("child").kill();
    const reasons = await watch(Promise.all(futures.map(reasonOf)), { executor, futures });
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(NodeLostError);
      expect(reason).toMatchObject({ nodes: [tree.node("child").id], attempts: 1 });
    }
    expect(reasons[0]).not.toBe(reasons[1]);
    const waiting = executor.submit(() => "still there");
    await spawnNode({ name: "next", parent: tree.address });
    expect(await watch(waiting, { executor, futures: [waiting] })).toBe("still there");
    await executor.shutdown();
  });
});

describe("a program on a machine without threads to spare", () => {
  row(53, "hears the system's reason where it makes its executor, whose threads start with it, and ends", async () => {
    const { stdout, code } = await runProgram(new URL("./fixtures/programs/no-threads.mjs", import.meta.url));
    expect(stdout).toBe("no more threads\n");
    expect(code).toBe(0);
  });

  row(53, "hears of threads that end as they start from its futures, and ends", async () => {
    const program = new URL("./fixtures/programs/no-replacement.mjs", import.meta.url);
    const { stdout, code } = await runProgram(program, { args: ["from the first on"] });
    expect(stdout).toBe("PYDIST_E_BROKEN_EXECUTOR true\n".repeat(3));
    expect(code).toBe(0);
  });
});
