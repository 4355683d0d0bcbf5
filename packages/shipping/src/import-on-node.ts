import Module from "node:module";
import { join } from "node:path";
import { Lru } from "./lru.js";

/** `import()`, with whatever attributes it is given. */
export type Import = (specifier: unknown, options?: unknown) => Promise<unknown>;

const importers = new Lru<string, Import>(100);

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
