import { Worker } from "node:worker_threads";
import { ClusterExecutor, WorkerMemoryError } from "pydist";
import { expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, spawnNode } from "../support/processes.js";
import { failure } from "../support/thrown.js";
import { describeExecutors } from "./executors.js";

const LIMIT = 128;

function exhaust(): never {
  const kept = [];
  for (;;) kept.push(new Array(10_000).fill(kept.length));
}

function fillBuffers(): never {
  const kept = [];
  for (;;) kept.push(Buffer.alloc(1024 * 1024, 1));
}

async function fillBuffersSlowly(): Promise<never> {
  const kept = [];
  for (;;) {
    kept.push(new Uint8Array(1024 * 1024).fill(1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const REMEDY = "Give it smaller pieces, or its thread more by --worker-memory (workerMemory of an embedded executor).";
const OUTSIDE = new RegExp(
  `^Task "hungry" was stopped on node \\S+: its worker thread had (\\d+) MiB outside its heap, as buffers have them, ` +
    `and \\d+ MiB on it. It may have ${LIMIT} MiB of either. ${REMEDY.replace(/[().]/g, "\\$&")}$`,
);

/** What is outside the heap of a thread that computes, Node tells since 22.16. */
const TELLS = "getHeapStatistics" in Worker.prototype;

describeExecutors(
  "workerMemory",
  (open) => {
    it("stops a task that uses more heap: the error names task, node, limit and remedy", async () => {
      const executor = await open();
      const future = executor.submit(exhaust, [], { name: "hungry" });
      const error = await failure(future);
      expect(error).toBeInstanceOf(WorkerMemoryError);
      expect(error.message).toBe(
        `Task "hungry" used up the ${LIMIT} MiB of heap of its worker thread on node ${future.node}. ${REMEDY}`,
      );
    });

    it("stops a task that has more in buffers, and nobody beside it", async () => {
      const executor = await open();
      const gate = await Gate.make();
      const neighbour = executor.submit(hold, [gate.port, "beside"]);
      await gate.entered(1);
      const error = await failure(executor.submit(fillBuffersSlowly, [], { name: "hungry" }));
      expect(error).toBeInstanceOf(WorkerMemoryError);
      expect(error.message).toMatch(OUTSIDE);
      expect(Number(OUTSIDE.exec(error.message)?.[1])).toBeGreaterThan(LIMIT);
      gate.open();
      expect(await neighbour).toBe("beside");
    });

    it("stops it although it computes without a pause", async (ctx) => {
      if (!TELLS) ctx.skip(`Node ${process.version} cannot look into a thread that computes; 22.16 can`);
      const executor = await open();
      const error = await failure(executor.submit(fillBuffers, [], { name: "hungry" }));
      expect(error).toBeInstanceOf(WorkerMemoryError);
      expect(error.message).toMatch(OUTSIDE);
    });

    it("lets a task be that makes much, and keeps little", async () => {
      const executor = await open();
      const count = executor.submit(async () => {
        let sum = 0;
        for (let i = 0; i < 200; i++) {
          sum += (Buffer.alloc(1024 * 1024, 1)[i] as number) + new Array(10_000).fill(0).length;
          await new Promise((resolve) => setImmediate(resolve));
        }
        return sum;
      });
      expect(await count).toBe(200 * 10_001);
    });

    it("is not tried again, unless the call has retries", async () => {
      const executor = await open();
      const gate = await Gate.make();
      const enterAndExhaust = async (port: number) => {
        const { connect } = await import("node:net");
        const socket = connect(port, "127.0.0.1");
        socket.write('"here"\n');
        await new Promise((resolve) => socket.resume().once("close", resolve));
        const kept = [];
        for (;;) kept.push(new Array(10_000).fill(kept.length));
      };
      gate.open();
      await expect(executor.submit(enterAndExhaust, [gate.port], { attempts: 5 })).rejects.toThrow(WorkerMemoryError);
      expect(gate.names).toHaveLength(1);
      await expect(executor.submit(enterAndExhaust, [gate.port], { retries: 2 })).rejects.toThrow(WorkerMemoryError);
      expect(gate.names).toHaveLength(4);
    });
  },
  { workerMemory: LIMIT },
);

it("replaces a thread that keeps too much when its task is over, and nobody is blamed", async () => {
  const executor = new ClusterExecutor({ maxWorkers: 1, workerMemory: LIMIT });
  opened({ close: () => executor.shutdown() });
  const gate = await Gate.make();
  const leak = async (port: number): Promise<string> => {
    const { connect } = await import("node:net");
    // Open as long as the thread lives.
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    await new Promise<void>((resolve) => socket.write('"leaky"\n', () => resolve()));
    Object.assign(globalThis, { leaked: [socket, new ArrayBuffer(200 * 1024 * 1024)] });
    return "returned";
  };
  expect(await executor.submit(leak, [gate.port])).toBe("returned");
  await gate.entered(1);
  await gate.left();
  expect(await executor.submit(() => "leaked" in globalThis)).toBe(false);
});

it("may be more than Node gives a thread by default", async () => {
  const node = await spawnNode({ args: ["--worker-memory", "65536"] });
  const executor = new ClusterExecutor(node.address, { secretFile: fileHome().secretFile });
  opened({ close: () => executor.shutdown() });
  const limit = await executor.submit(async () => (await import("node:v8")).getHeapStatistics().heap_size_limit);
  expect(limit / 1024 / 1024).toBeGreaterThanOrEqual(65_536);
});
