import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { types } from "node:util";
import type { ModuleRef } from "../code.js";
import { liveScripts } from "../inspect/scripts.js";
import { Lru } from "../lru.js";
import { isAbovePydist, type PackageRef, packageOf } from "../trees/package-ref.js";
import { packageKey } from "../trees/provider.js";
import { isObject } from "./is-object.js";
import { builtinPlaceOf, globalPathOf } from "./known.js";

/** A value of a package, by the module that gives it and the names that lead to it from that module's namespace. */
export interface PackagePlace {
  readonly module: ModuleRef;
  readonly path: readonly string[];
  /** Undefined for pydist itself: a node has its own. */
  readonly owner: PackageRef | undefined;
}

/** A package with the files of it whose exports are known. */
export interface Owner {
  readonly ref: PackageRef;
  readonly directory: string;
  readonly files: Set<string>;
  /** Whether a file was met since all the loaded ones were looked through. */
  stale: boolean;
}

const owners = new Lru<string, Owner>(1000);

/** The installed package that a file belongs to. */
export function ownerOfFile(file: string): Owner | undefined {
  const mark = `${sep}node_modules${sep}`;
  const start = file.lastIndexOf(mark);
  if (start === -1) return undefined;
  const inside = start + mark.length;
  const name = packageOf(file.slice(inside).split(sep).join("/"));
  if (name === undefined || isAbovePydist(name)) return undefined;
  const directory = file.slice(0, inside) + name.split("/").join(sep);
  const known = owners.get(directory);
  if (known !== undefined) return known;
  const ref = packageKey(name, file);
  if (ref === undefined) return undefined;
  const owner = { ref, directory, files: new Set<string>(), stale: false };
  owners.set(directory, owner);
  return owner;
}

/** Functions that a loaded file of a package exports. */
const functions = new WeakMap<object, PackagePlace>();
/**
 * Objects that one exports, and prototypes that do not say whose they are. Apart from the functions, for an object is
 * often data, which is only the package's where the package's own code sees it.
 */
const objects = new WeakMap<object, PackagePlace>();

/** What a file of the package gave a function to. It is looked for in the file first, then in all that is loaded. */
export function exportedFunction(fn: object, file: string, isModule: boolean, owner: Owner): PackagePlace | undefined {
  noteExports(file, isModule, owner);
  const known = functions.get(fn);
  if (known !== undefined) return known;
  noteLoaded(owner);
  return functions.get(fn);
}

/** Where a function was found to be exported. */
export function knownFunction(fn: object): PackagePlace | undefined {
  return functions.get(fn);
}

/** The same of an object that code of the package sees, for which a function of it was looked for before. */
export function exportedObject(object: object): PackagePlace | undefined {
  return objects.get(object);
}

/** Runs nothing of a package: files that are loaded are only looked at. */
function noteLoaded(owner: Owner): void {
  if (!owner.stale) return;
  const isOwn = (file: string): boolean =>
    file.startsWith(owner.directory + sep) && !file.includes(`${sep}node_modules${sep}`, owner.directory.length);
  const loaded = Object.keys(createRequire(join(owner.directory, "package.json")).cache).filter(isOwn);
  for (const file of loaded) noteExports(file, false, owner);
  const folder = pathToFileURL(owner.directory).href;
  for (const { isModule, url } of liveScripts().values()) {
    // With a query it is another module than the file's own.
    if (!isModule || !url.startsWith(folder) || /[?#]/.test(url)) continue;
    const file = fileURLToPath(url);
    if (isOwn(file)) noteExports(file, true, owner);
  }
  owner.stale = false;
}

function noteExports(file: string, isModule: boolean, owner: Owner): void {
  if (owner.files.has(file)) return;
  owner.files.add(file);
  owner.stale = true;
  const loaded = createRequire(file).cache[file];
  if (loaded !== undefined) noteMembers(loaded.exports, "require", file, owner);
  else if (isModule) noteMembers(namespaceOf(file), "import", file, owner);
}

/**
 * Of an ES module that is loaded, Node gives the namespace as it is to whoever requires it. Asked for without `require`,
 * which loaders of TypeScript replace by one that loads the file a second time.
 */
function namespaceOf(file: string): unknown {
  const module = new Module(file) as Module & { _compile(text: string, file: string, format: "module"): void };
  try {
    module._compile(readFileSync(file, "utf8"), file, "module");
    return types.isModuleNamespaceObject(module.exports) ? module.exports : undefined;
  } catch {
    return undefined;
  }
}

function noteMembers(exported: unknown, how: ModuleRef["how"], file: string, { ref, directory }: Owner): void {
  if (!isObject(exported) || types.isProxy(exported)) return;
  const inside = relative(directory, file).split(sep).join("/");
  const module = { specifier: ref.name, how, package: ref.key, file: inside };
  const noteAt = (value: unknown, path: readonly string[]): void => note(value, { module, path, owner: ref });
  noteAt(exported, []);
  // Getters of compiled modules only look up a variable; others may load half a package when they are asked.
  const compiled = types.isModuleNamespaceObject(exported) || Object.hasOwn(exported, "__esModule");
  for (const key of Object.keys(exported)) {
    try {
      const descriptor = Object.getOwnPropertyDescriptor(exported, key);
      noteAt(compiled ? Reflect.get(exported, key) : descriptor?.value, [key]);
    } catch {
      // A variable of the module that has no value yet.
    }
  }
}

function note(value: unknown, place: PackagePlace): void {
  if (!isObject(value) || types.isProxy(value)) return;
  if (globalPathOf(value) !== undefined || builtinPlaceOf(value) !== undefined) return;
  const list = typeof value === "function" ? functions : objects;
  if (!list.has(value)) list.set(value, place);
  if (typeof value !== "function") return;
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, "prototype")?.value;
  // With a constructor it leads to its function by itself, or belongs to another one.
  if (!isObject(prototype) || Object.hasOwn(prototype, "constructor") || objects.has(prototype)) return;
  objects.set(prototype, { ...place, path: [...place.path, "prototype"] });
}
