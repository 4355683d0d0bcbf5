import { ClusterExecutor } from "pydist";
import { ask, startProcess } from "../nodes/processes.mjs";
import { numbers, timeRun, timeTrips, weighTasks } from "./work.mjs";

const noop = (x) => x;
const now = () => Number(process.hrtime.bigint()) / 1e6;
/** Sleeps, and says when it began. hrtime is the machine's clock, the same in all processes. */
const nap = (ms) =>
  new Promise((resolve) => {
    const began = Number(process.hrtime.bigint()) / 1e6;
    setTimeout(() => resolve(began), ms);
  });

/** Children of each node of the tree. */
const FAN_OUT = 4;

const startNodes = () => startProcess(new URL("../nodes/nodes.mjs", import.meta.url));

/** One root in another process. @param {object} options of the node */
async function startRoot(options) {
  const processes = [startNodes()];
  const { address } = await ask(processes[0], options);
  return { address, processes };
}

/** A tree, breadth first, its nodes dealt out to a few processes. */
async function startTree({ nodes, processes: count, slots }) {
  const processes = numbers(count).map(() => startNodes());
  const addresses = [];
  for (let i = 0; i < nodes; i++) {
    const parent = i === 0 ? undefined : addresses[Math.floor((i - 1) / FAN_OUT)];
    const options = { workers: 1, tasksPerWorker: slots, ...(parent === undefined ? {} : { parent }) };
    addresses.push((await ask(processes[i % count], options)).address);
  }
  return { address: addresses[0], processes };
}

async function makeExecutor({ threads, root, tree }) {
  if (tree !== undefined) {
    const { address, processes } = await startTree(tree);
    const executor = new ClusterExecutor(address);
    await executor.waitForNodes(tree.nodes, { timeout: 30_000 });
    return { executor, address, processes };
  }
  if (root === undefined) return { executor: new ClusterExecutor({ maxWorkers: threads }), processes: [] };
  const { address, processes } = await startRoot({ workers: threads, ...root });
  const executor = new ClusterExecutor(address);
  await executor.ready();
  return { executor, address, processes };
}

/** This project: embedded by default, or through a root in another process, or on a tree. */
export async function open(options) {
  const { executor, address, processes } = await makeExecutor(options);
  return {
    map: ({ calls }) => {
      const inputs = numbers(calls);
      return timeRun(calls, () => executor.map(noop, inputs));
    },
    submit: ({ calls }) => timeRun(calls, () => Promise.all(numbers(calls).map((x) => executor.submit(noop, [x])))),
    latency: ({ trips }) => timeTrips(trips, (i) => executor.submit(noop, [i])),
    memory: ({ tasks }) => weighTasks(tasks, (i) => executor.submit(noop, [i])),

    sleeps: async ({ count, ms, slots }) => {
      const before = now();
      const began = await executor.map(nap, new Array(count).fill(ms));
      const took = now() - before;
      began.sort((a, b) => a - b);
      return { ms: took, busyAfter: began[Math.min(slots, count) - 1] - before };
    },

    echo: async ({ values }) => {
      const sent = Float64Array.from({ length: values }, (_, i) => i + 0.5);
      const before = performance.now();
      const received = await executor.submit(noop, [sent]);
      const ms = performance.now() - before;
      if (received.length !== values || received.at(-1) !== values - 0.5) throw new Error("the echo is wrong");
      return { ms };
    },

    /** A task waits in a cluster without a slot; a node comes and runs it. */
    first: async ({ threads }) => {
      const child = startProcess(new URL("../nodes/late.mjs", import.meta.url));
      try {
        const began = executor.submit(now);
        const { up } = await ask(child, { parent: address, workers: threads });
        return { ms: (await began) - up };
      } finally {
        child.disconnect();
      }
    },

    close: async () => {
      await executor.shutdown();
      for (const each of processes) each.disconnect();
    },
  };
}
