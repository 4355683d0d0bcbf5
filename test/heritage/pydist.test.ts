import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Gate, occupy } from "../support/gate.js";
import { freePort, freePorts } from "../support/ports.js";
import { launchNode, nodeJoined, runCli, spawnNode } from "../support/processes.js";

/*
 * The walk-through of pyDist's page, step by step: `spawn.py 4 IP 9000` is the head, `spawn.py 4 IP 9001 IP 9000` a child of it,
 * and `sendTasks.py` sends to the head, after which output appears on all of them.
 */

it("a head with four cores, a child, a child of the child, and tasks that are sent to the head", async () => {
  const port = await freePort();
  const head = await spawnNode({ name: "head", workers: 4, port, args: ["--host", "127.0.0.1"] });
  expect(head.address).toBe(`127.0.0.1:${port}`);
  const child = await spawnNode({ name: "child", workers: 4, parent: head.address });
  const grandchild = await spawnNode({ name: "grandchild", workers: 4, parent: child.address });
  await nodeJoined(head, grandchild.id);

  const tree = await runCli(["tree", head.address]);
  expect(tree.stdout).toMatch(/^head .* 4 .*\n└─ child .* 4 .*\n {3}└─ grandchild .* 4 /m);

  // As many as the tree has cores, each of which waits until all have begun.
  const executor = attach(head.address);
  await executor.waitForNodes(3);
  const gate = await Gate.make();
  const futures = await occupy(executor, gate);
  gate.open();
  expect(await Promise.all(futures)).toEqual(Array.from({ length: 12 }, (_, n) => n));
  for (const { id } of [head, child, grandchild]) expect(futures.filter(({ node }) => node === id)).toHaveLength(4);
  expect(Math.max(...futures.map(({ hops }) => hops ?? 0))).toBe(2);

  // A task goes from wherever it was submitted to all below, and no further than its hops.
  const middle = attach(child.address);
  expect(await middle.submit((n: number) => n * n, [3], { hopLimit: 0 })).toBe(9);
  expect((await middle.nodes()).map(({ name }) => name)).toEqual(["child", "grandchild"]);
  expect((await middle.stats()).nodes.filter(({ completed }) => completed > 0).map(({ name }) => name)).toEqual([
    "child",
  ]);
});

it("two nodes that are each other's parent are refused, where pyDist's tasks bounced for ever", async () => {
  const [one = 0, other = 0] = await freePorts(2);
  const a = launchNode({ name: "a", port: one, parent: `127.0.0.1:${other}` });
  const b = launchNode({ name: "b", port: other, parent: `127.0.0.1:${one}` });
  const { refused } = await Promise.race([a, b].map((refused) => refused.exited.then(() => ({ refused }))));
  expect(await refused.exited).toMatchObject({ code: 1 });
  expect(refused.stderr).toContain("Joining would create a cycle");
});
