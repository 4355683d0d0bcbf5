import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeFrame, encodeFrame, type Frame } from "@pydist/protocol";
import { AuthenticationError, ClusterExecutor, ConnectionError, VersionMismatchError } from "pydist";
import {
  ClusterNode,
  type ClusterNodeOptions,
  type LinkLike,
  type Logger,
  resolveSecret,
  silent,
  VERSION,
} from "pydist-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../packages/pydist-node/dist/links/index.js";
import { Cable } from "../support/cable.js";
import { opened } from "../support/opened.js";
import { freePort, freePorts } from "../support/ports.js";
import { rawPeer } from "./raw-peer.js";

let folder = "";
let secretFile = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function node(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: await freePort(), workers: 0, secretFile, ...options }));
}

const portOf = (each: { address: string }): number => Number(each.address.split(":").at(-1));

/** Resolves when the node has so many below it, itself counted. */
async function untilNodes(address: string, count: number): Promise<string[]> {
  const executor = new ClusterExecutor(address, { secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  await executor.waitForNodes(count, { timeout: 15_000 });
  return (await executor.nodes()).map((each) => each.name).sort();
}

/** Resolves when nobody of that name is below the node any more. */
async function untilGone(above: ClusterNode, name: string): Promise<void> {
  while ((await above.nodes()).some((each) => each.name === name)) await turn();
}

/** A parent that is no node: it does with each link what it is told to. */
async function fakeParent(onLink: (link: LinkLike, nth: number) => void, at?: number, protocol = 1) {
  const { key } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
  const identity = { id: "fake", name: "fake", cluster: "default", version: VERSION, workers: 0 };
  let links = 0;
  const hello = { ...identity, role: "node" as const, protocol: { min: protocol, max: protocol } };
  const port = at ?? (await freePort());
  const listener = await listen({ port, key, hello: () => hello, onLink: (link) => onLink(link, ++links) });
  opened(listener);
  return { address: `127.0.0.1:${port}`, port, close: () => listener.close() };
}

function say(link: LinkLike, settled: boolean): void {
  const chain = [{ id: "fake", name: "fake", address: "127.0.0.1:1" }];
  link.send(encodeFrame({ t: "ancestry", chain, settled }));
}

/** Tells of what a node warns of. */
function listener(onWarn: (cause: string) => void): Logger {
  return { ...silent, warn: (fields: object) => onWarn(String((fields as { cause?: unknown }).cause)) } as Logger;
}

describe("a tree that loses its root", () => {
  // The one with the lesser id gives way, and ids are by chance.
  const rounds = [1, 2, 3];
  it.each([
    ...rounds.map((round): [string, number] => ["each other second", round]),
    ...rounds.map((round): [string, number] => ["one of them the other one first", round]),
  ])("stays whole if two nodes name %s (%i): they are below it when it is back", async (order) => {
    const root = await node({ name: "root" });
    const [first, second] = (await freePorts(2)) as [number, number];
    const failures: unknown[] = [];
    let circle: () => void = () => {};
    const wentRound = new Promise<void>((resolve) => {
      circle = resolve;
    });
    const logger = listener((cause) => cause.includes("would create a cycle") && circle());
    const common = { connectTimeout: 1000, logger };
    const b = await node({ ...common, name: "b", port: first, parent: [root.address, `127.0.0.1:${second}`] });
    const parents = [root.address, `127.0.0.1:${first}`];
    const parent = order === "each other second" ? parents : parents.reverse();
    const c = await node({ ...common, name: "c", port: second, parent });
    for (const each of [b, c]) each.on("failed", (error) => failures.push(error));
    expect(await untilNodes(root.address, 3)).toEqual(["b", "c", "root"]);
    const port = portOf(root);
    await root.close();
    await wentRound;
    const back = await node({ name: "root", port });
    expect(await untilNodes(back.address, 3)).toEqual(["b", "c", "root"]);
    expect(failures).toEqual([]);
  });

  it("joins what was above a parent that is gone for good, and keeps what is below itself", async () => {
    const root = await node({ name: "root" });
    const middle = await node({ name: "middle", parent: root.address });
    const leaf = await node({ name: "leaf", parent: middle.address });
    const below = await node({ name: "below", parent: leaf.address });
    expect(await untilNodes(root.address, 4)).toEqual(["below", "leaf", "middle", "root"]);
    await middle.close();
    expect(await untilNodes(root.address, 3)).toEqual(["below", "leaf", "root"]);
    const depths = (await root.nodes()).map(({ name, depth, parent }) => [name, depth, parent]);
    expect(depths).toEqual([
      ["root", 0, null],
      ["leaf", 1, root.id],
      ["below", 2, leaf.id],
    ]);
    expect(below.address).not.toBe("");
  });

  it("gives a parent that died the time to be started again", async () => {
    const root = await node({ name: "root" });
    const cable = new Cable();
    const middle = await node({ name: "middle", parent: root.address });
    const port = await cable.listen(portOf(middle));
    await node({ name: "leaf", parent: `127.0.0.1:${port}` });
    expect(await untilNodes(root.address, 3)).toEqual(["leaf", "middle", "root"]);
    cable.unplug();
    await untilGone(root, "leaf");
    cable.plug();
    expect(await untilNodes(root.address, 3)).toEqual(["leaf", "middle", "root"]);
    const [, , leaf] = await root.nodes();
    expect(leaf).toMatchObject({ name: "leaf", depth: 2, parent: middle.id });
  });

  it("waits without end below a parent that itself looks for its own", async () => {
    const links: LinkLike[] = [];
    const { address } = await fakeParent((link, nth) => {
      links.push(link);
      say(link, nth === 1);
      if (nth === 2) setTimeout(() => say(link, true), 4000);
    });
    const warned: string[] = [];
    const child = await node({
      parent: address,
      connectTimeout: 2000,
      logger: listener((cause) => warned.push(cause)),
    });
    links[0]?.terminate();
    while (links[1] === undefined || (await child.nodes())[0]?.parent == null) await turn();
    expect(links).toHaveLength(2);
  });
});

const turn = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 20));

