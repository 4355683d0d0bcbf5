// Makes a fresh clone ready with nothing but Node and npm: install what the lock file says, then build.
// Runs before every npm script, so it must cost nothing when nothing changed. Imports no dependency: there is none yet.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packages } from "./packages.mjs";
import { pinnedPnpm, pnpm, root } from "./pnpm.mjs";

const oldest = [20, 19];
const stampFile = join(root, "node_modules", ".pydist-setup");

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  console.error(
    `pydist needs Node ${oldest.join(".")} or newer, this is ${process.versions.node} (${process.execPath})`,
  );
  process.exit(1);
}

/** What an installation depends on: the lock file, every manifest, the machine, and the pnpm that did it. */
function stamp() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${pinnedPnpm()}`);
  const members = ["packages", "."].flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
      .map((entry) => join(root, folder, entry.name, "package.json")),
  );
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"].map((name) => join(root, name));
  for (const file of [...files, ...members.sort()]) if (existsSync(file)) hash.update(readFileSync(file));
  return hash.digest("hex");
}

// pnpm links a command only when its file exists, and these are written by the build that needs the installation.
// An empty file is enough: the build replaces it, and `npx pydist-node` then finds this one instead of the registry's.
function reserveCommands() {
  for (const { path, manifest } of packages) {
    for (const file of Object.values(manifest.bin ?? {})) {
      const target = join(path, String(file));
      if (existsSync(target)) continue;
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, "#!/usr/bin/env node\n");
    }
  }
}

function install() {
  const wanted = stamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return;
  console.error("pydist: installing dependencies (once) ...");
  reserveCommands();
  const status = pnpm(["install", "--frozen-lockfile", "--prod=false", "--reporter=append-only"], { quiet: true });
  if (status !== 0) {
    console.error("pydist: the dependencies could not be installed; pnpm says why above");
    process.exit(status);
  }
  writeFileSync(stampFile, wanted);
}

checkNode();
install();
if (!process.argv.includes("--no-build")) {
  const { build } = await import("./build.mjs");
  process.exitCode = build();
}
