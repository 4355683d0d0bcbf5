import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { makeRoot } from "../../packages/discovery/dist/announcement.js";
import { opened } from "../support/opened.js";
import { Ether, made } from "./ether.js";
import { discoverer, namesBelow, oneTree, program, useNewBand } from "./lan.js";

const NO_WAY_IN = "A tree of this cluster does not let this node in";

/** A port that takes calls and never answers, and how many callers it had. */
async function hole(): Promise<{ address: string; callers: { now: number; most: number; all: number } }> {
  const callers = { now: 0, most: 0, all: 0 };
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    callers.all++;
    callers.most = Math.max(callers.most, ++callers.now);
    socket.resume().on("error", () => {});
    socket.once("close", () => callers.now--);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened({
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, callers };
}

describe("a node with another secret", () => {
  it("is refused once, says so once, and leaves the tree unharmed", async () => {
    const { node: root, log } = await discoverer({ name: "root" });
    const ether = await Ether.open();
    const { node: alien, log: alienLog } = await discoverer({ name: "alien", secret: "x".repeat(43) });
    await alienLog.logged(NO_WAY_IN);
    // It hears of the tree again, and of one more node in it.
    const { node: child } = await discoverer({ name: "child" });
    ether.told.length = 0;
    await ether.ask();
    await ether.heard(({ announcement }) => announcement.id === root.id);
    await oneTree([root, child]);

    expect(alienLog.count(NO_WAY_IN)).toBe(1);
    expect(alienLog.lines.find(({ message }) => message === NO_WAY_IN)).toMatchObject({
      level: "warn",
      fields: { name: "root", address: root.address, cause: expect.stringContaining("has a different secret") },
    });
    expect(log.count("Refused a peer")).toBe(1);
    expect(await namesBelow(root)).toEqual(["child", "root"]);
    expect(await namesBelow(alien)).toEqual(["alien"]);
  });

  it("that began first keeps no program out", async () => {
    await discoverer({ name: "alien", secret: "x".repeat(43) });
    await discoverer({ name: "ours" });
    const executor = program();
    await executor.ready();
    expect((await executor.nodes()).map(({ name }) => name)).toEqual(["ours"]);
  });
});

it("a port that something else has for itself is named", async () => {
  const [, port] = /:(\d+)@/.exec(process.env.PYDIST_MULTICAST ?? "") ?? [];
  const other = createSocket("udp4");
  other.bind(Number(port));
  await once(other, "listening");
  try {
    await expect(discoverer()).rejects.toThrow(
      `To discover nodes, UDP port ${port} has to be listened at, and cannot (EADDRINUSE). ` +
        "End what uses it alone, or give an address instead.",
    );
  } finally {
    other.close();
  }
});

describe("announcements that are not true", () => {
  it("do not have a root join what is below it", async () => {
    const ether = await Ether.open();
    const { node: root, log } = await discoverer({ name: "root" });
    const { node: child } = await discoverer({ name: "child" });
    await ether.announce(made(child.id, child.address));
    await log.logged("A tree that was announced cannot be joined");
    expect(log.lines.find(({ message }) => message === "A tree that was announced cannot be joined")).toMatchObject({
      level: "debug",
      fields: {
        name: child.id,
        address: child.address,
        cause: expect.stringContaining("Joining would create a cycle: root"),
      },
    });
    expect(await namesBelow(root)).toEqual(["child", "root"]);
  });

  it("make one tree of two that are told of each other at the same moment", async () => {
    // They do not hear each other, only what old announcements would tell: that the other one belongs to an earlier tree.
    const a = { ...(await discoverer({ name: "a" })), ether: await Ether.open() };
    useNewBand();
    const b = { ...(await discoverer({ name: "b" })), ether: await Ether.open() };
    await Promise.all([
      a.ether.announce(made(b.node.id, b.node.address)),
      b.ether.announce(made(a.node.id, a.node.address)),
    ]);
    const root = await oneTree([a.node, b.node]);
    expect(await namesBelow(root)).toEqual(["a", "b"]);
  });

  it("by the thousand cost a node one call at a time, and do not keep it from its tree", async () => {
    const ether = await Ether.open();
    const { address, callers } = await hole();
    const { node: first } = await discoverer({ name: "first" });
    const { node: second } = await discoverer({ name: "second", cluster: "default" });
    await oneTree([first, second]);
    for (let i = 0; i < 2000; i++) await ether.announce(made(`made-up-${i}`, address));
    const { node: third } = await discoverer({ name: "third" });
    await oneTree([first, second, third]);
    // The root, and the third before it had found the root.
    expect(callers.most).toBeLessThanOrEqual(2);
  });

  it("and make no sense are passed over", async () => {
    const ether = await Ether.open();
    const { node } = await discoverer({ name: "node" });
    await ether.send(Buffer.from("no packet at all"));
    await ether.announce(made("x", "nowhere:0"));
    await ether.announce(made("y", "127.0.0.1:1", { cluster: "line\nbreak" }));
    await ether.announce({ ...made("z", "127.0.0.1:1"), root: makeRoot("z", Number.NaN, "127.0.0.1:1") });
    expect(ether.told.filter(({ announcement }) => announcement.id !== node.id)).toEqual([]);
    expect(await namesBelow(node)).toEqual(["node"]);
  });
});
