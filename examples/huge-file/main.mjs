// Counts the words of a huge file: each task reads a slice of it where it runs, and returns one number.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ClusterExecutor, task } from "pydist";
import { wholeNumber } from "../options.mjs";
import { shares } from "../report.mjs";
import { wordsIn } from "./count.mjs";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "1024" },
    slice: { type: "string", default: "32" },
  },
});
const size = wholeNumber("megabytes", values.megabytes) * 1e6;
const slice = wholeNumber("slice", values.slice) * 1e6;

/** A file that is nearly all holes, so that it takes no room on the disk, with words here and there, also across slices. */
function makeFile(path) {
  const file = openSync(path, "w");
  ftruncateSync(file, size);
  let words = 0;
  for (let border = slice; border < size; border += slice) {
    words += 3;
    writeSync(file, "before across\nbehind", border - 10);
  }
  closeSync(file);
  return words;
}

const folder = mkdtempSync(join(tmpdir(), "pydist-slices-"));
const executor = new ClusterExecutor();
try {
  const path = join(folder, "huge.txt");
  const expected = makeFile(path);
  /** @type {typeof wordsIn} */
  const reference = task(new URL("./count.mjs", import.meta.url), "wordsIn");
  const starts = Array.from({ length: Math.ceil(size / slice) }, (_, i) => i * slice);
  const begun = performance.now();
  const counts = await executor.map(
    reference,
    starts.map(() => path),
    starts,
    starts.map((from) => Math.min(slice, size - from)),
  );
  const total = counts.reduce((a, b) => a + b, 0);
  const seconds = (performance.now() - begun) / 1000;
  const stats = await executor.stats();
  const moved = stats.nodes.reduce((sum, { bytesIn, bytesOut }) => sum + bytesIn + bytesOut, 0);
  console.log(`${total} words in ${size / 1e6} MB, read in ${counts.length} slices in ${seconds.toFixed(1)} s`);
  console.log(`moved: ${moved} bytes\n${shares(stats)}`);
  if (total !== expected) {
    console.log(`check: NOT the ${expected} words that were written`);
    process.exitCode = 1;
  }
} finally {
  await executor.shutdown({ cancelFutures: true });
  rmSync(folder, { recursive: true });
}
