// `npm run clean-clone [-- --node 26] [-- command ...]`: what a new user sees. Clones the last commit into an empty
// folder, runs `npm start` and `npm test` there, installs the packed packages in another empty folder, cleans up.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { environmentOf, nodeBinary } from "./node-versions.mjs";
import { npmCommand, root } from "./pnpm.mjs";

const { values, positionals } = parseArgs({
  options: { node: { type: "string" }, keep: { type: "boolean", default: false } },
  allowPositionals: true,
});
const binary = values.node ? nodeBinary(values.node) : process.execPath;
const npm = npmCommand().slice(1);
const folder = mkdtempSync(join(tmpdir(), "pydist-clone-"));
const clone = join(folder, "clone");
const user = join(folder, "user");

/** @param {string} cwd @param {string} command @param {string[]} args */
function run(cwd, command, ...args) {
  console.log(`\n== ${[command, ...args].join(" ")}`);
  // The user's own settings and secret must not decide whether a fresh clone works.
  const env = { ...environmentOf(binary), HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), NODE_ENV: "" };
  const started = performance.now();
  const { status } =
    command === "npm" && npm.length > 0
      ? spawnSync(binary, [...npm, ...args], { cwd, stdio: ["ignore", "inherit", "inherit"], env })
      : spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"], env });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`== ${status === 0 ? "ok" : `FAILED (exit code ${status})`} in ${seconds} s`);
  return status === 0;
}

function packedPackages() {
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), '{ "private": true, "type": "module" }\n');
  writeFileSync(
    join(user, "main.js"),
    `import { ClusterExecutor } from "pydist";
const executor = new ClusterExecutor();
try {
  const squares = await executor.map((n) => n * n, [1, 2, 3, 4]);
  if (squares.join() !== "1,4,9,16") throw new Error(\`wrong squares: \${squares}\`);
} finally {
  await executor.shutdown();
}
`,
  );
  const tarballs = ["pydist-protocol", "pydist-scheduler", "pydist-shipping", "pydist-node", "pydist"];
  return (
    run(clone, "npm", "run", "pack") &&
    run(user, "npm", "install", ...tarballs.map((name) => join(clone, "artifacts", `${name}-0.1.0.tgz`))) &&
    run(user, binary, "main.js") &&
    run(user, binary, "node_modules/pydist-node/dist/cli/main.js", "--version")
  );
}

try {
  const commands = positionals.length > 0 ? [positionals] : [["start"], ["test"]];
  const passed =
    run(folder, "git", "clone", "--quiet", "--no-hardlinks", root, clone) &&
    commands.map((args) => run(clone, "npm", ...args)).every(Boolean) &&
    (positionals.length > 0 || packedPackages());
  console.log(`\nclean clone: ${passed ? "ok" : "FAILED"}`);
  process.exitCode = passed ? 0 : 1;
} finally {
  if (values.keep) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
