import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Comm, GangError, RankError, type SpmdOptions, spmd } from "@pydist/messaging";
import { CancelledError, ClusterExecutor, NodeLostError, task, WorkerExitError } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { spawnNode, spawnTree } from "../support/processes.js";
import { failure } from "../support/thrown.js";

/** The error of that class with which a call ends. */
async function thrown<E extends Error>(type: new (...args: never[]) => E, call: () => Promise<unknown>): Promise<E> {
  const error = await failure(call());
  expect(error).toBeInstanceOf(type);
  return error as unknown as E;
}

function embedded(maxWorkers: number): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

const meet = async (comm: Comm): Promise<number> => {
  await comm.barrier();
  return comm.rank;
};

describe("a gang", () => {
  it("begins nothing without all its slots, gives them back, and says what it lacked", async () => {
    const executor = embedded(2);
    const file = join(folderOf({}), "begun");
    const begun = async (_comm: Comm, path: string): Promise<void> => {
      (await import("node:fs")).writeFileSync(path, "");
    };
    const error = await thrown(GangError, () => spmd(executor, begun, { ranks: 3, startTimeout: 2000, args: [file] }));
    expect(error.message).toBe(
      `spmd wanted 3 ranks at once and got ${error.got} within 2000 ms; the cluster has 2 slots in all. None of the ranks was begun. ` +
        "Add nodes or workers, ask for fewer ranks, or raise startTimeout.",
    );
    expect(error).toMatchObject({ code: "PYDIST_E_GANG", wanted: 3, slots: 2 });
    expect([0, 1, 2]).toContain(error.got);
    expect(existsSync(file)).toBe(false);
    expect(await spmd(executor, meet, { ranks: 2 })).toEqual([0, 1]);
  });

  it("waits for slots that others use, and for nodes that join", async () => {
    const gate = await Gate.make();
    const root = await spawnNode();
    const executor = attach(root.address);
    const busy = executor.submit(hold, [gate.port, "busy"]);
    await gate.entered(1);
    const gang = spmd(executor, meet, { ranks: 2 });
    await spawnNode({ parent: root.address });
    gate.open();
    await busy;
    expect(await gang).toEqual([0, 1]);
  });

  it("does not starve another one: of the same executor", async () => {
    const executor = embedded(3);
    const gangs = Array.from({ length: 4 }, () => spmd(executor, meet, { ranks: 2 }));
    expect(await Promise.all(gangs)).toEqual(gangs.map(() => [0, 1]));
  });

  it("does not starve another one: of another executor", async () => {
    const root = await spawnNode({ workers: 3 });
    const executors = [attach(root.address), attach(root.address)];
    await Promise.all(executors.map((executor) => executor.ready()));
    const gangs = executors.flatMap((executor) => [2, 3].map((ranks) => spmd(executor, meet, { ranks })));
    expect(await Promise.all(gangs)).toEqual([
      [0, 1],
      [0, 1, 2],
      [0, 1],
      [0, 1, 2],
    ]);
  });

  it("ends as a whole when a rank throws", async () => {
    const executor = embedded(3);
    const fails = async (comm: Comm): Promise<void> => {
      if (comm.rank === 1) throw new RangeError("no more");
      await comm.recv({ from: 1 });
    };
    const error = await thrown(RankError, () => spmd(executor, fails, { ranks: 3 }));
    expect(error.message).toBe("Rank 1 of 3 failed, so the others were stopped. RangeError: no more");
    expect(error).toMatchObject({ code: "PYDIST_E_RANK", rank: 1 });
    expect(error.cause).toBeInstanceOf(RangeError);
    // All slots are free again.
    expect(await spmd(executor, meet, { ranks: 3 })).toEqual([0, 1, 2]);
  });

  it("ends as a whole when a rank takes its thread along", async () => {
    const executor = embedded(2);
    const exits = async (comm: Comm): Promise<void> => {
      if (comm.rank === 0) process.exit(3);
      await comm.recv({ from: 0 });
    };
    const error = await thrown(RankError, () => spmd(executor, exits, { ranks: 2 }));
    expect(error.rank).toBe(0);
    expect(error.cause).toBeInstanceOf(WorkerExitError);
    expect(await spmd(executor, meet, { ranks: 2 })).toEqual([0, 1]);
  });

  it("ends as a whole when a node is lost, and does not begin anew", async () => {
    const tree = await spawnTree({ name: "root", workers: 2, children: [{ name: "leaf" }] });
    const executor = attach(tree.address);
    await executor.waitForNodes(2);
    const file = join(folderOf({}), "pids");
    const dies = async (comm: Comm, path: string): Promise<void> => {
      (await import("node:fs")).appendFileSync(path, `${comm.rank}\n`);
      const pids = await comm.allGather(process.pid);
      const other = pids.findIndex((pid) => pids.filter((each) => each === pid).length === 1);
      // Whoever has a process of its own ends it, in the middle of what all do.
      if (comm.rank === other) process.kill(process.pid, "SIGKILL");
      await comm.recv({ from: other });
    };
    const error = await thrown(RankError, () => spmd(executor, dies, { ranks: 3, args: [file] }));
    expect(error.cause).toBeInstanceOf(NodeLostError);
    expect(error.message).toMatch(/^Rank \d of 3 failed, so the others were stopped\. NodeLostError: /);
    expect(readFileSync(file, "utf8").split("\n").sort().join("")).toBe("012");
    expect(await spmd(executor, meet, { ranks: 2 })).toEqual([0, 1]);
  });

  it("is stopped by its signal: while it waits for slots, and while it runs", async () => {
    const executor = embedded(2);
    const reason = new Error("enough");
    const before = new AbortController();
    const waiting = thrown(CancelledError, () => spmd(executor, meet, { ranks: 3, signal: before.signal }));
    before.abort(reason);
    expect((await waiting).cause).toBe(reason);

    const during = new AbortController();
    const gate = await Gate.make();
    const stands = async (comm: Comm, port: number): Promise<void> => {
      const { connect } = await import("node:net");
      connect(port, "127.0.0.1")
        .on("error", () => {})
        .write("1\n");
      await comm.recv();
    };
    const running = thrown(CancelledError, () =>
      spmd(executor, stands, { ranks: 2, args: [gate.port], signal: during.signal }),
    );
    await gate.entered(2);
    during.abort(reason);
    const error = await running;
    expect(error.message).toBe("spmd was aborted.");
    expect(error.cause).toBe(reason);
    expect((await thrown(CancelledError, () => spmd(executor, meet, { ranks: 1, signal: during.signal }))).cause).toBe(
      reason,
    );
    expect(await spmd(executor, meet, { ranks: 2 })).toEqual([0, 1]);
  });

  it("may submit tasks meanwhile, without its slot", async () => {
    const executor = embedded(3);
    const doubles = async (comm: Comm): Promise<number> => {
      const doubled = await task.context().executor.submit((x: number) => 2 * x, [comm.rank]);
      return comm.allReduce(doubled, (a, b) => a + b);
    };
    expect(await spmd(executor, doubles, { ranks: 2 })).toEqual([2, 2]);
  });

  it.each([
    [undefined, meet, { ranks: 1 }, "spmd's executor is undefined; it must be a ClusterExecutor."],
    ["executor", 5, { ranks: 1 }, "spmd's fn is 5; it must be a function."],
    [
      "executor",
      task(import.meta.url, "meet"),
      { ranks: 1 },
      "spmd's fn is a task() reference; give it the function itself, which may be imported.",
    ],
    ["executor", meet, undefined, "spmd's options are undefined; they must be an object that says how many ranks."],
    ["executor", meet, {}, "spmd's ranks is undefined; it must be a whole number of at least 1."],
    ["executor", meet, { ranks: 1.5 }, "spmd's ranks is 1.5; it must be a whole number of at least 1."],
    ["executor", meet, { ranks: 1, args: 3 }, "spmd's args is 3; it must be an array."],
    [
      "executor",
      meet,
      { ranks: 1, startTimeout: -1 },
      "spmd's startTimeout is -1; it must be milliseconds of at least 0.",
    ],
    ["executor", meet, { ranks: 1, signal: {} }, "spmd's signal is {}; it must be an AbortSignal."],
    ["executor", meet, { ranks: 1, rank: 1 }, "spmd has no option 'rank'; it has ranks, args, startTimeout, signal."],
  ])("refuses wrong arguments: %s %s %o", async (executor, fn, options, message) => {
    const given = executor === undefined ? undefined : embedded(1);
    const call = (): Promise<unknown> => spmd(given as ClusterExecutor, fn as typeof meet, options as SpmdOptions<[]>);
    expect((await thrown(TypeError, call)).message).toBe(message);
  });
});
