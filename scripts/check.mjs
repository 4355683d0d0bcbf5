// `npm run check`: all static checking. Every step runs even if one fails, so that one run tells everything.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportAll } from "./api-report.mjs";
import { build } from "./build.mjs";
import { layerProblems } from "./check-layers.mjs";
import { repositoryProblems } from "./check-repository.mjs";
import { packAll } from "./pack.mjs";
import { root } from "./pnpm.mjs";

/** @param {string} path @param {string[]} args */
function tool(path, ...args) {
  const run = spawnSync(process.execPath, [join(root, "node_modules", path), ...args], { cwd: root, stdio: "inherit" });
  return run.status === 0;
}

/**
 * For tools that praise at length: their output is shown only if they complain.
 * @param {string} path @param {string[]} args
 */
function quietTool(path, ...args) {
  const run = spawnSync(process.execPath, [join(root, "node_modules", path), ...args], { cwd: root, encoding: "utf8" });
  if (run.status !== 0) console.error(`${run.stdout}${run.stderr}`);
  return run.status === 0;
}

/** @param {string[]} problems */
function none(problems) {
  for (const problem of problems) console.error(problem);
  return problems.length === 0;
}

// The tarballs are judged, not the folders: what counts is what a user gets.
function publishable() {
  const folder = mkdtempSync(join(tmpdir(), "pydist-pack-"));
  try {
    return packAll(folder)
      .map((tarball) => {
        const publint = quietTool("publint/src/cli.js", "run", tarball, "--strict");
        const attw = quietTool("@arethetypeswrong/cli/dist/index.js", tarball, "--profile=esm-only", "--format=ascii");
        return publint && attw;
      })
      .every(Boolean);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @type {[name: string, run: () => boolean][]} */
const steps = [
  ["biome: lint, format, imports", () => tool("@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".")],
  ["tsc: packages, tests, examples, bench, scripts", () => build([".", "test", "examples", "bench", "scripts"]) === 0],
  ["layers: imports run downwards, pure rooms stay pure", () => none(layerProblems())],
  ["repository: lock file, paths, file lengths", () => none(repositoryProblems())],
  ["knip: unused files, exports, dependencies", () => tool("knip/bin/knip.js", "--no-progress")],
  ["api: what the packages export is what their reports say", () => reportAll("compare")],
  ["publint, are-the-types-wrong: the tarballs", publishable],
];

const failed = steps.filter(([name, run]) => {
  console.log(`\n== ${name}`);
  const started = performance.now();
  const passed = run();
  console.log(`== ${passed ? "ok" : "FAILED"} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return !passed;
});

console.log(`\ncheck: ${steps.length - failed.length} of ${steps.length} steps passed`);
for (const [name] of failed) console.error(`check failed: ${name}`);
process.exitCode = failed.length > 0 ? 1 : 0;
