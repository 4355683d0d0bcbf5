// Sends tasks to the head of a cluster, and shows that they spread over all nodes below it.
import { parseArgs } from "node:util";
import { ClusterExecutor } from "pydist";
import { wholeNumber } from "../options.mjs";
import { drawTree, shares, table } from "../report.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: "string", default: "200" },
    size: { type: "string", default: "200000" },
  },
});
const [address = process.env.PYDIST_ADDRESS ?? "127.0.0.1:9000"] = positionals;
const count = wholeNumber("tasks", values.tasks);
const size = wholeNumber("size", values.size);

/** The longest Collatz sequence that begins in a range. */
function longest(from, to) {
  let best = { start: from, steps: 0 };
  for (let start = from; start < to; start++) {
    let steps = 0;
    for (let n = start; n !== 1; n = n % 2 === 0 ? n / 2 : 3 * n + 1) steps++;
    if (steps > best.steps) best = { start, steps };
  }
  return best;
}

const executor = new ClusterExecutor(address);
try {
  const places = drawTree(await executor.nodes());
  console.log(table(places.map(({ node, label }) => [label, node.address, `${node.workers} workers`])));

  const width = Math.ceil(size / count);
  const starts = Array.from({ length: count }, (_, i) => 1 + i * width);
  const futures = starts.map((from) => executor.submit(longest, [from, from + width]));
  const results = await Promise.all(futures);
  const best = results.reduce((a, b) => (b.steps > a.steps ? b : a));
  const hops = Math.max(...futures.map((future) => future.hops ?? 0));
  console.log(`longest sequence from below ${count * width + 1}: ${best.start}, with ${best.steps} steps`);
  console.log(`${count} tasks, at most ${hops} links below the head:\n${shares(await executor.stats())}`);
} finally {
  await executor.shutdown({ cancelFutures: true });
}
