import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ClusterExecutor } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { freePort } from "../support/ports.js";
import { launchNode, type NodeProcess, nodeJoined, spawnNode } from "../support/processes.js";

/** The process behind the one that was started. */
function innerPid(executor: ClusterExecutor): Promise<number> {
  return executor.submit(() => process.pid);
}

/** Resolves when the process of the node has ended, as its supervisor says. */
async function died(node: NodeProcess): Promise<void> {
  await node.logged((line) => line.includes("another one takes its place"));
}

describe("a node whose process dies", () => {
  it("is back with its id and address; what ran there runs again, and the program notices nothing", async () => {
    const node = await spawnNode({ name: "phoenix" });
    const executor = attach(node.address);
    const mark = join(folderOf({}), "mark");
    const future = executor.submit(
      async (file: string) => {
        const fs = await import("node:fs");
        if (!fs.existsSync(file)) {
          fs.writeFileSync(file, "");
          process.kill(process.pid, "SIGKILL");
        }
        return process.pid;
      },
      [mark],
    );
    const pid = await future;
    await died(node);
    expect(existsSync(mark)).toBe(true);
    expect(future.attempts).toBe(2);
    expect(pid).not.toBe(node.pid);
    const [info] = await executor.nodes();
    expect(info).toMatchObject({ id: node.id, address: node.address, pid: node.pid, name: "phoenix" });
    expect(node.stdout.trim().split("\n")).toHaveLength(1);
  });

  it("finds its parent and its children again", async () => {
    // Nobody can dial the root by what it says of itself: however long the middle takes, the leaf has nowhere else to go.
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const root = await spawnNode({ workers: 0, name: "root", port, args: ["--advertise", "127.0.0.1:9"] });
    const middle = await spawnNode({ parent: address, name: "middle" });
    const leaf = await spawnNode({ parent: middle.address, name: "leaf" });
    await nodeJoined(root, leaf.id);
    const executor = attach(address);
    await executor.waitForNodes(3, { timeout: 15_000 });
    const back = new Promise<void>((resolve) => {
      const lost = new Set<string>();
      executor.on("nodeLost", ({ id }) => lost.add(id));
      executor.on("nodeJoined", ({ id }) => lost.delete(id) && lost.size === 0 && resolve());
    });
    process.kill(await innerPid(attach(middle.address)), "SIGKILL");
    await back;
    const names = (await executor.nodes()).map(({ name, depth }) => `${depth} ${name}`);
    expect(names).toEqual(["0 root", "1 middle", "2 leaf"]);
  });

  it("ends with the process that the user started, however that dies", async () => {
    const node = await spawnNode();
    const pid = await innerPid(attach(node.address));
    expect(pid).not.toBe(node.pid);
    node.kill("SIGKILL");
    // Its output ends only when both have ended.
    await node.exited;
  });

  it("is one process only with --no-supervise", async () => {
    const node = await spawnNode({ args: ["--no-supervise"] });
    expect(await innerPid(attach(node.address))).toBe(node.pid);
  });

  it("does not follow one that cannot listen", async () => {
    const taken = await spawnNode();
    const port = Number(taken.address.split(":")[1]);
    const second = launchNode({ port });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(/^pydist-node: Port \d+ on 127\.0\.0\.1 is taken/m);
  });
});
