import { environment } from "pydist";
import { ClusterNode } from "pydist-node";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate, occupy } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, launchNode, makeHome, runCli, spawnNode } from "../support/processes.js";
import { thrownBy } from "../support/thrown.js";

/*
 * The walk-through of Distributed Slinger's page, step by step: a master with host, port and key; workers that join with the
 * key and a number of processes; an environment, a target function and a list of arguments; statistics; and the master
 * as a worker, or not.
 */

const source = "export const f = (x) => x * 2; export const g = (x) => -x;";

it("from a master and its key to results, and who did how much", async () => {
  const { secretFile } = fileHome();
  const master = opened(
    await ClusterNode.start({ host: "127.0.0.1", port: 0, name: "master", workers: 1, secretFile }),
  );
  await Promise.all([1, 2].map((n) => spawnNode({ name: `worker-${n}`, parent: master.address, workers: 1 })));

  // Without the key nobody joins.
  const stranger = launchNode({ parent: master.address, home: makeHome() });
  expect(await stranger.exited).toMatchObject({ code: 4 });

  const executor = attach(master.address);
  await executor.waitForNodes(3);
  const workers = await executor.nodes();
  expect(
    workers.map(({ name, depth, workers }) => ({ name, depth, workers })).sort((a, b) => (a.name < b.name ? -1 : 1)),
  ).toEqual([
    { name: "master", depth: 0, workers: 1 },
    { name: "worker-1", depth: 1, workers: 1 },
    { name: "worker-2", depth: 1, workers: 1 },
  ]);

  // load_envir from source and from a file, register_target_function, load_args.
  const file = `${folderOf({ "envir.mjs": source })}/envir.mjs`;
  for (const envir of [environment({ source }), environment(file)]) {
    expect(envir.names).toEqual(["f", "g"]);
    expect(thrownBy(() => envir("h")).message).toContain('exports no function "h"; it exports f, g.');
    expect(await executor.map(envir("f"), [1, 1, 1, 21])).toEqual([2, 2, 2, 42]);
  }

  // stop_as_worker and join_as_worker, while the cluster works on.
  const calls = async () => (await executor.stats()).nodes.find(({ id }) => id === master.id)?.completed ?? 0;
  const items = Array.from({ length: 200 }, (_, n) => n);
  await executor.map((n) => n, items);
  const before = await calls();
  await master.drain();
  await executor.map((n) => n, items);
  expect(await calls()).toBe(before);
  master.resume();
  const gate = await Gate.make();
  const held = await occupy(executor, gate);
  gate.open();
  await Promise.all(held);
  expect(await calls()).toBe(before + 1);

  const { nodes, neverRan } = await executor.stats();
  expect(nodes.reduce((sum, { completed }) => sum + completed, 0)).toBe(2 * 4 + 2 * 200 + 3);
  expect(neverRan).toBe(0);
});

it("a master that was never to work only hands on, also when it is told from elsewhere", async () => {
  const root = await spawnNode({ name: "master", workers: 0 });
  const worker = await spawnNode({ name: "worker", parent: root.address });
  const executor = attach(root.address);
  await executor.waitForNodes(2);
  const nodes = new Set(
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const future = executor.submit(() => 1);
        await future;
        return future.node;
      }),
    ),
  );
  expect(nodes).toEqual(new Set([worker.id]));
  expect(await runCli(["drain", root.address, "--node", "worker"])).toMatchObject({ code: 0 });
  expect(await runCli(["resume", root.address, "--node", "worker"])).toMatchObject({ code: 0 });
  expect(await executor.submit(() => 2)).toBe(2);
});
