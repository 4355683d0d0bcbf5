import { decodeFrame, type Frame } from "@pydist/protocol";
import { ClusterExecutor } from "pydist";
import { type ClusterNode, type ClusterNodeOptions, dial, formatAddress, resolveSecret, VERSION } from "pydist-node";
import { describe, expect, it } from "vitest";
import { whyNotHere } from "../support/loopback.js";
import { opened } from "../support/opened.js";
import { runCli, spawnNode } from "../support/processes.js";
import { node, secretFile } from "./forest.js";

const six = await whyNotHere("::1");
const second = await whyNotHere("127.0.0.2");

const portOf = ({ listening }: ClusterNode): number => Number(listening.split(":").at(-1));

/** What a peer that dials a node at this address is told of where that is: in its hello, and as the first on the way up. */
async function told(address: string): Promise<{ hello: string | undefined; above: string | undefined }> {
  const { key, source } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
  const hello = {
    version: VERSION,
    role: "node",
    id: `raw-${address}`,
    name: "raw",
    cluster: "default",
    workers: 0,
  } as const;
  const link = await dial(address, { key, secretSource: source, hello });
  const frame = await new Promise<Frame>((resolve) =>
    link.once("message", (bytes) => resolve(decodeFrame(bytes).frame)),
  );
  await link.close();
  return { hello: link.peer.address, above: frame.t === "ancestry" ? frame.chain[0]?.address : undefined };
}

/** What a program is told of the node at this address. */
async function listed(address: string): Promise<string[]> {
  const executor = new ClusterExecutor(address, { secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return (await executor.nodes()).map((each) => each.address);
}

describe("a node that listens on every interface", () => {
  it("is told to each peer by the address at which that one reaches it", async (ctx) => {
    if (second !== undefined) ctx.skip(second);
    const root = await node({ host: "0.0.0.0" });
    for (const host of ["127.0.0.1", "127.0.0.2"]) {
      const address = formatAddress({ host, port: portOf(root) });
      expect(await told(address)).toEqual({ hello: address, above: address });
      expect(await listed(address)).toEqual([address]);
    }
  });

  it("and has a parent is told above by the address with which it goes there", async () => {
    const root = await node();
    const child = await node({ host: "0.0.0.0", parent: root.address });
    expect(child.address).toBe(`127.0.0.1:${portOf(child)}`);
    expect(await listed(root.address)).toEqual([root.address, child.address]);
    // It can be dialled there, which is what a newcomer does that is sent to it.
    const grandchild = await node({ parent: child.address });
    expect(grandchild.address).not.toBe("");
  });

  it("before anybody is there has an address of the machine, and none that stands for all", async () => {
    const { address } = await node({ host: "0.0.0.0" });
    expect(address).not.toMatch(/^0\.0\.0\.0/);
    expect(await listed(address)).toEqual([address]);
  });

  it("is told by what it advertises, to everybody", async () => {
    const root = await node({ host: "0.0.0.0", advertise: "gate.example:9000" });
    const address = `127.0.0.1:${portOf(root)}`;
    expect(await told(address)).toEqual({ hello: "gate.example:9000", above: "gate.example:9000" });
    expect(await listed(address)).toEqual(["gate.example:9000"]);
  });

  it("and is a program is told in the same way", async (ctx) => {
    if (second !== undefined) ctx.skip(second);
    const executor = new ClusterExecutor({ listen: "0.0.0.0:0", maxWorkers: 0, secretFile });
    opened({ close: () => executor.shutdown({ cancelFutures: true }) });
    await executor.nodes();
    const port = executor.address?.split(":").at(-1);
    for (const host of ["127.0.0.1", "127.0.0.2"]) {
      expect(await told(`${host}:${port}`)).toEqual({ hello: `${host}:${port}`, above: `${host}:${port}` });
    }
  });
});

describe("IPv6", () => {
  const on6 = (name: string, test: () => Promise<void>): void => {
    it(name, async (ctx) => {
      if (six !== undefined) ctx.skip(six);
      await test();
    });
  };

  on6("nodes listen, join, and are shown with brackets", async () => {
    const root = await spawnNode({ name: "root", args: ["--host", "::1"] });
    expect(root.address).toMatch(/^\[::1\]:\d+$/);
    const child = await spawnNode({ name: "child", parent: root.address, args: ["--host", "[::1]"] });
    const tree = await runCli(["tree", root.address]);
    expect(tree.stdout).toMatch(/^root +\[::1\]:\d+ +ready/m);
    expect(tree.stdout).toContain(child.address);
    const status = await runCli(["status", "--json"], { env: { PYDIST_ADDRESS: child.address } });
    expect(JSON.parse(status.stdout)).toMatchObject({ name: "child", address: child.address });
  });

  const spellings: readonly [string, (port: number) => ClusterNodeOptions][] = [
    ["a parent", (port) => ({ parent: `[::1]:${port}` })],
    ["a parent among several", (port) => ({ parent: ["127.0.0.1:9", `[::1]:${port}`] })],
    ["what is advertised", (port) => ({ parent: `[::1]:${port}`, host: "::", advertise: "[::1]:9" })],
  ];
  it.for(spellings)("brackets are read in %s", async ([, options], ctx) => {
    if (six !== undefined) ctx.skip(six);
    const root = await node({ host: "::1" });
    const child = await node(options(portOf(root)));
    const expected = options(portOf(root)).advertise ?? child.address;
    expect(await listed(root.address)).toEqual([`[::1]:${portOf(root)}`, expected]);
  });

  on6("and IPv4 at the same port: each peer is told the address of its kind", async () => {
    const root = await node({ host: "::" });
    for (const host of ["127.0.0.1", "::1"]) {
      const address = formatAddress({ host, port: portOf(root) });
      expect(await told(address)).toEqual({ hello: address, above: address });
      expect(await listed(address)).toEqual([address]);
    }
  });

  on6("a child that listens on every interface is sent to by the address with which it goes up", async () => {
    const root = await node({ host: "::1", maxChildren: 1 });
    const child = await node({ host: "::", parent: root.address });
    await node({ host: "::1", parent: root.address });
    const depths = (await listedWhen(root.address, 3)).map(({ address, depth }) => [address, depth]);
    expect(depths.slice(0, 2)).toEqual([
      [root.address, 0],
      [`[::1]:${portOf(child)}`, 1],
    ]);
    expect(depths[2]?.[1]).toBe(2);
  });

  on6("a program listens and attaches by it", async () => {
    const executor = new ClusterExecutor({ listen: "[::1]:0", maxWorkers: 1, secretFile });
    opened({ close: () => executor.shutdown({ cancelFutures: true }) });
    expect(await executor.submit(() => 1)).toBe(1);
    expect(executor.address).toMatch(/^\[::1\]:\d+$/);
    expect(await listed(executor.address as string)).toEqual([executor.address]);
  });

  on6("whoever is not there is named with brackets", async () => {
    expect(await runCli(["status", "[::1]:9"])).toMatchObject({
      code: 3,
      stderr:
        "pydist-node: Nothing listens at [::1]:9. Start a node there (pydist-node spawn), or check the address.\n",
    });
  });
});

async function listedWhen(address: string, count: number) {
  const executor = new ClusterExecutor(address, { secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  await executor.waitForNodes(count);
  return executor.nodes();
}
