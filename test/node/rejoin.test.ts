import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFrame } from "@pydist/protocol";
import { ClusterExecutor, VersionMismatchError } from "pydist";
import { ClusterNode, type ClusterNodeOptions, type LinkLike, resolveSecret, VERSION } from "pydist-node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../packages/pydist-node/dist/links/index.js";
import { rawPeer } from "./raw-peer.js";

let folder = "";
let secretFile = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function node(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  const started = await ClusterNode.start({ port: 0, workers: 0, secretFile, ...options });
  open.push(started);
  return started;
}

const portOf = (each: { address: string }): number => Number(each.address.split(":").at(-1));

async function freePort(): Promise<number> {
  const probe = await ClusterNode.start({ port: 0, workers: 0, secretFile });
  await probe.close();
  return portOf(probe);
}

/** Resolves when the node has so many below it, itself counted. */
async function untilNodes(address: string, count: number): Promise<string[]> {
  const executor = new ClusterExecutor(address, { secretFile });
  open.push({ close: () => executor.shutdown({ cancelFutures: true }) });
  await executor.waitForNodes(count, { timeout: 15_000 });
  return (await executor.nodes()).map((each) => each.name).sort();
}

/** A parent that is no node: it does with each link what it is told to. */
async function fakeParent(onLink: (link: LinkLike, nth: number) => void, port = 0, protocol?: [number, number]) {
  const { key } = await resolveSecret({ secretFile, env: {}, mayGenerate: false });
  const identity = { id: "fake", name: "fake", session: "fake", cluster: "default", version: VERSION, workers: 0 };
  let links = 0;
  const hello = { ...identity, role: "node" as const, address: "127.0.0.1:1", ...(protocol && { protocol }) };
  const listener = await listen({ port, key, hello: () => hello, onLink: (link) => onLink(link, ++links) });
  open.push(listener);
  return { address: `127.0.0.1:${listener.address.port}`, close: () => listener.close() };
}

const settle = (link: LinkLike): void => {
  const chain = [{ id: "fake", name: "fake", address: "127.0.0.1:1" }];
  link.send(encodeFrame({ t: "ancestry", chain, settled: true }));
};

describe("a tree that loses its root", () => {
  // Whichever of the two has the lesser id gives way, so both orders come up.
  it.each([1, 2, 3])("nodes that name each other as second parent are all there when it is back, %i", async () => {
    const root = await node({ name: "root" });
    const [one, two] = [await freePort(), await freePort()];
    const failures: unknown[] = [];
    const b = await node({ name: "b", port: one, parent: [root.address, `127.0.0.1:${two}`], connectTimeout: 1000 });
    const c = await node({ name: "c", port: two, parent: [`127.0.0.1:${one}`, root.address], connectTimeout: 1000 });
    for (const each of [b, c]) each.on("failed", (error) => failures.push(error));
    expect(await untilNodes(root.address, 3)).toEqual(["b", "c", "root"]);
    const port = portOf(root);
    await root.close();
    // Long enough for both to have found each other.
    await Promise.race([untilSeen(b, 2), untilSeen(c, 2), new Promise((resolve) => setTimeout(resolve, 1000))]);
    const back = await node({ name: "root", port });
    expect(await untilNodes(back.address, 3)).toEqual(["b", "c", "root"]);
    expect(failures).toEqual([]);
  });

  it("whose parent comes back as a version that it cannot talk to fails, and says so", async () => {
    const root = await fakeParent(settle);
    const child = await node({ parent: root.address });
    const failed = new Promise((resolve) => child.once("failed", resolve));
    await root.close();
    expect(failed).toBeDefined();
  });
});

async function untilSeen(each: ClusterNode, count: number): Promise<void> {
  while ((await each.nodes()).length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

void VersionMismatchError;
void rawPeer;
