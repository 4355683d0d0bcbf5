import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Outcome } from "@pydist/protocol";
import { ClusterExecutor } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { type RawPeer, rawPeer } from "./raw-peer.js";

let folder = "";
let secretFile = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function node(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, ...options }));
}

async function raw(address: string): Promise<RawPeer> {
  const peer = await rawPeer(address, secretFile, "executor");
  opened({ close: () => peer.link.close() });
  return peer;
}

async function executor(address: string, nodes = 1): Promise<ClusterExecutor> {
  const made = new ClusterExecutor(address, { secretFile });
  opened({ close: () => made.shutdown({ cancelFutures: true }) });
  await made.waitForNodes(nodes, { timeout: 5000 });
  return made;
}

const addOne = (n: number): number => n + 1;

describe("two executors that ship the same function", () => {
  it("one that does not answer for the code does not hold up the other", async () => {
    const root = await node({ workers: 0 });
    await node({ parent: root.address, workers: 2 });
    const healthy = await executor(root.address, 2);
    const silent = await raw(root.address);
    silent.sendTasks(1, addOne);
    await silent.next("needCode");
    expect(await healthy.submit(addOne, [1])).toBe(2);
    // What the one gave is the other's too: it is the same code.
    expect(await silent.outcomes(1, 1)).toEqual([0]);
  });

  it("on a node of one slot that the silent one's task waits in, too", async () => {
    const root = await node();
    const healthy = await executor(root.address);
    const silent = await raw(root.address);
    silent.sendTasks(1, addOne);
    await silent.next("needCode");
    expect(await healthy.submit(addOne, [1])).toBe(2);
  });

  it("when one of them goes, or lacks it, the other is asked", async () => {
    const root = await node();
    const peers = [await raw(root.address), await raw(root.address), await raw(root.address)] as const;
    const [goes, lacks, has] = peers;
    const { hash, text } = goes.sendTasks(1, addOne);
    await goes.next("needCode");
    for (const peer of [lacks, has]) {
      peer.sendTasks(1, addOne);
      await peer.next("needCode");
    }
    goes.link.terminate("gone");
    lacks.say({ t: "noCode", hash, why: "it forgot" });
    has.say({ t: "code", hash, text });
    for (const peer of [lacks, has]) expect(await peer.outcomes(1, 1)).toEqual([0]);
  });

  it("when nobody has it, the tasks fail with the reason, said once", async () => {
    const root = await node({ workers: 0 });
    await node({ parent: root.address });
    await executor(root.address, 2);
    const forgetful = await raw(root.address);
    const { hash } = forgetful.sendTasks(1, addOne, 3);
    await forgetful.next("needCode");
    forgetful.say({ t: "noCode", hash, why: "it forgot" });
    // Those that waited for a slot are as badly off; they make the node ask again.
    forgetful.link.on("message", () => forgetful.say({ t: "noCode", hash, why: "it forgot" }));
    for (const outcome of await forgetful.outcomes(1, 3)) expect(outcome & Outcome.Failed).not.toBe(0);
    const { payload } = await forgetful.next("results");
    expect(Buffer.from(payload).toString("latin1")).toContain(' could not be had: it forgot. Submit the task again.",');
  });
});

describe("while a node waits for code", () => {
  it("a task can be cancelled: it never runs", async () => {
    const root = await node();
    const peer = await raw(root.address);
    const { hash, text } = peer.sendTasks(1, addOne, 2);
    await peer.next("needCode");
    expect(peer.heard.filter(({ frame }) => frame.t === "started")).toEqual([]);
    peer.say({ t: "cancel", lease: 1, ranges: [0, 2] });
    // Told at once; the code may never come.
    for (const outcome of await peer.outcomes(1, 2)) expect(outcome & Outcome.Cancelled).not.toBe(0);
    peer.say({ t: "code", hash, text });
    const other = await executor(root.address);
    expect(await other.submit(addOne, [5])).toBe(6);
    expect((await root.nodes())[0]).toMatchObject({ completed: 1, failed: 0 });
  });
});
