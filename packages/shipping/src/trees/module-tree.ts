import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { renewed } from "../file-version.js";
import { findPackage } from "./find-package.js";
import { filesNamedIn, importsOf } from "./imports.js";
import { MOST_FILES, makeManifest } from "./manifest.js";
import { modulePath } from "./module-path.js";
import { isOwnPackage, ownPackage, type PackageRef, packageOf } from "./package-ref.js";
import type { LocalTree, PackageSource, Place } from "./scan-directory.js";

/**
 * A module with what it imports and names by relative paths, and what that does, each at its own absolute path inside the
 * tree. Packages are named, not taken along.
 * @throws ShippingError if the file is not of that version any more
 */
export function moduleTree(url: string, sha256: string): LocalTree {
  const files: { path: string; sha256: string; size: number }[] = [];
  const places = new Map<string, Place>();
  const packages = new Map<string, PackageRef>();
  const sources: PackageSource[] = [];
  const taken = new Set<string>();
  const open = [fileURLToPath(url)];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (taken.has(file)) continue;
    taken.add(file);
    if (taken.size > MOST_FILES)
      throw new ShippingError(`${url} imports more than ${MOST_FILES} files.`, { path: url });
    const stats = statSync(file);
    const version = renewed(undefined, file, stats);
    if (taken.size === 1 && version.sha256 !== sha256) {
      const remedy = "Submit the task again.";
      throw new ShippingError(`${file} was changed after the task was submitted. ${remedy}`, { path: file, remedy });
    }
    files.push({ path: modulePath(pathToFileURL(file).href), sha256: version.sha256, size: stats.size });
    places.set(version.sha256, { ...version, file });
    if (!/\.[cm]?[jt]sx?$/.test(file)) continue;
    const text = readFileSync(file, "utf8");
    for (const name of filesNamedIn(text)) {
      const named = fileAt(new URL(name, pathToFileURL(file)));
      if (named !== undefined) open.push(named);
    }
    for (const specifier of importsOf(text)) {
      if (/^\.\.?(?:\/|$)/.test(specifier)) {
        const imported = importedFile(file, specifier);
        if (imported !== undefined) open.push(imported);
        continue;
      }
      const name = packageOf(specifier);
      if (name === undefined || packages.has(name)) continue;
      if (isOwnPackage(name)) {
        packages.set(name, ownPackage(name));
        continue;
      }
      const found = findPackage(name, dirname(file));
      if (found === undefined) continue;
      packages.set(name, found);
      sources.push({ key: found.key, from: dirname(file) });
    }
    for (const manifest of packageJsons(file)) open.push(manifest);
  }
  return { ...makeManifest({ files, links: [], packages: [...packages.values()] }), places, sources };
}

function fileAt(url: URL): string | undefined {
  if (url.protocol !== "file:" || url.host !== "") return undefined;
  const path = fileURLToPath(url);
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
}

/** As an import or a require would find it; TypeScript's `./x.js` may be `./x.ts`. */
function importedFile(importer: string, specifier: string): string | undefined {
  const exact = resolve(dirname(importer), specifier.replace(/[?#].*$/, ""));
  const bare = exact.slice(0, exact.length - extname(exact).length);
  const candidates = [exact, `${exact}.js`, `${exact}.cjs`, `${exact}.json`, `${exact}/index.js`, `${bare}.ts`];
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** The package.json that says whether a `.js` file is a module. */
function packageJsons(file: string): string[] {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = resolve(folder, "package.json");
    if (existsSync(path)) return [path];
    if (dirname(folder) === folder) return [];
  }
}
