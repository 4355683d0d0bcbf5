// `npm run build`: compiles every package, and removes what sources that are gone have left in dist.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packages } from "./packages.mjs";
import { root } from "./pnpm.mjs";

// tsc never deletes: without this a removed module would still be imported, tested and published.
function removeOrphans() {
  for (const { path } of packages) {
    const dist = join(path, "dist");
    if (!existsSync(dist)) continue;
    for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
      const stem = /^(.+?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file)?.[1];
      if (stem && !existsSync(join(path, "src", `${stem}.ts`))) rmSync(join(dist, file));
    }
  }
}

/** @param {string[]} projects */
export function build(projects = ["."]) {
  removeOrphans();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return spawnSync(process.execPath, [tsc, "-b", ...projects], { cwd: root, stdio: "inherit" }).status ?? 1;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = build();
