import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { types } from "node:util";
import * as protocol from "@pydist/protocol";
import type { ImportRecord } from "../analysis/script-imports.js";
import type { ModuleRef } from "../code.js";
import { findPackage } from "../trees/find-package.js";
import { isOwnPackage, type PackageRef, packageOf } from "../trees/package-ref.js";
import { packageKey } from "../trees/provider.js";
import { namedPackage } from "../trees/roots.js";
import { isWorkerOfPydist } from "../worker-mark.js";
import { isObject } from "./known.js";

/** A value of a package, by the module that gives it and the names that lead to it from that module's namespace. */
export interface PackagePlace {
  readonly module: ModuleRef;
  readonly path: readonly string[];
  /** Undefined for pydist itself: a node has its own. */
  readonly owner: PackageRef | undefined;
}

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
  const place = places.get(value);
  return place === "none" ? undefined : place;
}

/** An import of a file says where a value is from, if that is an installed package. */
export function notePackageImport(value: object, { specifier, imported, kind }: ImportRecord, file: string): void {
  // What a test runner puts in the place of a module.
  if (types.isProxy(value)) return;
  const name = packageOf(specifier);
  const path = imported === "*" ? [] : [imported];
  if (isBuiltin(specifier)) {
    places.set(value, { module: { specifier, how: kind }, path, owner: undefined });
    return;
  }
  if (name === undefined) return;
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

/** Errors and values are what every node has. */
function ownPlace(value: object): PackagePlace | undefined {
  const key = keyOf(protocol, value)?.[0];
  return key === undefined
    ? undefined
    : { module: { specifier: "@pydist/protocol", how: "import" }, path: [key], owner: undefined };
}

interface Owner {
  readonly ref: PackageRef;
  readonly directory: string;
}

/** The installed package that a file belongs to. */
function ownerOf(file: string): Owner | undefined {
  const mark = `${sep}node_modules${sep}`;
  const start = file.lastIndexOf(mark);
  if (start === -1) return undefined;
  const inside = start + mark.length;
  const name = packageOf(file.slice(inside).split(sep).join("/"));
  const ref = name === undefined ? undefined : packageKey(name, file);
  return name === undefined || ref === undefined
    ? undefined
    : { ref, directory: file.slice(0, inside) + name.split("/").join(sep) };
}

/**
 * Finds a value of a package by looking at what the file that it was written in exports, and then at what other loaded
 * files of the package do. Nothing of a package is run for this.
 */
export function findPackagePlace(value: object, file: string, isModule: boolean): PackagePlace | undefined {
  const known = places.get(value);
  if (known !== undefined) return known === "none" ? undefined : known;
  const own = ownPlace(value);
  if (own !== undefined) {
    places.set(value, own);
    return own;
  }
  const owner = ownerOf(file);
  const found = owner && (inFile(value, file, isModule, owner) ?? inLoadedFiles(value, owner));
  places.set(value, found ?? "none");
  return found;
}

function inFile(value: object, file: string, isModule: boolean, owner: Owner): PackagePlace | undefined {
  const loaded = createRequire(file).cache[file];
  if (loaded !== undefined) return placeIn(value, loaded.exports, "require", file, owner);
  if (!isModule) return undefined;
  try {
    // Of an ES module that is loaded, require gives the namespace as it is.
    const namespace: unknown = createRequire(file)(file);
    return types.isModuleNamespaceObject(namespace) ? placeIn(value, namespace, "import", file, owner) : undefined;
  } catch {
    return undefined;
  }
}

function inLoadedFiles(value: object, owner: Owner): PackagePlace | undefined {
  const { cache } = createRequire(join(owner.directory, "package.json"));
  for (const [file, module] of Object.entries(cache)) {
    if (module === undefined || !file.startsWith(owner.directory + sep)) continue;
    const place = placeIn(value, module.exports, "require", file, owner);
    if (place !== undefined) return place;
  }
  return undefined;
}

function placeIn(
  value: object,
  exported: unknown,
  how: ModuleRef["how"],
  file: string,
  { ref, directory }: Owner,
): PackagePlace | undefined {
  const path = exported === value ? [] : keyOf(exported, value);
  if (path === undefined) return undefined;
  const inside = relative(directory, file).split(sep).join("/");
  return { module: { specifier: ref.name, how, package: ref.key, file: inside }, path, owner: ref };
}

function keyOf(exported: unknown, value: object): string[] | undefined {
  if (!isObject(exported)) return undefined;
  // Getters of compiled modules only look up a variable; others may load half a package when they are asked.
  const compiled = types.isModuleNamespaceObject(exported) || Object.hasOwn(exported, "__esModule");
  for (const key of Object.keys(exported)) {
    try {
      const descriptor = Object.getOwnPropertyDescriptor(exported, key);
      const found: unknown = compiled ? Reflect.get(exported, key) : descriptor?.value;
      if (found === value) return [key];
    } catch {
      // A variable of the module that has no value yet.
    }
  }
  return undefined;
}
