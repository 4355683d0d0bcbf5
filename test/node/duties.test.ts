import { ShutdownError } from "@pydist/protocol";
import { ClusterExecutor } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

const { secretFile } = fileHome();

async function start(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 1, secretFile, name: "n", ...options }));
}

/** An executor with one task that runs on the node, and one that waits. */
async function atWork({ address }: ClusterNode) {
  const executor = new ClusterExecutor(address, { secretFile, connectTimeout: 5000 });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  const gate = await Gate.make();
  const futures = [1, 2].map((n) => executor.submit(hold, [gate.port, n]));
  await gate.entered(1);
  return { futures, gate };
}

describe("a ClusterNode", () => {
  it("drain resolves when what runs is over; resume gives it work again", async () => {
    const node = await start();
    const { futures, gate } = await atWork(node);
    const drained = node.drain();
    expect(await node.nodes()).toMatchObject([{ state: "draining", running: 1, queued: 0 }]);
    gate.pass();
    await drained;
    expect(await node.nodes()).toMatchObject([{ state: "drained", running: 0, completed: 1 }]);
    node.resume();
    gate.open();
    expect(await Promise.all(futures)).toEqual([1, 2]);
    expect(await node.nodes()).toMatchObject([{ state: "ready", completed: 2 }]);
  });

  it("drain resolves, too, when the node is resumed, stopped or closed meanwhile", async () => {
    const node = await start({ drainGrace: 0 });
    await atWork(node);
    const first = node.drain();
    node.resume();
    await first;
    const second = node.drain();
    await node.stop();
    await second;
    const other = await start();
    await atWork(other);
    const third = other.drain();
    await other.close();
    await third;
  });

  it("stop waits for what runs, then tells that it has left; meanwhile nothing else can be asked of it", async () => {
    const node = await start();
    const { futures, gate } = await atWork(node);
    const stopped = new Promise<void>((resolve) => node.once("stopped", resolve));
    const left = node.stop();
    expect(node.stop()).toBe(left);
    expect(await node.nodes()).toMatchObject([{ state: "leaving", running: 1, queued: 0 }]);
    const why = "Node n cannot be drained: it is leaving the tree. Start it again once it has left.";
    await expect(node.drain()).rejects.toThrow(new ShutdownError(why));
    expect(() => node.resume()).toThrow("Node n cannot be resumed: it is leaving the tree.");
    gate.pass();
    expect(await futures[0]).toBe(1);
    await Promise.all([left, stopped]);
  });
});
