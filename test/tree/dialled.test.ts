import { randomBytes } from "node:crypto";
import type { ClusterExecutor } from "pydist";
import { ClusterNode, type ClusterNodeOptions, type Logger, silent } from "pydist-node";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Cable } from "../support/cable.js";
import { Gate, hold, known } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { freePort, freePorts } from "../support/ports.js";
import { descendantsOf } from "../support/process-table.js";
import { fileHome, nodeJoined, runCli, spawnNode } from "../support/processes.js";

/*
 * Parents that dial: who dials does not say who is above. Children here never dial anybody.
 */

const { secretFile } = fileHome();

/** What a node logs, and who waits for it. */
class Log {
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #add = (fields: object, message?: string): void => {
    this.#lines.push(`${message} ${JSON.stringify(fields)}`);
    for (const look of this.#waiting) look();
  };
  readonly logger: Logger = { ...silent, info: this.#add, warn: this.#add };

  /** Resolves when so many lines have all of these texts in them. */
  has(texts: readonly string[], times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#lines.filter((line) => texts.every((text) => line.includes(text))).length < times) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

async function node(options: ClusterNodeOptions): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, ...options }));
}

const waits = { awaitParent: true } as const;

/** What lies between a parent that dials, and its child. */
async function cableTo({ address }: { readonly address: string }): Promise<{ cable: Cable; address: string }> {
  const cable = new Cable();
  return { cable, address: `127.0.0.1:${await cable.listen(Number(address.split(":").at(-1)))}` };
}

async function shape(executor: ClusterExecutor): Promise<string[]> {
  const nodes = await executor.nodes();
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return nodes.map(({ name, parent, depth }) => `${depth} ${names.get(parent ?? "") ?? "-"} > ${name}`).sort();
}

describe("a parent that dials its children", () => {
  it("has them below it, and they theirs: all slots work, and nobody below ever dials", async () => {
    const leaf = await node({ name: "leaf", workers: 2, ...waits });
    const middle = await node({ name: "middle", workers: 1, ...waits, children: [leaf.address] });
    const other = await node({ name: "other", workers: 1, ...waits });
    const root = await node({ name: "root", workers: 0, children: [middle.address, other.address] });
    const executor = attach(root.address);
    await executor.waitForNodes(4);
    expect(await shape(executor)).toEqual(["0 - > root", "1 root > middle", "1 root > other", "2 middle > leaf"]);
    const gate = await Gate.make();
    const futures = Array.from({ length: 4 }, (_, i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(4);
    gate.open();
    expect(await Promise.all(futures)).toEqual([0, 1, 2, 3]);
    expect((await executor.nodes()).reduce((sum, { slots }) => sum + slots, 0)).toBe(4);
  });

  it("has one later that was not there at first, and again one that died and was started anew", async () => {
    const port = await freePort();
    const log = new Log();
    const root = await node({ name: "root", workers: 0, children: [`127.0.0.1:${port}`], logger: log.logger });
    await log.has(["No link to a child", `Nothing listens at 127.0.0.1:${port}`]);
    const mortal = { port, args: ["--await-parent", "--no-supervise"] };
    const first = await spawnNode({ name: "first", ...mortal });
    await log.has(["Node joined", first.id]);
    first.kill();
    await log.has(["Node lost", first.id]);
    const second = await spawnNode({ name: "second", ...mortal });
    await log.has(["Node joined", second.id]);
    expect(await attach(root.address).submit(() => 42)).toBe(42);
  });

  it("goes on after a cut as if nothing had been: what runs runs once", async () => {
    const log = new Log();
    const child = await node({ name: "child", ...waits });
    const { cable, address } = await cableTo(child);
    const root = await node({ name: "root", workers: 0, children: [address], logger: log.logger });
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, "once"]);
    await gate.entered(1);
    cable.cut();
    await log.has(["Link resumed; nothing is lost"]);
    gate.open();
    expect(await future).toBe("once");
    expect(gate.names).toEqual(["once"]);
    expect(future.attempts).toBe(1);
  });
});

/** A task that is held below, as the program knows by now, and when the child with that id is back. */
async function holding(executor: ClusterExecutor, child: string) {
  await executor.waitForNodes(2);
  const gate = await Gate.make();
  const future = executor.submit(hold, [gate.port, "only"]);
  await gate.entered(1);
  await known(future);
  const back = new Promise<void>((resolve) => {
    executor.on("nodeJoined", ({ id }) => id === child && resolve());
  });
  return { gate, future, back };
}