describe("a parent that comes back as a stranger", () => {
  it("with another secret: the node fails and says so", async () => {
    const root = await node();
    const child = await node({ parent: root.address });
    const failed = new Promise((resolve) => child.once("failed", resolve));
    await root.close();
    const other = join(folder, "other");
    writeFileSync(other, `${"o".repeat(43)}\n`, { mode: 0o600 });
    await node({ port: portOf(root), secretFile: other });
    expect(await failed).toBeInstanceOf(AuthenticationError);
  });

  it("in a version that it cannot talk to: the same", async () => {
    const links: LinkLike[] = [];
    const root = await fakeParent((link) => {
      links.push(link);
      say(link, true);
    });
    const child = await node({ parent: root.address });
    const failed = new Promise((resolve) => child.once("failed", resolve));
    await root.close();
    await fakeParent(() => {}, root.port, 2);
    links[0]?.terminate();
    expect(await failed).toBeInstanceOf(VersionMismatchError);
  });
});

describe("a parent that turns a node out again and again", () => {
  it.each([
    ["before it has joined", (link: LinkLike) => void link.close("go away")],
    [
      "once it has joined",
      (link: LinkLike) => {
        say(link, true);
        void link.close("go away");
      },
    ],
    ["with frames that mean nothing", (link: LinkLike) => void link.send(Uint8Array.of(1, 2, 3))],
    [
      "with an ancestry that is none",
      (link: LinkLike) =>
        void link.send(encodeFrame({ t: "ancestry", chain: "me", settled: true } as unknown as Frame)),
    ],
  ])("%s is dialled less and less often", async (_when, turnOut) => {
    const at: number[] = [];
    const seen = new EventTarget();
    const { address } = await fakeParent((link, nth) => {
      at.push(performance.now());
      if (nth === 1) {
        say(link, true);
        setTimeout(() => link.terminate(), 100);
      } else turnOut(link);
      seen.dispatchEvent(new Event("link"));
    });
    await node({ parent: address });
    while (at.length < 6) await new Promise((resolve) => seen.addEventListener("link", resolve, { once: true }));
    // Pauses of at least 25, 50, 100, 200 and 400 ms.
    expect((at[5] as number) - (at[1] as number)).toBeGreaterThan(740);
  });

  it("that is the first one it tries: it says that it found none", async () => {
    let links = 0;
    const { address } = await fakeParent((link) => {
      links++;
      void link.close("go away");
    });
    await expect(node({ parent: address, connectTimeout: 500 })).rejects.toBeInstanceOf(ConnectionError);
    expect(links).toBeLessThan(8);
  });
});

describe("leaving", () => {
  it("while the link to a parent is being made leaves no link behind", async () => {
    const links: LinkLike[] = [];
    const seen = new EventTarget();
    const { address } = await fakeParent((link, nth) => {
      links.push(link);
      if (nth === 1) say(link, true);
      seen.dispatchEvent(new Event("link"));
    });
    const child = await node({ parent: address });
    const again = new Promise((resolve) => seen.addEventListener("link", resolve, { once: true }));
    links[0]?.terminate();
    // Accepted here, while there the answer to the hello is still on its way.
    await again;
    await child.close();
    await links[1]?.closed;
    expect(links).toHaveLength(2);
  });
});

describe("counting the nodes", () => {
  it("does not wait for one that has not joined", async () => {
    const root = await node({ name: "root" });
    const peer = await rawPeer(root.address, secretFile, "node");
    opened({ close: () => peer.link.close() });
    await peer.next("ancestry");
    const before = performance.now();
    expect((await root.nodes()).map((each) => each.name)).toEqual(["root"]);
    expect(performance.now() - before).toBeLessThan(2500);
  });

  it("has all that answer, however deep one is that does not", async () => {
    const root = await node({ name: "root" });
    const middle = await node({ name: "middle", parent: root.address });
    const executor = new ClusterExecutor(root.address, { secretFile });
    opened({ close: () => executor.shutdown() });
    await executor.waitForNodes(2);
    const silent = await rawPeer(middle.address, secretFile, "node");
    opened({ close: () => silent.link.close() });
    silent.say({ t: "nodeJoined", nodes: [] });
    await silent.next("ancestry");
    expect((await executor.nodes()).map((each) => each.name)).toEqual(["root", "middle"]);
  });

  it("has one at once that has", async () => {
    const root = await node({ name: "root" });
    await node({ name: "child", parent: root.address });
    expect((await root.nodes()).map((each) => each.name)).toEqual(["root", "child"]);
  });

  it("is answered with nothing by one that has no way to a root yet", async () => {
    const answers: unknown[] = [];
    let answered: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const { address } = await fakeParent((link) => {
      link.on("message", (bytes) => {
        const { frame } = decodeFrame(bytes);
        if (frame.t !== "answer") return;
        answers.push(frame.value);
        say(link, true);
        answered();
      });
      link.send(encodeFrame({ t: "ask", id: 7, what: "nodes" }));
    });
    await node({ parent: address });
    await done;
    expect(answers).toEqual([[]]);
  });
});
