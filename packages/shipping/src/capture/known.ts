import { types } from "node:util";
import type { FreeName } from "../analysis/free.js";
import { isStandardGlobal } from "../analysis/globals.js";
import { isOfNode } from "../inspect/of-node.js";
import { isObject } from "./is-object.js";
import { isNamespace } from "./namespaces.js";
import { isReplaced, madeLate, namespaces, originalKeys, originalOf, untouched } from "./originals.js";

let globals: Map<unknown, string> | undefined;
/** Of the globals that Node makes late, those that are not listed yet. */
let unlistedGlobals = madeLate;

/** The path from `globalThis` of a function, prototype or namespace of the platform. */
export function globalPathOf(value: unknown): string | undefined {
  globals ??= listGlobals();
  return globals.get(value);
}

/** Takes up globals that were made since: whatever is captured now may be one of them. */
export function noteNewGlobals(): void {
  if (unlistedGlobals.size === 0 || !loadedModules().includes("NativeModule internal/deps/undici/undici")) return;
  unlistedGlobals = new Set();
  if (globals !== undefined) listNames([...madeLate], globals);
}

/** What Node has loaded of itself. */
function loadedModules(): readonly string[] {
  return (process as unknown as { moduleLoadList?: readonly string[] }).moduleLoadList ?? [];
}

function listGlobals(): Map<unknown, string> {
  const paths = new Map<unknown, string>();
  listNames(Object.getOwnPropertyNames(globalThis).filter(isLookedAt), paths);
  for (const name of ["nextTick", "hrtime", "cwd", "memoryUsage", "uptime", "cpuUsage"]) {
    const value = valueAt(process, name);
    if (!paths.has(value)) paths.set(value, `process.${name}`);
  }
  return paths;
}

function isLookedAt(name: string): boolean {
  return isStandardGlobal(name) && !untouched.has(name) && !unlistedGlobals.has(name);
}

function listNames(names: readonly string[], paths: Map<unknown, string>): void {
  const add = (value: unknown, path: string): void => {
    if (isObject(value) && !paths.has(value)) paths.set(value, path);
  };
  for (const name of names) add(valueAt(globalThis, name), name);
  for (const name of names) {
    const value = valueAt(globalThis, name);
    if (typeof value === "function") {
      addMembers(value, name, add);
      const prototype = valueAt(value, "prototype");
      if (isObject(prototype)) {
        add(prototype, `${name}.prototype`);
        addMembers(prototype, `${name}.prototype`, add);
      }
    } else if (namespaces.has(name) && isObject(value)) addMembers(value, name, add);
  }
}

function addMembers(holder: object, path: string, add: (value: unknown, path: string) => void): void {
  for (const name of originalKeys(holder)) {
    // What has another meaning than its path: a constructor is found by its own name.
    if (name === "constructor" || name === "prototype") continue;
    add(valueAt(holder, name), `${path}.${name}`);
  }
}

/**
 * What Node has there, whatever a program has put in its place; without running anybody's code. Of a global that is made
 * when it is first asked for, what it is made as.
 */
function valueAt(holder: object, name: string): unknown {
  const descriptor = originalOf(holder, name) ?? Object.getOwnPropertyDescriptor(holder, name);
  if (descriptor === undefined) return undefined;
  if ("value" in descriptor) return descriptor.value;
  if (holder !== globalThis || typeof descriptor.get !== "function" || isReplaced(name)) return undefined;
  try {
    return Reflect.get(holder, name);
  } catch {
    return undefined;
  }
}

const builtins = new WeakMap<object, { readonly specifier: string; readonly path: readonly string[] }>();
let listed = 0;

/** The module of Node's that exports a value, and under which name: only modules that somebody has loaded can. */
export function builtinPlaceOf(
  value: object,
): { readonly specifier: string; readonly path: readonly string[] } | undefined {
  const loaded = loadedModules();
  if (loaded.length !== listed) {
    for (const entry of loaded.slice(listed)) {
      const [, name] = /^NativeModule (?!internal\/)(.+)$/.exec(entry) ?? [];
      if (name !== undefined) listBuiltin(name);
    }
    listed = loaded.length;
  }
  return builtins.get(value);
}

/**
 * The first that a text reads of a module of Node's, as a whole, and that a program has put there.
 * @param root the module, or what a loader has put around it, with the module as its `default`
 */
export function changedBuiltin(root: object, name: string, reads: FreeName["reads"]): readonly string[] | undefined {
  const isAround = isNamespace(root, name);
  for (const read of reads) {
    let holder: unknown = root;
    for (const [i, key] of read.entries()) {
      // Inside of what is not a module, nobody knows what was there.
      const isModule = isObject(holder) && builtinPlaceOf(holder) !== undefined;
      if (!isModule && !(i === 0 && key === "default")) break;
      const value = memberOf(holder, key, isAround && i === 0);
      if (isModule && typeof value === "function" && !isOfNode(value)) return read.slice(0, i + 1);
      holder = value;
    }
  }
  return undefined;
}

/** Runs no code, unless it is Node's or a loader's, which the text runs as well. */
function memberOf(holder: unknown, key: string, isLoaders: boolean): unknown {
  if (!isObject(holder) || (types.isProxy(holder) && !isLoaders)) return undefined;
  try {
    const { get, value } = isLoaders ? {} : (Object.getOwnPropertyDescriptor(holder, key) ?? {});
    return isLoaders || (get !== undefined && isOfNode(get)) ? Reflect.get(holder, key) : value;
  } catch {
    // A variable of a module that has no value yet.
    return undefined;
  }
}

// They warn when they are loaded, or are not for everyone.
const unlisted = /^_|^(?:punycode|sys|wasi|sqlite|test|trace_events|repl|inspector.*|sea)$/;

function listBuiltin(name: string): void {
  if (unlisted.test(name)) return;
  const exported: unknown = process.getBuiltinModule(`node:${name}`);
  if (!isObject(exported)) return;
  const specifier = `node:${name}`;
  note(exported, specifier, ["default"]);
  for (const key of Object.getOwnPropertyNames(exported)) {
    const descriptor = Object.getOwnPropertyDescriptor(exported, key);
    // A getter may warn that what it gives is deprecated.
    if (descriptor !== undefined && "value" in descriptor && isObject(descriptor.value)) {
      note(descriptor.value, specifier, [key]);
      if (typeof descriptor.value === "function" && isObject(descriptor.value.prototype)) {
        note(descriptor.value.prototype, specifier, [key, "prototype"]);
      }
    }
  }
}

function note(value: object, specifier: string, path: readonly string[]): void {
  if (globalPathOf(value) === undefined && !builtins.has(value)) builtins.set(value, { specifier, path });
}
