import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterExecutor } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, type NodeProcess, runCli, spawnNode, spawnTree } from "../support/processes.js";

async function stateOf(executor: ClusterExecutor, node: NodeProcess): Promise<string | undefined> {
  return (await executor.nodes()).find(({ id }) => id === node.id)?.state;
}

async function stands(executor: ClusterExecutor, node: NodeProcess, state: string): Promise<void> {
  while ((await stateOf(executor, node)) !== state) await new Promise((resolve) => setImmediate(resolve));
}

/** Tasks that write down that they run; and how often each of them did. */
function makeLedger() {
  const file = join(folderOf({ ledger: "" }), "ledger");
  const run = async (n: number): Promise<number> => {
    appendFileSync(file, `${n}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return n;
  };
  const lines = (): string[] => readFileSync(file, "utf8").trim().split("\n");
  return { run, lines };
}

/** Runs a map over the tree, and does something to it once the first results are there. */
async function mapAndDisturb(executor: ClusterExecutor, disturb: () => Promise<unknown>): Promise<string[]> {
  const { run, lines } = makeLedger();
  const inputs = Array.from({ length: 1500 }, (_, n) => n);
  let seen = 0;
  let disturbed: Promise<unknown> | undefined;
  for await (const n of executor.map(run, inputs)) {
    expect(n).toBe(seen++);
    if (seen === 200) disturbed = disturb();
  }
  await disturbed;
  expect(seen).toBe(inputs.length);
  return lines().sort((a, b) => Number(a) - Number(b));
}

const eachOnce = Array.from({ length: 1500 }, (_, n) => `${n}`);

describe("drain and resume", () => {
  it("what a drained node still runs keeps no task from a node that joins", async () => {
    const root = await spawnNode({ workers: 0 });
    await spawnNode({ parent: root.address, name: "old" });
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const begun = executor.submit(hold, [gate.port, "begun"]);
    await gate.entered(1);
    await runCli(["drain", root.address, "--node", "old"]);
    const later = executor.submit(hold, [gate.port, "later"]);
    await spawnNode({ parent: root.address, name: "new" });
    await gate.entered(2);
    gate.open();
    expect(await Promise.all([begun, later])).toEqual(["begun", "later"]);
  });

  it("a node finishes what it runs, starts nothing new, and works again", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "a" }] });
    const executor = attach(tree.address);
    const gate = await Gate.make();
    await executor.waitForNodes(2);
    const futures = [0, 1, 2].map((n) => executor.submit(hold, [gate.port, n]));
    await gate.entered(1);
    const ordered = await runCli(["drain", tree.address, "--node", "a"]);
    expect(ordered).toMatchObject({ code: 0, stderr: "" });
    expect(ordered.stdout).toBe(
      `Node a at ${tree.node("a").address} is draining, 1 task is under way on its workers.\n`,
    );
    expect(await stateOf(executor, tree.node("a"))).toBe("draining");
    gate.pass();
    expect(await futures[0]).toBe(0);
    await stands(executor, tree.node("a"), "drained");
    expect((await runCli(["status", tree.node("a").address])).stdout).toMatch(/state +drained/);
    expect(gate.names).toEqual([0]);
    gate.open();
    const resumed = await runCli(["resume", tree.address, "--node", tree.node("a").id, "--json"]);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ name: "a", state: "ready" });
    expect(await Promise.all(futures)).toEqual([0, 1, 2]);
    expect(await Promise.all(futures.map((future) => future.attempts))).toEqual([1, 1, 1]);
  });

  it("a root that is drained keeps what waits for its children, who do it all", async () => {
    const tree = await spawnTree({ name: "root", children: [{ name: "a" }] });
    const executor = attach(tree.address);
    await executor.waitForNodes(2);
    expect((await runCli(["drain", tree.address])).stdout).toContain("Node root at");
    const futures = Array.from({ length: 50 }, (_, n) => executor.submit((i: number) => i, [n]));
    await Promise.all(futures);
    expect(new Set(futures.map(({ node }) => node))).toEqual(new Set([tree.node("a").id]));
  });

  it("a root alone that is drained keeps its executors waiting, even for tasks that may not travel", async () => {
    const root = await spawnNode();
    const executor = attach(root.address);
    await executor.ready();
    expect((await runCli(["drain", root.address])).stdout).toBe(
      `Node ${(await executor.nodes())[0]?.name} at ${root.address} is drained, 0 tasks are under way on its workers.\n`,
    );
    const future = executor.submit(() => 1, [], { hopLimit: 0 });
    expect((await runCli(["resume", root.address])).code).toBe(0);
    expect(await future).toBe(1);
  });
});

describe("stop", () => {
  it.each(["a", "root"])(
    "in the middle of a map over three nodes: each task runs once, and %s is gone",
    async (name) => {
      const tree = await spawnTree({
        name: "top",
        workers: 0,
        children: [{ name: "root", children: [{ name: "a" }, { name: "b" }] }],
      });
      const executor = attach(tree.address);
      await executor.waitForNodes(4);
      const ran = await mapAndDisturb(executor, () => runCli(["stop", tree.address, "--node", name]));
      expect(ran).toEqual(eachOnce);
      expect(await tree.node(name).exited).toEqual({ code: 0, signal: null });
    },
  );

  it("after it, a node takes no orders", async () => {
    const root = await spawnNode({ name: "r" });
    const executor = attach(root.address);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, 1]);
    await gate.entered(1);
    expect((await runCli(["stop", root.address])).stdout).toContain("is leaving, 1 task is under way");
    for (const [order, what] of [
      ["drain", "drained"],
      ["resume", "resumed"],
    ] as const) {
      expect(await runCli([order, root.address])).toEqual({
        code: 1,
        signal: null,
        stdout: "",
        stderr: `pydist-node: Node r cannot be ${what}: it is leaving the tree. Start it again once it has left.\n`,
      });
    }
    gate.open();
    expect(await held).toBe(1);
    expect((await root.exited).code).toBe(0);
  });
});

describe("SIGTERM", () => {
  it("in the middle of a map: nothing runs twice", async () => {
    const tree = await spawnTree({ name: "root", children: [{ name: "a" }, { name: "b" }] });
    const executor = attach(tree.address);
    await executor.waitForNodes(3);
    const ran = await mapAndDisturb(executor, async () => {
      expect(await tree.node("a").stop()).toEqual({ code: 143, signal: null });
    });
    expect(ran).toEqual(eachOnce);
  });

  it("a task that is longer than the grace runs elsewhere, as its second attempt; one that waited as its first", async () => {
    const tree = await spawnTree({
      name: "root",
      workers: 0,
      children: [{ name: "a", args: ["--drain-grace", "200"] }],
    });
    const executor = attach(tree.address);
    const gate = await Gate.make();
    await executor.waitForNodes(2);
    const futures = ["long", "waits"].map((name) => executor.submit(hold, [gate.port, name]));
    await gate.entered(1);
    expect((await tree.node("a").stop()).code).toBe(143);
    const stderr = tree.node("a").stderr;
    expect(stderr).toContain('"tasks":1,"grace":200,"msg":"Waiting for tasks that are under way"');
    expect(stderr).toContain('"tasks":1,"grace":200,"msg":"Not waiting any longer; they run again elsewhere"');
    await spawnNode({ parent: tree.address, name: "b" });
    gate.open();
    expect(await Promise.all(futures)).toEqual(["long", "waits"]);
    expect(futures.map(({ attempts }) => attempts)).toEqual([2, 1]);
  });
});

describe("an order that cannot be carried out is one sentence, and exit code 1", () => {
  it("for a node that is not there, or one of two of the same name", async () => {
    const tree = await spawnTree({ name: "r", workers: 0, children: [{ name: "a" }] });
    const twin = await spawnNode({ name: "a", parent: tree.address });
    const executor = attach(tree.address);
    await executor.waitForNodes(3);
    const refused = (stderr: string) => ({ code: 1, signal: null, stdout: "", stderr: `pydist-node: ${stderr}\n` });
    const order = (node: string) => runCli(["drain", tree.address, "--node", node]);
    expect(await order("x")).toEqual(
      refused(
        `Node r at ${tree.address} is not "x" and knows of none below it. "pydist-node tree ${tree.address}" lists those that it knows.`,
      ),
    );
    const { stderr } = await order("a");
    const [first, second] = [tree.node("a"), twin].map(({ id, address }) => `${id} at ${address}`);
    expect([`${first}, ${second}`, `${second}, ${first}`]).toContain(
      /^pydist-node: 2 nodes have the name "a": (.*)\. Give the id of the one you mean\.\n$/.exec(stderr)?.[1],
    );
  });

  it("for a program that listens itself", async () => {
    const { secretFile } = fileHome();
    const program = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 1, secretFile, name: "p" });
    opened({ close: () => program.shutdown() });
    await program.ready();
    expect(await runCli(["stop", program.address as string])).toEqual({
      code: 1,
      signal: null,
      stdout: "",
      stderr:
        "pydist-node: The node at that address is part of a program, which takes no orders. End the program instead.\n",
    });
    expect(await program.submit(() => 1)).toBe(1);
  });

  it("for a node below that does not answer any more", async () => {
    const tree = await spawnTree({ name: "r", workers: 0, children: [{ name: "a", args: ["--no-supervise"] }] });
    const a = tree.node("a");
    a.kill("SIGSTOP");
    expect(await runCli(["drain", tree.address, "--node", "a"])).toEqual({
      code: 1,
      signal: null,
      stdout: "",
      stderr: `pydist-node: Node a at ${a.address} did not answer: it is overloaded, or its link was lost. Try again.\n`,
    });
  });
});
