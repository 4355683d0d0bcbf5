import Module from "node:module";
import { join } from "node:path";
import { ShippingError } from "@pydist/protocol";
import { Lru } from "./lru.js";
import { isRelative } from "./specifier.js";
import { type PackageRef, packageOf } from "./trees/package-ref.js";
import { rootOf } from "./trees/roots.js";

/** `import()`, with whatever attributes it is given. */
export type Import = (specifier: unknown, options?: unknown) => Promise<unknown>;

const importers = new Lru<string, Import>(100);

/**
 * `import()` inside a shipped function. Packages that its code names are those of the sender; others are found as from a
 * module in the node's working directory. Refuses what is relative to the function's own file, which a node does not have.
 * @param node how messages call this place
 */
export function importOnNode(packages: readonly PackageRef[], node: string): Import {
  return async (specifier, options) => {
    const text = String(specifier);
    if (isRelative(text)) {
      const remedy = "Import packages and node: modules by name, or submit a task() reference to a module.";
      throw new ShippingError(`A task imports "${text}", relative to a file that its node does not have. ${remedy}`, {
        path: text,
        remedy,
      });
    }
    const name = packageOf(text);
    const ref = packages.find((each) => each.name === name);
    return importFrom(ref === undefined ? process.cwd() : rootOf(ref, node))(specifier, options);
  };
}

/** `import()` as a module in that directory has it. */
export function importFrom(directory: string): Import {
  const before = importers.get(directory);
  if (before !== undefined) return before;
  const made = importerFrom(directory);
  importers.set(directory, made);
  return made;
}

// Of a module in memory that lies in the directory: resolves as an import does there, not as a require, and needs
// neither an experimental option nor a file on the disk.
function importerFrom(directory: string): Import {
  const file = join(directory, "task.cjs");
  const module = new Module(file) as Module & { _compile(text: string, file: string): void };
  module.filename = file;
  module._compile(
    "module.exports = (specifier, options) => options === undefined ? import(specifier) : import(specifier, options);",
    file,
  );
  return module.exports as Import;
}
