import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./pnpm.mjs";

/**
 * Runs the tests of some folders or files in a form that the suite has no time for, and ends as they do.
 * @param {string[]} paths @param {Record<string, string>} form variables that ask for it
 */
export function runTests(paths, form) {
  const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...paths], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...form },
  });
  process.exitCode = status ?? 1;
}
