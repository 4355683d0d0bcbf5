// The packages that are published, bottom up: each may import those above it in this list, as its manifest says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./pnpm.mjs";

const folders = [
  "protocol",
  "scheduler",
  "shipping",
  "futures",
  "pydist-node",
  "pydist",
  "messaging",
  "work-server",
  "exec",
  "repl",
  "launch",
  "discovery",
];

export const packages = folders.map((folder) => {
  const path = join(root, "packages", folder);
  const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  return { folder, path, name: /** @type {string} */ (manifest.name), manifest };
});
