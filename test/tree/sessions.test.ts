import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterExecutor } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Cable } from "../support/cable.js";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

const { secretFile } = fileHome();

async function node(options: ClusterNodeOptions): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, secretFile, ...options }));
}

function attach(address: string): ClusterExecutor {
  const executor = new ClusterExecutor(address, { secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

/** What lies between a node and who dials it. */
async function cableTo({ address }: ClusterNode): Promise<{ cable: Cable; address: string }> {
  const cable = new Cable();
  return { cable, address: `127.0.0.1:${await cable.listen(Number(address.split(":").at(-1)))}` };
}

/** Runs `count` tasks while `disturb` is called again and again; tells how often each of them was run. */
async function ledgerOf(executor: ClusterExecutor, count: number, disturb: () => void): Promise<number[]> {
  const ledger = join(folderOf({}), "ledger");
  const timer = setInterval(disturb, 40);
  try {
    const results = await executor.map(
      async (n: number) => {
        appendFileSync(ledger, `${n}\n`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        return n * 2;
      },
      Array.from({ length: count }, (_, n) => n),
    );
    expect(results).toEqual(Array.from({ length: count }, (_, n) => n * 2));
  } finally {
    clearInterval(timer);
  }
  const runs = new Array<number>(count).fill(0);
  for (const line of readFileSync(ledger, "utf8").trim().split("\n")) (runs[Number(line)] as number)++;
  return runs;
}

describe("a link that breaks again and again while tasks run", () => {
  it("between executor and root: every task runs once, and nobody above hears of it", async () => {
    const root = await node({ workers: 2 });
    const { cable, address } = await cableTo(root);
    const executor = attach(address);
    const disconnected: string[] = [];
    executor.on("disconnected", (cause) => disconnected.push(cause));
    await executor.ready();
    const runs = await ledgerOf(executor, 800, () => cable.cut());
    expect(runs.every((times) => times === 1)).toBe(true);
    expect(cable.connections).toBeGreaterThan(3);
    expect(disconnected).toEqual([]);
  });

  it("between root and child: every task runs once, and the child stays a member", async () => {
    const root = await node({ workers: 0 });
    const { cable, address } = await cableTo(root);
    await node({ workers: 2, parent: address });
    const executor = attach(root.address);
    const lost: string[] = [];
    executor.on("nodeLost", ({ name }) => lost.push(name));
    await executor.waitForNodes(2, { timeout: 20_000 });
    const runs = await ledgerOf(executor, 800, () => cable.cut());
    expect(runs.every((times) => times === 1)).toBe(true);
    expect(cable.connections).toBeGreaterThan(3);
    expect(lost).toEqual([]);
  });
});

describe("a link that does not come back", () => {
  it("is lost after its grace; what ran behind it runs again elsewhere", async () => {
    const root = await node({ workers: 0 });
    const { cable, address } = await cableTo(root);
    const child = await node({ workers: 1, parent: address });
    const executor = attach(root.address);
    await executor.waitForNodes(2, { timeout: 20_000 });
    const lost = new Promise<string>((resolve) => executor.on("nodeLost", ({ id }) => resolve(id)));
    const future = executor.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return "done";
    });
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (future.state !== "running") return;
        clearInterval(timer);
        resolve();
      }, 5);
    });
    cable.unplug();
    expect(await lost).toBe(child.id);
    await node({ workers: 1, parent: root.address });
    expect(await future).toBe("done");
    expect(future.attempts).toBe(2);
  });
});
