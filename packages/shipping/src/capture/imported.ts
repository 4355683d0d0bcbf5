import { fileURLToPath } from "node:url";
import type { ImportRecord } from "../analysis/script-imports.js";
import type { FileRef, FunctionText } from "../code.js";
import { fileVersion } from "../file-version.js";
import { isRelative } from "../specifier.js";
import type { Readable } from "./complaints.js";
import { builtinPlaceOf, globalPathOf } from "./known.js";
import { knownPackagePlace, notePackageImport } from "./packages.js";
import type { View } from "./view.js";

/** The files that a text imports by relative paths which are written out, as they are now. */
export function filesOf({ imports }: Readable, { file }: View): FunctionText["files"] {
  if (file?.url === undefined) return undefined;
  const found: Record<string, FileRef> = {};
  for (const { specifier } of imports) {
    if (specifier === undefined || !isRelative(specifier) || !URL.canParse(specifier, file.url)) continue;
    const url = new URL(specifier, file.url);
    const path = url.protocol === "file:" ? fileURLToPath(url) : undefined;
    const sha256 = path && fileVersion(path);
    if (path !== undefined && sha256 !== undefined) found[specifier] = { path, sha256 };
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** If an import gives the value of a variable, whoever meets the value later writes the import. */
export function noteImport({ file, offset }: View, name: string, value: object): ImportRecord | undefined {
  if (globalPathOf(value) !== undefined || builtinPlaceOf(value) !== undefined) return undefined;
  const record = file?.facts?.imports.get(name);
  if (record === undefined || file?.path === undefined || offset === undefined) return undefined;
  if (file.facts?.bindingAt(name, offset)?.isTop !== true) return undefined;
  if (record.interop === undefined && knownPackagePlace(value) === undefined) {
    notePackageImport(value, record, file.path);
  }
  return record;
}
