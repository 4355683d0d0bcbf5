// Counts identifiers in source files, a portion of them a call, on this machine or on the cluster at PYDIST_ADDRESS.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ClusterExecutor, task } from "pydist";
import { wholeNumber } from "../options.mjs";
import { add, countFiles, countTexts, same, top } from "./count.mjs";
import { findSources, inPortions, installedPackages } from "./sources.mjs";

const { values } = parseArgs({
  options: {
    dir: { type: "string", default: installedPackages },
    top: { type: "string", default: "20" },
    send: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});
const length = wholeNumber("top", values.top);
const sources = findSources(values.dir);
const portions = inPortions(sources, 512 * 1024);
const megabytes = sources.reduce((sum, { size }) => sum + size, 0) / 1e6;

/** Read as the executor asks for more, so that not all of them lie in memory at once. */
async function* contents() {
  for (const paths of portions) yield await Promise.all(paths.map((path) => readFile(path, "utf8")));
}

const filesTask = task(new URL("./count.mjs", import.meta.url), "countFiles");
const executor = new ClusterExecutor();
try {
  const started = performance.now();
  const results = values.send ? executor.map(countTexts, contents()) : executor.map(filesTask, portions);
  const total = new Map();
  for await (const counts of results) add(total, counts);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);

  const used = (await executor.stats()).nodes.filter((node) => node.completed > 0).length;
  console.log(
    `${sources.length} files, ${megabytes.toFixed(1)} MB, in ${seconds} s on ${used} ${used === 1 ? "node" : "nodes"}`,
  );
  for (const [name, count] of top(total, length)) console.log(`${String(count).padStart(9)}  ${name}`);

  if (values.check) {
    const right = same(total, countFiles(sources.map(({ path }) => path)));
    console.log(right ? "check: the same as a serial run" : "check: NOT the same as a serial run");
    if (!right) process.exitCode = 1;
  }
} finally {
  await executor.shutdown({ cancelFutures: true });
}
