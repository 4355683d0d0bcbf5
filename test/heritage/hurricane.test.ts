import { ClusterExecutor } from "pydist";
import { expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { fileHome, launchNode, spawnNode } from "../support/processes.js";
import { failure } from "../support/thrown.js";

/*
 * The walk-through of hurricane's page, step by step: a program is the master; slaves are started elsewhere and find it; it waits
 * for a connection, and sends dictionaries as tasks, one after the other, which the slaves handle and answer.
 */

function master(cluster: string): ClusterExecutor {
  const executor = new ClusterExecutor({
    listen: "127.0.0.1:0",
    cluster,
    maxWorkers: 1,
    secretFile: fileHome().secretFile,
  });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

async function slave(executor: ClusterExecutor, name: string, cluster: string) {
  await executor.ready();
  return spawnNode({ name, parent: executor.address ?? "", args: ["--cluster", cluster] });
}

it("a master, slaves that join it, and tasks that are dictionaries", async () => {
  const executor = master("12222");

  // Nobody is there yet: waiting for a connection ends with the time that is given.
  expect(await failure(executor.waitForNodes(2, { timeout: 50 }))).toMatchObject({
    name: "TimeoutError",
    message: "1 of 2 nodes had joined after 50 ms.",
  });
  const connected = executor.waitForNodes(3);
  await Promise.all([slave(executor, "slave-1", "12222"), slave(executor, "slave-2", "12222")]);
  await connected;
  expect(
    (await executor.nodes())
      .map(({ name, depth }) => [name, depth])
      .slice(1)
      .sort(),
  ).toEqual([
    ["slave-1", 1],
    ["slave-2", 1],
  ]);

  // An endless stream of tasks; the program ends it when it has enough.
  function* tasks() {
    for (let id = 0; ; id++) yield { id, name: id % 2 === 0 ? "double" : "label" };
  }
  const handle = ({ id, name }: { id: number; name: string }) => ({
    task_id: id,
    result: name === "double" ? 2 * id : `number ${id}`,
  });
  const results = new Map<number, unknown>();
  const idle = async () => (await executor.stats()).nodes.filter(({ completed }) => completed === 0);
  for await (const { task_id, result } of executor.map(handle, tasks(), { ordered: false })) {
    results.set(task_id, result);
    // Enough is when each has done something.
    if (results.size % 1000 === 0 && (await idle()).length === 0) break;
  }
  for (const [id, result] of results) expect(result).toBe(id % 2 === 0 ? 2 * id : `number ${id}`);
  expect((await executor.stats()).nodes).toHaveLength(3);
});

it("clusters of other ports, which here are names, do not mix", async () => {
  const [one, other] = [master("12222"), master("13333")];
  await Promise.all([slave(one, "of-one", "12222"), slave(other, "of-other", "13333")]);
  for (const [executor, name] of [
    [one, "of-one"],
    [other, "of-other"],
  ] as const) {
    await executor.waitForNodes(2);
    await executor.map(
      (n) => n,
      Array.from({ length: 1000 }, (_, n) => n),
    );
    const { nodes } = await executor.stats();
    expect(nodes.map((node) => node.name)).not.toContain(name === "of-one" ? "of-other" : "of-one");
  }
  const stranger = launchNode({ parent: one.address ?? "", args: ["--cluster", "13333"] });
  expect(await stranger.exited).toMatchObject({ code: 4 });
  expect(stranger.stderr).toMatch(/belongs to the cluster "13333", the peer .* to the cluster "12222"\. Set cluster/);
});
