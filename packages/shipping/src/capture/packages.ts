import { isBuiltin } from "node:module";
import { dirname, join, sep } from "node:path";
import { types } from "node:util";
import * as protocol from "@pydist/protocol";
import type { ImportRecord } from "../analysis/script-imports.js";
import { isOfNode } from "../inspect/of-node.js";
import { findPackage } from "../trees/find-package.js";
import { isAbovePydist, isOwnPackage, type PackageRef, packageOf } from "../trees/package-ref.js";
import { packageKey } from "../trees/provider.js";
import { namedPackage } from "../trees/roots.js";
import { isWorkerOfPydist } from "../worker-mark.js";
import { exportedFunction, exportedObject, knownFunction, type PackagePlace } from "./exported.js";
import type { ScriptFile } from "./view.js";

/**
 * The packages that are meant by these specifiers in a file. What a running task submits means those that it was sent with;
 * others are the node's own.
 */
export function packagesOf(specifiers: readonly (string | undefined)[], file: string | undefined): PackageRef[] {
  const names = new Set(specifiers.map((specifier) => specifier && packageOf(specifier)).filter(isName));
  const from = file ?? (isWorkerOfPydist() ? undefined : join(process.cwd(), "program.js"));
  return [...names]
    .sort()
    .map((name) => namedPackage(name) ?? (from === undefined ? undefined : packageKey(name, from)))
    .filter((ref) => ref !== undefined);
}

function isName(name: string | undefined): name is string {
  return name !== undefined && name !== "";
}

const places = new WeakMap<object, PackagePlace | "none">();

/** Where a value of a package was found before. */
export function knownPackagePlace(value: object): PackagePlace | undefined {
  const place = places.get(value) ?? knownFunction(value);
  return place === "none" ? undefined : place;
}

/** Code of a package sees this object: if the package exports it, it is the package's own there as well. */
export function notePackageObject(value: object): void {
  const place = places.has(value) ? undefined : exportedObject(value);
  if (place !== undefined) places.set(value, place);
}

/** An import of a file says where a value is from, if that is an installed package. */
export function notePackageImport(value: object, { specifier, imported, kind }: ImportRecord, file: string): void {
  // What a test runner puts in the place of a module.
  if (types.isProxy(value)) return;
  const known = places.get(value);
  if (known !== undefined && known !== "none") return;
  const name = packageOf(specifier);
  const path = imported === "*" ? [] : [imported];
  if (isBuiltin(specifier)) {
    // What a program put into the module, and synced with its exports, is the program's.
    if (typeof value === "function" && !isOfNode(value)) return;
    places.set(value, { module: { specifier, how: kind }, path, owner: undefined });
    return;
  }
  if (name === undefined || isAbovePydist(name)) return;
  if (isOwnPackage(name)) {
    // Of the whole, only what is used counts: most of it a node supplies itself.
    if (imported !== "*")
      places.set(value, ownPlace(value) ?? { module: { specifier, how: kind }, path, owner: undefined });
    return;
  }
  const found = findPackage(name, dirname(file));
  // A package that is only linked is edited where it lies: it travels as the program's own files do.
  if (found === undefined || !found.directory.includes(`${sep}node_modules${sep}`)) return;
  const owner = packageKey(name, file);
  if (owner === undefined) return;
  places.set(value, {
    module: { specifier, how: kind, package: owner.key },
    path,
    owner,
  });
}

const own = new Map<unknown, string>(Object.entries(protocol).map(([name, value]) => [value, name]));

/** Errors and values are what every node has. */
function ownPlace(value: object): PackagePlace | undefined {
  const name = own.get(value);
  if (name === undefined) return undefined;
  return { module: { specifier: "@pydist/protocol", how: "import" }, path: [name], owner: undefined };
}

/** Where a function comes from that a package exports. Nothing of the package is run for this. */
export function findPackagePlace(fn: object, file: ScriptFile | undefined): PackagePlace | undefined {
  const known = places.get(fn);
  if (known !== undefined) return known === "none" ? undefined : known;
  if (file?.path === undefined) return undefined;
  const { path, owner, script } = file;
  const found = ownPlace(fn) ?? (owner && exportedFunction(fn, path, script.isModule, owner));
  places.set(fn, found ?? "none");
  return found;
}
