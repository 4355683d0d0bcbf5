// `npm run flow`: the long form of the tests of what memory a flood of tasks and results takes.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./pnpm.mjs";

const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "test/flow"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PYDIST_FLOW: "long" },
});
process.exitCode = status ?? 1;
