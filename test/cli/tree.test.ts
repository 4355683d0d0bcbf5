import { ClusterExecutor } from "pydist";
import { beforeAll, describe, expect, it } from "vitest";
import { fileHome, runCli, spawnTree, type Tree } from "../support/processes.js";

let tree: Tree;

beforeAll(async () => {
  tree = await spawnTree({
    name: "root",
    until: "file",
    workers: 0,
    children: [
      { name: "a", until: "file", children: [{ name: "c", until: "file", workers: 3 }] },
      { name: "b", until: "file", workers: 2 },
    ],
  });
});

interface Node {
  readonly id: string;
  readonly name: string;
  readonly parent: string | null;
  readonly depth: number;
}

async function nodesOf(address: string): Promise<Node[]> {
  const { code, stdout } = await runCli(["tree", address, "--json"]);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe("tree", () => {
  it("draws root, children and grandchild", async () => {
    const { code, stdout, stderr } = await runCli(["tree", tree.address]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const address = (name: string) => tree.node(name).address;
    const width = Math.max(...["root", "a", "b", "c"].map((name) => address(name).length));
    const line = (label: string, name: string, workers: number) =>
      `${label.padEnd(7)}  ${address(name).padEnd(width)}  ready  ${`${workers}`.padStart(7)}        0       0          0       0  0 ms`;
    expect(stdout.split("\n")).toEqual([
      `NAME     ${"ADDRESS".padEnd(width)}  STATE  WORKERS  RUNNING  QUEUED  COMPLETED  FAILED  BUSY`,
      line("root", "root", 0),
      line("├─ a", "a", 1),
      line("│  └─ c", "c", 3),
      line("└─ b", "b", 2),
      "",
    ]);
  });

  it("lists it for programs", async () => {
    const nodes = await nodesOf(tree.address);
    const parents = Object.fromEntries(
      nodes.map(({ name, parent }) => [name, nodes.find(({ id }) => id === parent)?.name]),
    );
    expect(parents).toEqual({ root: undefined, a: "root", b: "root", c: "a" });
    expect(nodes.map(({ depth }) => depth)).toEqual([0, 1, 1, 2]);
    const c = nodes.find(({ name }) => name === "c");
    expect(c).toMatchObject({
      id: tree.node("c").id,
      address: tree.node("c").address,
      pid: tree.node("c").pid,
      state: "ready",
      workers: 3,
      slots: 3,
      running: 0,
      queued: 0,
      os: process.platform,
      nodeVersion: process.versions.node,
    });
  });

  it("begins at the node that is asked", async () => {
    const nodes = await nodesOf(tree.node("a").address);
    expect(nodes.map(({ name, depth }) => [name, depth])).toEqual([
      ["a", 0],
      ["c", 1],
    ]);
    expect((await runCli(["tree", tree.node("a").address])).stdout).toMatch(/^NAME.*\na .*\n└─ c .*\n$/);
  });

  it("shows what was done", async () => {
    const executor = new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile });
    try {
      await executor
        .map(
          (x: number) => {
            if (x === 0) throw new Error("no");
            return x;
          },
          [0, 1, 2, 3, 4],
        )
        .catch(() => {});
      await executor.map((x: number) => x + 1, [1, 2, 3]);
    } finally {
      await executor.shutdown();
    }
    const nodes = (await nodesOf(tree.address)) as (Node & { completed: number; failed: number })[];
    expect(nodes.reduce((sum, { failed }) => sum + failed, 0)).toBe(1);
    expect(nodes.reduce((sum, { completed }) => sum + completed, 0)).toBeGreaterThanOrEqual(3);
    expect(nodes.find(({ name }) => name === "root")).toMatchObject({ completed: 0, failed: 0 });
  });
});

describe("status", () => {
  it("prints one node for people", async () => {
    const { code, stdout } = await runCli(["status", tree.address]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^name {7}root$/m);
    expect(stdout).toMatch(new RegExp(`^id {9}${tree.root.id}$`, "m"));
    expect(stdout).toMatch(/^parent {5}none: it is the root$/m);
    expect(stdout).toMatch(/^below {6}3 nodes, 6 slots$/m);
    expect(stdout).toMatch(/^workers {4}0, 0 slots$/m);
  });

  it("prints one node for programs", async () => {
    const { stdout } = await runCli(["status", tree.node("b").address, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      name: "b",
      id: tree.node("b").id,
      parent: tree.root.id,
      depth: 0,
      workers: 2,
    });
  });
});
