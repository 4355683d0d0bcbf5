import { ClusterExecutor } from "pydist";
import { ClusterNode } from "pydist-node";
import { expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

const { secretFile } = fileHome();

it("a thousand nodes that come and go have an id each, and the root forgets them", { timeout: 120_000 }, async () => {
  const options = { port: 0, workers: 0, secretFile };
  const root = opened(await ClusterNode.start({ ...options, name: "root" }));
  const executor = new ClusterExecutor(root.address, { secretFile });
  opened({ close: () => executor.shutdown() });
  await executor.ready();
  const ids = new Set<string>();
  const visit = async (): Promise<void> => {
    const node = await ClusterNode.start({ ...options, parent: root.address });
    ids.add(node.id);
    await node.close();
  };
  for (let i = 0; i < 125; i++) await Promise.all(Array.from({ length: 8 }, visit));
  expect(ids.size).toBe(1000);
  expect((await executor.nodes()).map(({ name }) => name)).toEqual(["root"]);
  // Who was there stays in the statistics.
  const seen = (await executor.stats()).nodes.map(({ id }) => id);
  expect(seen.sort()).toEqual([...ids, root.id].sort());
});
