// A program that is the root of a cluster: nodes join it, and it hands out an endless stream of tasks until it has enough.
import { parseArgs } from "node:util";
import { ClusterExecutor } from "pydist";
import { wholeNumber } from "../options.mjs";
import { shares } from "../report.mjs";

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:12222" },
    cluster: { type: "string", default: "hurricane" },
    nodes: { type: "string", default: "1" },
    count: { type: "string", default: "200" },
  },
});
const wanted = wholeNumber("nodes", values.nodes);
const count = wholeNumber("count", values.count);

/** Tasks are plain objects; there is no end to them. `map` takes them as the cluster has room. */
function* tasks() {
  const names = ["reverse", "count", "shout"];
  for (let id = 0; ; id++) yield { id, name: names[id % names.length], text: `task number ${id}` };
}

/** What a node does with a task. It travels as text: a node has nothing of this program. */
function handle({ id, name, text }) {
  const handlers = {
    reverse: () => [...text].reverse().join(""),
    count: () => text.length,
    shout: () => text.toUpperCase(),
  };
  return { id, name, result: handlers[name]() };
}

const executor = new ClusterExecutor({ listen: values.listen, cluster: values.cluster, maxWorkers: 1, name: "master" });
try {
  await executor.ready();
  const join = `npx pydist-node spawn --cluster ${values.cluster} --port 0 --parent ${executor.address}`;
  console.log(`This program is the master. For each slave, in a terminal of its own:\n  ${join}`);
  // An executor with workers of its own counts as a node.
  await executor.waitForNodes(wanted + 1);
  console.log(`${(await executor.nodes()).length - 1} joined`);

  let done = 0;
  for await (const { id, name, result } of executor.map(handle, tasks(), { ordered: false })) {
    if (done < 3) console.log(`task ${id}, ${name}: ${result}`);
    if (++done === count) break; // ends the stream, and with it what was sent ahead
  }
  console.log(`${done} tasks done:\n${shares(await executor.stats())}`);
} finally {
  await executor.shutdown({ cancelFutures: true });
}
