// `npm run matrix [-- 22 26]`: the whole suite on this Node and on each newer major version, and a table of the outcome.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { environmentOf, nodeBinary } from "./node-versions.mjs";
import { root } from "./pnpm.mjs";
import { readSummary } from "./test-summary.mjs";

const wanted = process.argv.slice(2).filter((arg) => /^\d+$/.test(arg));
const binaries = wanted.length > 0 ? wanted.map(nodeBinary) : [process.execPath, ...["22", "24", "26"].map(nodeBinary)];

const rows = binaries.map((binary) => {
  const version = spawnSync(binary, ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`\n== Node ${version}`);
  const results = join(root, "node_modules", ".cache", "pydist", `test-results-${version}.json`);
  const started = performance.now();
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const { status } = spawnSync(binary, args, { cwd: root, stdio: "inherit", env: environmentOf(binary) });
  const { passed, failed, skipped } = readSummary(results, {
    since: started + performance.timeOrigin,
    exitCode: status,
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  return { node: version, passed, failed, skipped, seconds, result: status === 0 && failed === 0 ? "ok" : "FAILED" };
});

console.log();
console.table(rows);
process.exitCode = rows.every(({ result }) => result === "ok") ? 0 : 1;
