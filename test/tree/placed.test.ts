import { ClusterExecutor, NodeLostError } from "pydist";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Gate, hold, known } from "../support/gate.js";
import { fileHome, runCli, spawnNode, spawnTree } from "../support/processes.js";

it("a node that its supervisor starts again gets its task again, as another attempt", async () => {
  const tree = await spawnTree({ name: "root", children: [{ name: "middle", children: [{ name: "leaf" }] }] });
  const executor = attach(tree.address);
  await executor.waitForNodes(3);
  const { id } = tree.node("leaf");
  const gate = await Gate.make();
  const pid = await executor.submit(() => process.pid, [], { node: id });
  const held = executor.submit(hold, [gate.port, 1], { node: id });
  await gate.entered(1);
  await known(held);
  process.kill(pid, "SIGKILL");
  await gate.entered(2);
  gate.open();
  await held;
  expect([held.node, held.attempts, held.hops]).toEqual([id, 2, 2]);
  expect(await executor.submit(() => process.pid, [], { node: id })).not.toBe(pid);
});

it("a node that is lost for good, or told to stop, fails its tasks, and others are not held up", {
  timeout: 60_000,
}, async () => {
  const tree = await spawnTree({ name: "root", children: [{ name: "dies" }, { name: "leaves" }] });
  const executor = attach(tree.address);
  await executor.waitForNodes(3);
  const gate = await Gate.make();
  const onNode = (name: string) =>
    [1, 2, 3].map((i) => executor.submit(hold, [gate.port, i], { node: tree.node(name).id }));
  const dying = onNode("dies");
  const leaving = onNode("leaves");
  await gate.entered(2);
  expect(await executor.submit(() => "free")).toBe("free");

  const lost = Promise.allSettled(dying);
  tree.node("dies").kill("SIGKILL");
  const stopped = runCli(["stop", tree.node("leaves").address]);
  for (const future of leaving.slice(1)) {
    await expect(future).rejects.toMatchObject({ nodes: [tree.node("leaves").id], causes: ["it is about to leave"] });
  }
  gate.open();
  await leaving[0];
  await stopped;
  for (const settled of await lost) {
    const reason = (settled as PromiseRejectedResult).reason as NodeLostError;
    expect(reason).toBeInstanceOf(NodeLostError);
    expect(reason.causes.at(-1)).toBe("it is not in the tree, and has not come within 10000 ms");
  }
});

it("a drained node is left out by runOnAll, and takes part again when it is resumed", async () => {
  const tree = await spawnTree({ name: "root", children: [{ name: "rests" }] });
  const executor = attach(tree.address);
  await executor.waitForNodes(2);
  await runCli(["drain", tree.node("rests").address]);
  expect([...(await executor.runOnAll(() => 1)).keys()]).toEqual([tree.root.id]);
  await runCli(["resume", tree.node("rests").address]);
  expect([...(await executor.runOnAll(() => 1)).keys()]).toEqual([tree.root.id, tree.node("rests").id]);
});

it("a root that only routes: a program that listens and has no workers runs nothing itself", async () => {
  const { secretFile } = fileHome();
  const executor = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 0, secretFile });
  try {
    await executor.ready();
    const node = await spawnNode({ parent: executor.address ?? "" });
    await executor.waitForNodes(2);
    expect(await executor.map((n: number) => n * 2, [1, 2, 3])).toEqual([2, 4, 6]);
    expect([...(await executor.runOnAll(() => 1)).keys()]).toEqual([node.id]);
    const { nodes } = await executor.stats();
    expect(nodes.map(({ completed }) => completed)).toEqual([0, 4]);
  } finally {
    await executor.shutdown();
  }
});

it("a program that listens can end the nodes that joined it, however deep, with itself", async () => {
  const { secretFile } = fileHome();
  const executor = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 0, secretFile });
  await executor.ready();
  const child = await spawnNode({ parent: executor.address ?? "" });
  const grandchild = await spawnNode({ parent: child.address });
  await executor.waitForNodes(3);
  await executor.shutdown({ stopNodes: true });
  expect([await child.exited, await grandchild.exited]).toEqual([
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
});