describe("a node that waits for its parent to dial", () => {
  it("works meanwhile for whoever attaches itself", async () => {
    const alone = await node({ name: "alone", ...waits });
    expect(await attach(alone.address).submit(() => "worked")).toBe("worked");
  });

  it("lets what has begun run on when its parent dies, for the next one that dials", async () => {
    const child = await spawnNode({ name: "child", args: ["--await-parent"] });
    const above = { name: "root", workers: 0, args: ["--children", child.address, "--no-supervise"] };
    const root = await spawnNode(above);
    await nodeJoined(root, child.id);
    const executor = attach(root.address);
    const { gate, future, back } = await holding(executor, child.id);
    root.kill();
    await root.exited;
    await spawnNode({ ...above, port: Number(root.address.split(":")[1]) });
    await back;
    gate.open();
    expect(await future).toBe("only");
    expect(gate.names).toEqual(["only"]);
    await child.logged((line) => line.includes("Parent lost; waiting to be dialled again"));
  });

  it("has it back when another process takes its place, which knows nothing of what runs", async () => {
    const child = await node({ name: "child", ...waits });
    const root = await spawnNode({ name: "root", workers: 0, args: ["--children", child.address] });
    const executor = attach(root.address);
    const { gate, future, back } = await holding(executor, child.id);
    const [inner = 0] = descendantsOf(root.pid);
    process.kill(inner, "SIGKILL");
    await back;
    gate.open();
    expect(await future).toBe("only");
    expect(gate.names).toEqual(["only"]);
  });

  it("has one parent: another one is refused, and takes its place once the first one leaves", async () => {
    const child = await node({ name: "child", ...waits });
    const first = await node({ name: "first", workers: 0, children: [child.address] });
    await attach(first.address).waitForNodes(2);
    const log = new Log();
    await node({ name: "second", workers: 0, children: [child.address], logger: log.logger });
    await log.has([
      "No link to a child",
      `${child.address} refused the connection: It has a parent already, first, and so cannot be a child of second. A node has one parent.`,
    ]);
    await first.stop();
    await log.has(["Node joined", child.id]);
  });

  it("ends once its parent has been gone for as long as --reconnect says", async () => {
    const child = await node({ name: "child", reconnect: 300, ...waits });
    const failed = new Promise<Error>((resolve) => child.once("failed", resolve));
    const root = await node({ name: "root", workers: 0, children: [child.address] });
    await attach(root.address).waitForNodes(2);
    await root.stop();
    expect((await failed).message).toBe(
      "The parent was lost (the node was closed), and for 300 ms nobody dialled this one to be its parent. So it ends, as " +
        "--reconnect says; what ran here runs again elsewhere. Start it again once its parent is back.",
    );
  });

  it("refuses a parent with another secret, and the parent says so", async () => {
    const child = await node({ name: "child", ...waits });
    const log = new Log();
    const secret = randomBytes(32).toString("base64url");
    const root = await ClusterNode.start({
      port: 0,
      workers: 0,
      secret,
      children: [child.address],
      logger: log.logger,
    });
    opened(root);
    await log.has(["No link to a child", `${child.address} has a different secret than this process`]);
    expect(await attach(child.address).submit(() => 1)).toBe(1);
  });

  // Of a circle, the one with the least id lets go.
  it.each([
    ["this one", { a: "1", b: "2" }],
    ["the other one", { a: "2", b: "1" }],
  ])("is no child of those below it: %s lets go, until a root dials", async (_who, ids) => {
    const ports = await freePorts(2);
    const [a = "", b = ""] = ports.map((port) => `127.0.0.1:${port}`);
    const log = new Log();
    const circle = { workers: 1, logger: log.logger, ...waits };
    await node({ name: "a", id: ids.a, port: ports[0] as number, children: [b], ...circle });
    await node({ name: "b", id: ids.b, port: ports[1] as number, children: [a], ...circle });
    await log.has(["Refused a parent", "Joining would create a cycle: "]);
    await log.has(["No link to a child", "Joining would create a cycle: "]);
    const root = await node({ name: "root", workers: 0, children: [a] });
    const executor = attach(root.address);
    await executor.waitForNodes(3);
    expect(await shape(executor)).toEqual(["0 - > root", "1 root > a", "2 a > b"]);
  });
});

describe("what is no such child", () => {
  it("is a root, and a node with a parent: both refuse, with what to do", async () => {
    const plain = await node({ name: "plain" });
    const log = new Log();
    await node({ name: "root", workers: 0, children: [plain.address], logger: log.logger });
    await log.has([
      "No link to a child",
      `${plain.address} refused the connection: It does not wait for a parent that dials it. Start it with --await-parent, ` +
        "or do not name it in --children.",
    ]);
  });

  it("is a node that is to dial its parent as well", async () => {
    expect(await runCli(["spawn", "--await-parent", "--parent", "h:1"])).toEqual({
      code: 2,
      signal: null,
      stdout: "",
      stderr:
        "pydist-node: --await-parent and --parent h:1 exclude each other: either the parent dials this node, or the node " +
        "dials its parent. Leave one of them out; each may also come from its variable or from pydist.config.json.\n",
    });
    await expect(ClusterNode.start({ awaitParent: true, parent: "h:1" })).rejects.toThrow(
      "parent and awaitParent were both given; either the node dials its parent, or it is dialled.",
    );
  });
});
