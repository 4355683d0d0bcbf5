// `npm run chaos [-- --seed 17]`: the long form of the tests in which processes die, freeze, leave and join.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./pnpm.mjs";

const { values } = parseArgs({ options: { seed: { type: "string" } } });
const seed = values.seed === undefined ? {} : { PYDIST_CHAOS_SEED: values.seed };
const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "test/chaos"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PYDIST_CHAOS: "long", ...seed },
});
process.exitCode = status ?? 1;
