import { spmd } from "@pydist/messaging";
import { ClusterExecutor } from "pydist";
import { ask, startProcess } from "../nodes/processes.mjs";

/** Medians, and times, are taken where the messages are: a rank's own clock, without what starting ranks takes. */
const pingPong = async (comm, trips) => {
  const other = 1 - comm.rank;
  const took = [];
  for (let i = 0; i < trips; i++) {
    const before = performance.now();
    if (comm.rank === 0) await comm.send(other, i);
    const heard = await comm.recv({ from: other });
    if (heard !== i) throw new Error("the wrong message came");
    if (comm.rank === 1) await comm.send(other, i);
    took.push(performance.now() - before);
  }
  return took.sort((a, b) => a - b)[trips >> 1] * 1000;
};

/** So many messages of 1 MiB one way, and a word back when all are there. */
const stream = async (comm, mebibytes) => {
  const before = performance.now();
  if (comm.rank === 0) {
    const mebibyte = new Uint8Array(2 ** 20);
    for (let i = 0; i < mebibytes; i++) await comm.send(1, mebibyte);
    await comm.recv({ from: 1 });
  } else {
    for (let i = 0; i < mebibytes; i++) await comm.recv({ from: 0 });
    await comm.send(0, "all");
  }
  return performance.now() - before;
};

async function makeExecutor(nodes) {
  if (nodes === 1) return { executor: new ClusterExecutor({ maxWorkers: 2 }), processes: [] };
  const processes = Array.from({ length: nodes }, () => startProcess(new URL("../nodes/nodes.mjs", import.meta.url)));
  const { address } = await ask(processes[0], { workers: 1 });
  for (const child of processes.slice(1)) await ask(child, { workers: 1, parent: address });
  const executor = new ClusterExecutor(address);
  await executor.waitForNodes(nodes, { timeout: 30_000 });
  return { executor, processes };
}

/** Two ranks of this project: threads of one node, or on two nodes that are processes of their own. */
export async function open({ nodes }) {
  const { executor, processes } = await makeExecutor(nodes);
  const first = async (fn, arg) => (await spmd(executor, fn, { ranks: 2, args: [arg] }))[0];
  return {
    pingPong: async ({ trips }) => ({ us: await first(pingPong, trips) }),
    stream: async ({ mebibytes }) => ({ ms: await first(stream, mebibytes) }),
    close: async () => {
      await executor.shutdown();
      for (const each of processes) each.disconnect();
    },
  };
}
