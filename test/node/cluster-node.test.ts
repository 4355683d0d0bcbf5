import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuthenticationError, ClusterExecutor, ConnectionError, CycleError } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { freePort, freePorts } from "../support/ports.js";

let folder = "";
let secretFile = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Nodes of this process, with a port of their own; a worker thread is all that they share with real ones. */
async function node(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, ...options }));
}

function executor(address: string | string[], options: object = {}): ClusterExecutor {
  const made = new ClusterExecutor(address, { secretFile, ...options });
  opened({ close: () => made.shutdown({ cancelFutures: true }) });
  return made;
}

describe("joining", () => {
  it("a node below another below a third: the executor sees the tree", async () => {
    const root = await node({ name: "root" });
    const middle = await node({ name: "middle", parent: root.address });
    await node({ name: "leaf", parent: middle.address });
    const attached = executor(root.address);
    await attached.waitForNodes(3, { timeout: 5000 });
    const nodes = await attached.nodes();
    const byName = new Map(nodes.map((each) => [each.name, each]));
    expect(nodes.map((each) => [each.name, each.depth])).toEqual([
      ["root", 0],
      ["middle", 1],
      ["leaf", 2],
    ]);
    expect(byName.get("leaf")?.parent).toBe(byName.get("middle")?.id);
    expect(byName.get("root")).toMatchObject({ workers: 1, slots: 1, running: 0, queued: 0, state: "ready" });
  });

  it("two nodes that join each other at once: one gives way, with the cycle named", async () => {
    const [portA, portB] = (await freePorts(2)) as [number, number];
    const [a, b] = await Promise.allSettled([
      node({ name: "A", port: portA, parent: `127.0.0.1:${portB}`, connectTimeout: 5000 }),
      node({ name: "B", port: portB, parent: `127.0.0.1:${portA}`, connectTimeout: 5000 }),
    ]);
    const failures = [a, b]
      .filter((outcome) => outcome.status === "rejected")
      .map((outcome) => outcome.reason as Error);
    expect(failures.some((error) => error instanceof CycleError)).toBe(true);
    const cycle = failures.find((error) => error instanceof CycleError) as CycleError;
    expect(cycle.message).toMatch(/would create a cycle: [AB] \(.*\) > [AB] \(.*\) > [AB] \(/);
    // The other one lost the parent that it was told to have.
    for (const error of failures)
      expect([CycleError, ConnectionError].some((type) => error instanceof type)).toBe(true);
  });

  it("a node below itself is refused", async () => {
    const port = await freePort();
    const alone = node({ name: "A", port, parent: `127.0.0.1:${port}`, connectTimeout: 3000 });
    await expect(alone).rejects.toBeInstanceOf(CycleError);
  });

  it("a parent that never comes: a ConnectionError that says where it was looked for", async () => {
    const port = await freePort();
    const lonely = node({ parent: `127.0.0.1:${port}`, connectTimeout: 300 });
    await expect(lonely).rejects.toBeInstanceOf(ConnectionError);
    await expect(node({ parent: `127.0.0.1:${port}`, connectTimeout: 200 })).rejects.toThrow(
      `No node answered at 127.0.0.1:${port} within 200 ms.`,
    );
  });

  it("a node of another cluster is refused, and both names are told", async () => {
    const root = await node({ cluster: "red" });
    await expect(node({ cluster: "blue", parent: root.address })).rejects.toThrow(/"blue".*"red"/);
    const program = new ClusterExecutor(root.address, { secretFile, cluster: "blue" });
    await expect(program.nodes()).rejects.toThrow(/cluster "blue".*cluster "red"/);
    await program.shutdown();
  });

  it("a node with another secret is refused", async () => {
    const root = await node();
    const other = join(folder, "other");
    writeFileSync(other, `${"o".repeat(43)}\n`, { mode: 0o600 });
    await expect(node({ secretFile: other, parent: root.address })).rejects.toBeInstanceOf(AuthenticationError);
  });

  it("a taken port is named, with what to do", async () => {
    const root = await node();
    const port = Number(root.address.split(":").at(-1));
    await expect(node({ port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is taken by another process.`);
  });
});

describe("losing", () => {
  it("a node finds its parent again, and works for it", async () => {
    const port = await freePort();
    const first = await node({ name: "root", port, workers: 0 });
    await node({ name: "child", parent: `127.0.0.1:${port}` });
    const attached = executor(`127.0.0.1:${port}`);
    await attached.waitForNodes(2, { timeout: 5000 });
    expect(await attached.submit(() => "before")).toBe("before");
    const reconnected = new Promise((resolve) => attached.once("reconnected", resolve));
    await first.close();
    const unfinished = attached.submit(() => "across");
    await node({ name: "root", port, workers: 0 });
    await reconnected;
    expect(await unfinished).toBe("across");
  });

  it("an executor whose cluster does not come back fails what is open, with the reason", async () => {
    const root = await node();
    const attached = executor(root.address, { connectTimeout: 3000 });
    const open = attached.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
    await attached.ready();
    await root.close();
    await expect(open).rejects.toBeInstanceOf(ConnectionError);
    expect(() => attached.submit(() => 1)).toThrow(ConnectionError);
  });

  it("an executor that finds nobody fails with where it looked", async () => {
    const port = await freePort();
    const attached = executor(`127.0.0.1:${port}`, { connectTimeout: 200 });
    await expect(attached.ready()).rejects.toThrow(`No node answered at 127.0.0.1:${port} within 200 ms.`);
    expect(() => attached.map((n: number) => n, [1])).toThrow(ConnectionError);
  });

  it("shutdown does not wait for a cluster that never comes: what is open fails, maps too", async () => {
    const port = await freePort();
    const attached = executor(`127.0.0.1:${port}`, { connectTimeout: 200 });
    const open = attached.submit(() => 1);
    function* endless(): Generator<number> {
      for (let n = 0; ; n++) yield n;
    }
    const map = attached.map((n: number) => n, endless()).next();
    const outcomes = Promise.allSettled([open, map]);
    await attached.shutdown();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "PYDIST_E_CONNECTION" } });
    }
  });

  it("with several addresses the next one is taken", async () => {
    const port = await freePort();
    const root = await node();
    const attached = executor([`127.0.0.1:${port}`, root.address]);
    expect(await attached.submit(() => 5)).toBe(5);
  });
});

describe("a program that is the root itself", () => {
  it("runs tasks, and so do nodes that join it", async () => {
    const program = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 1, secretFile, name: "program" });
    opened({ close: () => program.shutdown() });
    await program.ready();
    await node({ name: "helper", parent: program.address as string });
    await program.waitForNodes(2, { timeout: 5000 });
    await program.map(
      async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return n;
      },
      Array.from({ length: 40 }, (_, i) => i),
    );
    const { nodes } = await program.stats();
    expect(nodes.map((each) => [each.name, each.completed > 0])).toEqual([
      ["program", true],
      ["helper", true],
    ]);
  });
});

describe("two executors on one node", () => {
  it("share it: neither waits for the other's queue to end", async () => {
    const root = await node();
    const [first, second] = [executor(root.address), executor(root.address)];
    await Promise.all([first.ready(), second.ready()]);
    const nap = async (n: number): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return n;
    };
    function* endless(): Generator<number> {
      for (let n = 0; ; n++) yield n;
    }
    // The first one never runs out of work; the second one's is done all the same.
    const long = first.map(nap, endless());
    await long.next();
    const short = second.map(nap, [1, 2, 3, 4, 5]);
    let over = false;
    void short.then(() => {
      over = true;
    });
    while (!over) await long.next();
    expect(await short).toEqual([1, 2, 3, 4, 5]);
    await long.return();
  });
});
