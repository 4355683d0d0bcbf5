// `npm run bench`: this project and its peers on the same work, in one run, as ratios. See docs/benchmarks.md.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readOptions, USAGE } from "./harness/options.mjs";
import { measure } from "./harness/rounds.mjs";
import { table } from "./harness/table.mjs";
import { rowsFor } from "./rows/index.mjs";

/** The peers' processes find no cluster, no settings and no secret of the user's. */
function cleanEnvironment() {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:PYDIST_|NODE_OPTIONS$|PISCINA_)/.test(name));
  return { ...Object.fromEntries(inherited), PYDIST_SECRET: randomBytes(32).toString("base64url") };
}

/** @param {string} text one line that the next one overwrites; nothing where nobody watches */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function machine(threads) {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    threads,
  };
}

function options() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

const { size, sizes, threads, only, json, list, help } = options();
const rows = rowsFor(sizes, threads);
const unknown = only?.filter((id) => !rows.some((row) => row.id === id)) ?? [];
if (unknown.length > 0) {
  console.error(`There is no row ${unknown.join(", ")}; there are ${rows.map((row) => row.id).join(", ")}.`);
  process.exit(2);
}
const chosen = only === undefined ? rows : rows.filter((row) => only.includes(row.id));

if (help) {
  console.log(USAGE);
} else if (list) {
  for (const row of chosen) {
    console.log(`${row.id}  ${row.title}\n     ${row.entries.map((entry) => entry.key).join(", ")}`);
  }
} else {
  const where = machine(threads);
  console.log(`Node ${where.node}, ${where.platform}, ${where.cores} cores; ${threads} threads for each; ${size} run.`);
  console.log("Ratios are medians over paired rounds; judge by them, not by what this machine did in a second.\n");
  const env = cleanEnvironment();
  const results = [];
  for (const row of chosen) results.push(await measure(row, { env, progress, ...sizes }));
  progress("");
  console.log(table(results, { judged: size !== "tiny" }));
  const file = json === undefined ? fileURLToPath(new URL("results/latest.json", import.meta.url)) : resolve(json);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ machine: where, size, rows: results }, null, 2)}\n`);
  console.log(`\nAll figures of all rounds: ${file}`);
}
