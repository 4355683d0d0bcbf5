import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ClusterExecutor } from "pydist";
import { ClusterNode } from "pydist-node";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, launchNode, type NodeProcess, runCli, spawnNode, spawnTree } from "../support/processes.js";

interface Dump {
  readonly id: string;
  readonly name: string;
  readonly links: readonly Record<string, unknown>[];
  readonly scheduler: Record<string, unknown>;
  readonly pool?: { readonly threads: readonly Record<string, unknown>[] };
}

async function dumpOf(...args: readonly string[]): Promise<Dump> {
  const { code, stdout, stderr } = await runCli(["dump", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.split("\n")).toHaveLength(2);
  return JSON.parse(stdout) as Dump;
}

/** The next dump of that kind that it writes on stderr. */
async function written(node: NodeProcess, key: "supervisor" | "scheduler"): Promise<Record<string, unknown>> {
  return JSON.parse(await node.logged((line) => line.startsWith('{"event":"dump"') && line.includes(`"${key}"`)));
}

const unix = process.platform !== "win32";

describe("dump", () => {
  it("tells of scheduler, links and threads, of a node and of one below it, and no user data", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "leaf" }] });
    const executor = attach(tree.address);
    const gate = await Gate.make();
    await executor.waitForNodes(2);
    const secretArgument = "an argument that is nobody's business";
    const futures = [gate.port, gate.port].map((port) =>
      executor.submit(hold, [port, secretArgument], { name: "held" }),
    );
    await gate.entered(1);
    const root = await dumpOf(tree.address);
    expect(root).toMatchObject({
      name: "root",
      state: "ready",
      scheduler: { duty: "working", slots: 0, slotsByDepth: [0, 1] },
    });
    expect(root.pool).toBeUndefined();
    const links = root.links.map(({ is, name, role, state, buffered }) => ({ is, name, role, state, buffered }));
    expect(links).toContainEqual({ is: "below", name: "leaf", role: "node", state: "open", buffered: 0 });
    expect(links).toContainEqual(expect.objectContaining({ is: "above", role: "executor", state: "open" }));
    const leaf = await dumpOf(tree.address, "--node", "leaf");
    expect(leaf.id).toBe(tree.node("leaf").id);
    expect(leaf.scheduler).toMatchObject({
      receivers: [{ kind: "pool", tasks: 1, leases: 1, oldest: [{ task: "held", open: 1 }] }],
    });
    expect(leaf.pool?.threads).toMatchObject([
      { use: "current", runs: [{ task: "held", is: "running", waiting: 0, index: 0, thread: expect.any(Number) }] },
    ]);
    const text = JSON.stringify([root, leaf]);
    expect(text).not.toContain(secretArgument);
    expect(text).not.toContain(readFileSync(fileHome().secretFile, "utf8").trim());
    gate.open();
    await Promise.all(futures);
  });

  it("tells of code that is being fetched, and of whom", async () => {
    const { secretFile } = fileHome();
    const node = opened(await ClusterNode.start({ port: 0, workers: 1, secretFile }));
    const { rawPeer } = await import("../node/raw-peer.js");
    const peer = await rawPeer(node.address, secretFile, "executor");
    opened({ close: () => peer.link.close() });
    const { hash } = peer.sendTasks(1, (n) => n);
    await peer.next("needCode");
    const dump = node.dump() as Dump & { code: unknown };
    const [link] = dump.links;
    expect(dump.code).toEqual([{ hash: hash.slice(0, 12), asked: [link?.id], waiting: 1 }]);
    expect(dump.pool).toMatchObject({ fetchingCode: [{ task: "f", is: "fetching", what: "code" }] });
  });

  it("is had of a program that listens, too; who is not there is named", async () => {
    const { secretFile } = fileHome();
    const program = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 1, secretFile, name: "program" });
    opened({ close: () => program.shutdown() });
    await program.ready();
    expect(await dumpOf(program.address as string)).toMatchObject({ name: "program" });
    expect(await runCli(["dump", program.address as string, "--node", "nobody"])).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining('is not "nobody" and knows of none below it.'),
    });
  });
});

describe.runIf(unix)("SIGUSR2", () => {
  it("has supervisor and node write their dumps to stderr, and both go on", async () => {
    const node = await spawnNode({ name: "n" });
    node.kill("SIGUSR2");
    const [above, below] = await Promise.all([written(node, "supervisor"), written(node, "scheduler")]);
    expect(above).toMatchObject({
      event: "dump",
      supervisor: {
        pid: node.pid,
        process: { pid: expect.any(Number), for: expect.any(Number), quiet: expect.any(Number) },
        restarts: 0,
        leaving: false,
      },
    });
    expect(below).toMatchObject({ event: "dump", id: node.id, name: "n", pool: { threads: [{ runs: [] }] } });
    expect(await attach(node.address).submit(() => 1)).toBe(1);
    expect(node.stdout.trim().split("\n")).toHaveLength(1);
  });

  it("needs no supervisor", async () => {
    const node = await spawnNode({ args: ["--no-supervise", "--log-level", "silent"] });
    node.kill("SIGUSR2");
    expect(await written(node, "scheduler")).toMatchObject({ id: node.id });
    expect(node.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("is answered by a node that has not joined, too", async () => {
    const node = launchNode({ parent: "127.0.0.1:1", args: ["--connect-timeout", "60000"] });
    await node.logged((line) => line.includes("Joining"));
    node.kill("SIGUSR2");
    const line = await node.logged((line) => line.includes('"state":"starting"'));
    expect(JSON.parse(line)).toMatchObject({ event: "dump", state: "starting", parent: ["127.0.0.1:1"] });
  });

  it("is answered by the supervisor while the node's process stands still", async () => {
    const node = await spawnNode();
    const pid = await attach(node.address).submit(() => process.pid);
    spawnSync("kill", ["-STOP", `${pid}`]);
    node.kill("SIGUSR2");
    expect(await written(node, "supervisor")).toMatchObject({ supervisor: { process: { pid } } });
    spawnSync("kill", ["-CONT", `${pid}`]);
    expect(await written(node, "scheduler")).toMatchObject({ id: node.id });
  });
});
