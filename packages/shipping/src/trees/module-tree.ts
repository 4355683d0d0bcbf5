import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { readVersion } from "../file-version.js";
import { filesNamedIn, importedFile, importsOf } from "./imports.js";
import { type LocalTree, TreeBuilder } from "./local-tree.js";
import { MOST_FILES } from "./manifest.js";
import { modulePath } from "./module-path.js";
import { packageOf } from "./package-ref.js";

/**
 * A module with what it imports and names by relative paths, and what that does, each at its own absolute path inside the
 * tree. Packages are named, not taken along.
 * @throws ShippingError (the promise rejects) if the file is not of that version any more
 */
export async function moduleTree(url: string, sha256: string): Promise<LocalTree> {
  const tree = new TreeBuilder();
  const taken = new Set<string>();
  const open = [fileURLToPath(url)];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (taken.has(file)) continue;
    taken.add(file);
    if (taken.size > MOST_FILES) {
      const remedy = "Import less of them, or put the files onto the nodes yourself, at the same paths.";
      throw new ShippingError(`${url} imports more than ${MOST_FILES} files. ${remedy}`, { path: url, remedy });
    }
    const stats = statSync(file);
    const version = await readVersion(file, stats);
    if (taken.size === 1 && version.sha256 !== sha256) {
      const remedy = "Submit the task again.";
      throw new ShippingError(`${file} was changed after the task was submitted. ${remedy}`, { path: file, remedy });
    }
    tree.addFile(modulePath(pathToFileURL(file).href), file, version);
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
      if (name !== undefined) tree.addPackage(name, dirname(file));
    }
    for (const manifest of packageJsons(file)) open.push(manifest);
  }
  return tree.build();
}

function fileAt(url: URL): string | undefined {
  if (url.protocol !== "file:" || url.host !== "") return undefined;
  const path = fileURLToPath(url);
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
}

/** The package.json that says whether a `.js` file is a module. */
function packageJsons(file: string): string[] {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = resolve(folder, "package.json");
    if (existsSync(path)) return [path];
    if (dirname(folder) === folder) return [];
  }
}
