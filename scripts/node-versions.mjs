// Other versions of Node for this machine, fetched from npm as packages that hold nothing but the binary.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npmCommand, root } from "./pnpm.mjs";

/**
 * The path of a Node binary of the newest release of a major version.
 * @param {string} major such as "26"
 */
export function nodeBinary(major) {
  const system = process.platform === "win32" ? "win" : process.platform;
  // Not the package `node`: that one fetches this one in an install script, which npm may be told not to run.
  const name = `node-${system}-${process.arch}`;
  const folder = join(root, "node_modules", ".cache", "pydist", `node-${major}`);
  const binary = join(folder, "node_modules", name, "bin", system === "win" ? "node.exe" : "node");
  if (existsSync(binary)) return binary;

  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const [command, ...before] = npmCommand();
  const args = [...before, "install", "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${major}`];
  const run = spawnSync(command ?? "npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  if (run.status !== 0 || !existsSync(binary))
    throw new Error(`npm could not install Node ${major} (${name}@${major})`);
  return binary;
}

/**
 * The environment in which `node`, `npm` and everything they start are the given binary.
 * @param {string} binary
 */
export function environmentOf(binary) {
  const separator = process.platform === "win32" ? ";" : ":";
  const { npm_execpath: _npm, npm_node_execpath: _node, ...rest } = process.env;
  return { ...rest, PATH: `${join(binary, "..")}${separator}${process.env.PATH ?? ""}` };
}
