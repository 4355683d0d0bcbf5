import { cpSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { folderOf } from "./folders.js";

/** Where the package is that a package of this repository is given for that name. */
function folderAt(name: string): string {
  return realpathSync(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)));
}

/**
 * A folder with a program and its packages as npm lays them out: a copy of one in node_modules, and others beside it.
 * @returns the program's file, and the folder of the copy
 */
export function asInstalled(source: string, name: string, beside: readonly string[]) {
  const folder = folderOf({ "program.mjs": source });
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@pydist"), { recursive: true });
  const copy = join(modules, name);
  cpSync(folderAt(name), copy, { recursive: true, filter: (file) => !file.endsWith("node_modules") });
  for (const other of beside) symlinkSync(folderAt(other), join(modules, other));
  return { program: join(folder, "program.mjs"), copy };
}
