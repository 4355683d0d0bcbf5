// What `npm start` runs: a tree of four nodes on this machine, real processes, does two jobs and shows who did what.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, constants } from "node:os";
import { dirname, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ClusterExecutor, task } from "pydist";
import { add, countFiles, same, top } from "../count-words/count.mjs";
import { findSources, inPortions, installedPackages } from "../count-words/sources.mjs";
import { renderRow, seahorses, toPng } from "../mandelbrot/mandelbrot.mjs";
import { wholeNumber } from "../options.mjs";
import { drawTree, table } from "../report.mjs";
import { LocalTree } from "./local-tree.mjs";
import { progressBar } from "./progress-bar.mjs";

const { values } = parseArgs({
  options: {
    width: { type: "string", default: "1280" },
    height: { type: "string", default: "800" },
    dir: { type: "string", default: installedPackages },
    out: { type: "string", default: fileURLToPath(new URL("../../artifacts/mandelbrot.png", import.meta.url)) },
  },
});
const view = {
  ...seahorses,
  width: wholeNumber("width", values.width),
  height: wholeNumber("height", values.height),
};

const family = [
  { name: "root" },
  { name: "child-1", parent: "root" },
  { name: "child-2", parent: "root" },
  { name: "grandchild", parent: "child-1" },
];

let interrupted = false;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, async () => {
    // The second time nobody wants to wait for an orderly end: leaving kills the nodes.
    if (!interrupted) {
      interrupted = true;
      await tree.stop();
    }
    process.exit(128 + constants.signals[signal]);
  });
}
const tree = new LocalTree();

try {
  const workers = Math.max(1, Math.floor(availableParallelism() / family.length));
  await tree.start(family, workers);
  const executor = new ClusterExecutor(tree.addresses.get("root") ?? "", { secretFile: tree.secretFile });
  try {
    await executor.waitForNodes(family.length, { timeout: 10_000 });
    await show(executor);
  } finally {
    await executor.shutdown({ cancelFutures: true });
  }
} finally {
  await tree.stop();
}

/** @param {ClusterExecutor} executor */
async function show(executor) {
  const places = drawTree(await executor.nodes());
  console.log("The tree, each node a process of its own:");
  const where = places.map(({ node, label }) => {
    return [label, node.address, `${node.workers} ${node.workers === 1 ? "worker" : "workers"}`, `pid ${node.pid}`];
  });
  console.log(table(where));

  await renderPicture(executor);
  await countIdentifiers(executor);

  const stats = new Map((await executor.stats()).nodes.map((node) => [node.id, node]));
  const busy = [...stats.values()].reduce((sum, { busyMs }) => sum + busyMs, 0);
  const lines = places.map(({ node, label }) => {
    const { completed = 0, busyMs = 0, bytesIn = 0, bytesOut = 0 } = stats.get(node.id) ?? {};
    const share = `${Math.round((100 * busyMs) / busy)} %`;
    return [label, String(completed), seconds(busyMs), share, kilobytes(bytesIn), kilobytes(bytesOut)];
  });
  console.log("\nWho did how much:");
  console.log(table([["node", "calls", "busy", "share", "received", "sent back"], ...lines]));
}

/** @param {ClusterExecutor} executor */
async function renderPicture(executor) {
  const numbers = Array.from({ length: view.height }, (_, row) => row);
  const views = numbers.map(() => view);
  const bar = progressBar("Mandelbrot ", numbers.length);
  const started = performance.now();
  const rows = await executor.map(renderRow, views, numbers, { progress: bar.progress }).finally(bar.stop);
  const parallel = performance.now() - started;

  const serial = await oneByOne(numbers, (row) => renderRow(view, row));
  const png = toPng(view, rows);
  mkdirSync(dirname(resolve(values.out)), { recursive: true });
  writeFileSync(values.out, png);
  console.log(`\nMandelbrot: ${view.height} rows of ${view.width} pixels rendered in ${seconds(parallel)}`);
  verdict(Buffer.from(png).equals(toPng(view, serial.results)), serial.ms);
  console.log(`  picture: ${values.out}`);
}

/** @param {ClusterExecutor} executor */
async function countIdentifiers(executor) {
  const sources = findSources(values.dir);
  const portions = inPortions(sources, 512 * 1024);
  const megabytes = sources.reduce((sum, { size }) => sum + size, 0) / 1e6;
  const bar = progressBar("Identifiers", portions.length);
  const started = performance.now();
  /** @type {typeof countFiles} */
  const reference = task(new URL("../count-words/count.mjs", import.meta.url), "countFiles");
  const total = new Map();
  try {
    for await (const counts of executor.map(reference, portions, { progress: bar.progress })) add(total, counts);
  } finally {
    bar.stop();
  }
  const parallel = performance.now() - started;

  const serial = await oneByOne(portions, countFiles);
  const expected = new Map();
  for (const counts of serial.results) add(expected, counts);
  const size = `${megabytes.toFixed(1)} MB in ${portions.length} portions`;
  console.log(`\nIdentifiers: ${sources.length} source files, ${size}, counted in ${seconds(parallel)}`);
  verdict(same(total, expected), serial.ms);
  const names = top(total, 8).map(([name, count]) => `${name} ${count}`);
  console.log(`  most frequent: ${names.join(", ")}`);
}

/**
 * The same work without pydist. It pauses between items, so that Ctrl-C is heard.
 * @template T, R
 * @param {T[]} items
 * @param {(item: T) => R} work
 */
async function oneByOne(items, work) {
  const started = performance.now();
  /** @type {R[]} */
  const results = [];
  for (const item of items) {
    results.push(work(item));
    await setImmediate();
  }
  return { results, ms: performance.now() - started };
}

/**
 * @param {boolean} right
 * @param {number} ms
 */
function verdict(right, ms) {
  console.log(`  ${right ? "the same" : "NOT THE SAME"} as a serial run in this process, which took ${seconds(ms)}`);
  if (!right) process.exitCode = 1;
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}
