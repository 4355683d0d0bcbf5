import { ClusterExecutor } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { fileHome, type NodeProcess, type Shape, spawnNode, spawnTree } from "../support/processes.js";

const opened: ClusterExecutor[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true })));
});

async function attach(address: string, nodes: number, options: object = {}): Promise<ClusterExecutor> {
  const executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile, ...options });
  opened.push(executor);
  await executor.waitForNodes(nodes, { timeout: 20_000 });
  return executor;
}

async function nap(milliseconds: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return milliseconds;
}

async function whoDidWhat(executor: ClusterExecutor): Promise<Record<string, number>> {
  const { nodes } = await executor.stats();
  return Object.fromEntries(nodes.map((node) => [node.name, node.completed]));
}

describe("overflow", () => {
  it("a root without workers runs everything on its children", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "a" }, { name: "b" }] });
    const executor = await attach(tree.address, 3);
    const gate = await Gate.make();
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    const ports = numbers.map(() => gate.port);
    const map = executor.map(hold, ports, numbers, { chunksize: 1 });
    // Each has one slot: two that stand here at the same time are on both nodes.
    for (let pair = 0; pair < 30; pair++) {
      await gate.holds(2);
      gate.pass();
    }
    expect(await map).toEqual(numbers);
    const did = await whoDidWhat(executor);
    expect([did.root, did.a, did.b]).toEqual([0, 30, 30]);
  });

  it("of a chain of depth 4, a hop limit of 2 leaves the rest alone, and everything finishes", async () => {
    const chain: Shape = {
      name: "0",
      children: [{ name: "1", children: [{ name: "2", children: [{ name: "3", children: [{ name: "4" }] }] }] }],
    };
    const tree = await spawnTree(chain);
    const executor = await attach(tree.address, 5, { hopLimit: 2 });
    const futures = Array.from({ length: 100 }, () => executor.submit(nap, [10]));
    await Promise.all(futures);
    const did = await whoDidWhat(executor);
    expect([did["3"], did["4"]]).toEqual([0, 0]);
    for (const name of ["0", "1", "2"]) expect(did[name]).toBeGreaterThan(0);
    expect(Math.max(...futures.map((future) => future.hops as number))).toBe(2);
    expect((await executor.nodes()).map((node) => node.depth)).toEqual([0, 1, 2, 3, 4]);
  });

  it("a hop limit of 0 keeps tasks on the node that the executor is attached to", async () => {
    const tree = await spawnTree({ name: "root", children: [{ name: "child" }] });
    const executor = await attach(tree.address, 2);
    await Promise.all(Array.from({ length: 20 }, () => executor.submit(nap, [5], { hopLimit: 0 })));
    expect(await whoDidWhat(executor)).toEqual({ root: 20, child: 0 });
  });

  it("where nobody has workers and no hop is left, a task is refused by name", async () => {
    const tree = await spawnTree({ name: "root", workers: 0 });
    const executor = await attach(tree.address, 1);
    const refused = executor.submit(nap, [1], { hopLimit: 0, name: "render" });
    const joined = spawnNode({ parent: tree.address });
    await expect(refused).rejects.toMatchObject({ code: "PYDIST_E_HOP_LIMIT" });
    await expect(refused).rejects.toThrow(/has no workers and task "render" has no hop left/);
    await joined;
  });

  it("tasks submitted in the middle of a tree run there and below, not above", async () => {
    const tree = await spawnTree({ name: "root", children: [{ name: "middle", children: [{ name: "leaf" }] }] });
    const executor = await attach(tree.node("middle").address, 2);
    await executor.map(nap, Array<number>(40).fill(5));
    const did = await whoDidWhat(executor);
    expect(Object.keys(did).sort()).toEqual(["leaf", "middle"]);
    expect(did.leaf).toBeGreaterThan(0);
  });
});

describe("twenty nodes on one machine", () => {
  it("all run something, at their full breadth", async () => {
    const children = Array.from({ length: 19 }, (_, i) => ({ name: `n${i}` }));
    const tree = await spawnTree({ name: "root", children });
    const executor = await attach(tree.address, 20);
    await executor.map(nap, Array<number>(400).fill(50));
    const did = await whoDidWhat(executor);
    expect(Object.keys(did)).toHaveLength(20);
    expect(Math.min(...Object.values(did))).toBeGreaterThan(0);
  });
});

describe("while a map runs", () => {
  it("a node that joins gets work soon, however much waits", async () => {
    const tree = await spawnTree({ name: "root" });
    const executor = await attach(tree.address, 1);
    const map = executor.map(nap, Array<number>(20_000).fill(5));
    await map.next();
    // Not in milliseconds: the root's own work stands still when the machine does. It does at most 200 in a second.
    let others = 0;
    const firstTask = new Promise<number>((resolve) => {
      executor.on("nodeJoined", (node) => {
        executor.on("taskSettled", (task) => (task.node === node.id ? resolve(others) : others++));
      });
    });
    await spawnNode({ parent: tree.address, name: "late" });
    expect(await firstTask).toBeLessThan(1000);
    map.cancel();
  });

  it("a killed child costs no result of 5,000 tasks", async () => {
    const tree = await spawnTree({ name: "root", children: [{ name: "a", children: [{ name: "c" }] }, { name: "b" }] });
    const executor = await attach(tree.address, 4);
    const lost: string[] = [];
    executor.on("nodeLost", (node) => lost.push(node.name));
    const items = Array.from({ length: 5000 }, (_, i) => i);
    const squares = executor.map(async (n: number) => {
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      return n * n;
    }, items);
    let seen = 0;
    const results: number[] = [];
    for await (const square of squares) {
      results.push(square);
      if (++seen === 1000) (tree.node("a") as NodeProcess).kill("SIGKILL");
    }
    expect(results).toEqual(items.map((n) => n * n));
    expect(lost.sort()).toEqual(["a", "c"]);
    const { nodes, neverRan } = await executor.stats();
    // Nodes that are gone stay listed with what they did.
    expect(nodes.map((node) => node.name).sort()).toEqual(["a", "b", "c", "root"]);
    expect(nodes.reduce((sum, node) => sum + node.completed + node.failed, neverRan)).toBe(5000);
  });

  it("a killed root that comes back at its port costs none either", async () => {
    const root = await spawnNode({ name: "root" });
    const port = Number(root.address.split(":").at(-1));
    await spawnNode({ name: "child", parent: root.address });
    const executor = await attach(root.address, 2);
    const items = Array.from({ length: 600 }, (_, i) => i);
    const map = executor.map(async (n: number) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return n;
    }, items);
    await map.next();
    root.kill("SIGKILL");
    await root.exited;
    await spawnNode({ name: "root", port });
    const rest: number[] = [];
    for await (const n of map) rest.push(n);
    expect(rest).toEqual(items.slice(1));
  });
});

describe("bodies", () => {
  it("of 64 MiB pass through two nodes and back, with heartbeats in between", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "child" }] });
    const executor = await attach(tree.address, 2);
    const numbers = new Float64Array(8 * 1024 * 1024).map((_, i) => i / 7);
    const back = await executor.submit((given: Float64Array) => given, [numbers]);
    expect(
      Buffer.compare(Buffer.from(back.buffer, back.byteOffset, back.byteLength), Buffer.from(numbers.buffer)),
    ).toBe(0);
  });
});
