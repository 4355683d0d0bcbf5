import { createRequire } from "node:module";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ImportRecord } from "../analysis/script-imports.js";
import { fileVersion } from "../file-version.js";
import { fileOfPackage, isRelative } from "../specifier.js";
import type { Readable } from "./complaints.js";
import type { FunctionHost } from "./function-node.js";
import { builtinPlaceOf, globalPathOf } from "./known.js";
import { notePackageImport, packagesOf } from "./packages.js";
import type { ScriptFile, View } from "./view.js";

/** Notes what a text imports by itself, as far as that is written out. */
export function noteImports(
  { file }: View,
  { imports, requires }: Readable,
  host: Pick<FunctionHost, "addFile" | "addPackage">,
): void {
  const packages = packagesOf(
    [...imports, ...requires].map(({ specifier }) => (specifier && fileOfPackage(specifier)?.name) ?? specifier),
    file?.path,
  );
  for (const ref of packages) host.addPackage(ref);
  if (file === undefined) return;
  for (const [list, how] of [
    [imports, "import"],
    [requires, "require"],
  ] as const) {
    for (const { specifier } of list) {
      const path = specifier !== undefined && isRelative(specifier) ? fileMeant(specifier, how, file) : undefined;
      const version = path && fileVersion(path);
      if (path !== undefined && version !== undefined && version !== "") host.addFile(path, version);
    }
  }
}

/** The file that a relative specifier means; undefined where there is none. */
function fileMeant(specifier: string, how: "import" | "require", { url, path }: ScriptFile): string | undefined {
  try {
    if (how === "require") return path === undefined ? undefined : createRequire(path).resolve(specifier);
    return specifier.startsWith("#") ? undefined : fileURLToPath(new URL(specifier, url));
  } catch {
    return undefined;
  }
}

/** If an import gives the value of a variable, whoever meets the value later writes the import. */
export function noteImport({ file, offset }: View, name: string, value: object): ImportRecord | undefined {
  if (globalPathOf(value) !== undefined || builtinPlaceOf(value) !== undefined) return undefined;
  const record = file?.facts?.imports.get(name);
  if (record === undefined || file?.path === undefined || offset === undefined) return undefined;
  if (file.facts?.bindingAt(name, offset)?.isTop !== true) return undefined;
  if (record.interop === undefined) notePackageImport(value, record, file.path);
  return record;
}

/** The folder that a `require` resolves from. */
export function requireUrl(require: object): string {
  const { resolve } = require as NodeJS.Require;
  const [nearest = process.cwd()] = resolve.paths("pydist") ?? [];
  return pathToFileURL(nearest.replace(/[\\/]node_modules$/, sep)).href;
}
