import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./pnpm.mjs";

/**
 * Runs the tests of a folder in a form that the suite has no time for, and ends as they do.
 * @param {string} folder @param {Record<string, string>} form variables that ask for it
 */
export function runTests(folder, form) {
  const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", folder], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...form },
  });
  process.exitCode = status ?? 1;
}
