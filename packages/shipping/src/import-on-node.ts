import Module from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShippingError } from "@pydist/protocol";
import type { FileRef, FunctionText } from "./code.js";
import { fileVersion } from "./file-version.js";
import { isRelative } from "./specifier.js";

type Import = (specifier: unknown, options?: unknown) => Promise<unknown>;

let importer: { readonly cwd: string; readonly run: Import } | undefined;

/**
 * `import()` inside a shipped function: packages are found as from a module in the node's working directory. Refuses
 * what is relative to the function's own file, unless that was known when the function was shipped.
 */
export async function importOnNode(
  specifier: unknown,
  options: unknown,
  text: FunctionText | undefined,
): Promise<unknown> {
  const name = String(specifier);
  if (!isRelative(name)) return importFrom(process.cwd(), specifier, options);
  const file = text?.files?.[name];
  if (file !== undefined) return importFrom(process.cwd(), checkedUrl(name, file), options);
  const remedy = "Import packages and node: modules by name, or submit a task() reference to a module.";
  throw new ShippingError(`A task imports "${name}", relative to a file that its node does not have. ${remedy}`, {
    path: name,
    remedy,
  });
}

/** A file is the one that was meant if its content is. */
function checkedUrl(name: string, { path, sha256 }: FileRef): string {
  const here = versionHere(path);
  if (here === sha256) return pathToFileURL(path).href;
  const remedy = "Put the same file at the same path on every node, or give the executor the folder as its codeDir.";
  const what = here === undefined ? "cannot be read" : "has other content";
  throw new ShippingError(`A task imports "${name}", which is ${path} and ${what} on its node. ${remedy}`, {
    path,
    remedy,
  });
}

/** A file that may not be read is none. */
function versionHere(path: string): string | undefined {
  try {
    return fileVersion(path);
  } catch {
    return undefined;
  }
}

/** Imports as a module in that directory would. */
export function importFrom(directory: string, specifier: unknown, options: unknown): Promise<unknown> {
  if (importer?.cwd !== directory) importer = { cwd: directory, run: importerFrom(directory) };
  return importer.run(specifier, options);
}

// Of a module in memory that lies in the directory: resolves as an import does there, not as a require, and needs
// neither an experimental option nor a file on the disk.
function importerFrom(cwd: string): Import {
  const file = join(cwd, "task.cjs");
  const module = new Module(file) as Module & { _compile(text: string, file: string): void };
  module.filename = file;
  module._compile(
    "module.exports = (specifier, options) => options === undefined ? import(specifier) : import(specifier, options);",
    file,
  );
  return module.exports as Import;
}
