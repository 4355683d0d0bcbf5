// pnpm without pnpm on the machine: npm fetches exactly the version that package.json pins, once, into its own cache.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The exact specifier, such as `pnpm@10.34.8`; a `+sha512...` suffix is Corepack's and unknown to npm. */
export function pinnedPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const match = /^pnpm@\d+\.\d+\.\d+/.exec(packageManager ?? "");
  if (!match) throw new Error('package.json: "packageManager" must pin one pnpm version, such as "pnpm@10.34.8"');
  return match[0];
}

/**
 * npm as a command that needs no shell. On Windows `npm` is a .cmd file, which spawn refuses without one,
 * so npm's own script is run by this Node instead.
 */
export function npmCommand() {
  const fromNpm = process.env.npm_execpath;
  const candidates = [
    fromNpm?.endsWith("npm-cli.js") ? fromNpm : undefined,
    join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const script = candidates.find((path) => path !== undefined && existsSync(path));
  return script ? [process.execPath, script] : ["npm"];
}

/**
 * Runs the pinned pnpm and returns its exit code.
 * @param {string[]} args
 * @param {{ quiet?: boolean }} [options] quiet: keep the output and print it only when pnpm fails
 */
export function pnpm(args, { quiet = false } = {}) {
  const [command, ...before] = npmCommand();
  const run = spawnSync(
    command ?? "npm",
    [...before, "exec", "--yes", `--package=${pinnedPnpm()}`, "--", "pnpm", ...args],
    {
      cwd: root,
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
      encoding: "utf8",
      // CI=true: pnpm never asks a question. NODE_ENV=production would leave out the compiler.
      env: { ...process.env, CI: "true", NODE_ENV: "" },
    },
  );
  if (run.error) throw new Error(`npm could not be started (${run.error.message}); it comes with Node`);
  if (quiet && run.status !== 0) process.stderr.write(`${run.stdout}${run.stderr}`);
  return run.status ?? 1;
}
