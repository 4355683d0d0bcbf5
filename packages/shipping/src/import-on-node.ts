import Module from "node:module";
import { join } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { isRelative } from "./specifier.js";

type Import = (specifier: unknown, options?: unknown) => Promise<unknown>;

let importer: { readonly cwd: string; readonly run: Import } | undefined;

/**
 * `import()` inside a shipped function: packages are found as from a module in the node's working directory. Refuses
 * what is relative to the function's own file, which a node does not have.
 */
export async function importOnNode(specifier: unknown, options?: unknown): Promise<unknown> {
  if (isRelative(String(specifier))) {
    const remedy = "Import packages and node: modules by name, or submit a task() reference to a module.";
    throw new ShippingError(
      `A task imports "${specifier}", relative to a file that its node does not have. ${remedy}`,
      {
        path: String(specifier),
        remedy,
      },
    );
  }
  const cwd = process.cwd();
  if (importer?.cwd !== cwd) importer = { cwd, run: importerFrom(cwd) };
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
