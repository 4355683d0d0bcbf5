// `npm run pack`: writes each publishable tarball, exactly what a user would install, to artifacts/.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packages } from "./packages.mjs";
import { pnpm, root } from "./pnpm.mjs";

/**
 * Packs every published package, built before, into a folder and returns the tarballs' paths, bottom up.
 * @param {string} destination
 */
export function packAll(destination) {
  mkdirSync(destination, { recursive: true });
  // Old versions would be published or tested along with the new ones.
  for (const file of readdirSync(destination)) if (file.endsWith(".tgz")) rmSync(join(destination, file));

  const filters = packages.map(({ name }) => `--filter=${name}`);
  // pnpm, not npm: it replaces "workspace:*" by the version, and adds the licence.
  const status = pnpm([...filters, "--recursive", "pack", "--pack-destination", destination], { quiet: true });
  const tarballs = packages.map(({ name, manifest }) =>
    join(destination, `${name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`),
  );
  const missing = tarballs.filter((path) => !existsSync(path));
  if (status !== 0 || missing.length > 0) {
    throw new Error(`pnpm pack failed (exit code ${status}); not written: ${missing.join(", ") || "none"}`);
  }
  return tarballs;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const tarball of packAll(join(root, "artifacts"))) console.log(tarball);
}
