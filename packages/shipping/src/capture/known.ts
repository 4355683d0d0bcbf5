import { isStandardGlobal } from "../analysis/globals.js";

const namespaces = "Math JSON Reflect Intl Atomics WebAssembly console performance crypto".split(" ");
// Lazily made, or warning when they are looked at.
const untouched = new Set(["localStorage", "sessionStorage", "navigator", "EventSource", "Storage", "global"]);

// Node makes these when one of them is first looked at, and be it at its property; that takes tens of milliseconds. Nobody
// has one before.
const ofFetch = ["FormData", "Headers", "Request", "Response", "CloseEvent", "WebSocket"];
// On Node that has no CloseEvent, it is from elsewhere.
if ("CloseEvent" in globalThis) ofFetch.push("MessageEvent");
const unmade = new Set(ofFetch);

let globals: Map<unknown, string> | undefined;

/** The path from `globalThis` of a function, prototype or namespace of the platform. */
export function globalPathOf(value: unknown): string | undefined {
  globals ??= listGlobals();
  return globals.get(value);
}

/** Takes up globals that were made since: whatever is captured now may be one of them. */
export function noteNewGlobals(): void {
  if (unmade.size === 0 || !loadedModules().includes("NativeModule internal/deps/undici/undici")) return;
  unmade.clear();
  if (globals !== undefined) listNames(ofFetch, globals);
}

/** What Node has loaded of itself. */
function loadedModules(): readonly string[] {
  return (process as unknown as { moduleLoadList?: readonly string[] }).moduleLoadList ?? [];
}

function listGlobals(): Map<unknown, string> {
  const paths = new Map<unknown, string>();
  listNames(Object.getOwnPropertyNames(globalThis).filter(isLookedAt), paths);
  for (const name of ["nextTick", "hrtime", "cwd", "memoryUsage", "uptime", "cpuUsage"]) {
    const value: unknown = Reflect.get(process, name);
    if (!paths.has(value)) paths.set(value, `process.${name}`);
  }
  return paths;
}

function isLookedAt(name: string): boolean {
  return isStandardGlobal(name) && !untouched.has(name) && !unmade.has(name);
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
    } else if (namespaces.includes(name) && isObject(value)) addMembers(value, name, add);
  }
}

function addMembers(holder: object, path: string, add: (value: unknown, path: string) => void): void {
  for (const name of Object.getOwnPropertyNames(holder)) {
    // What has another meaning than its path: a constructor is found by its own name.
    if (name === "constructor" || name === "prototype") continue;
    add(valueAt(holder, name), `${path}.${name}`);
  }
}

/** Without running anybody's code; of a global that is made when it is first asked for, what it is made as. */
function valueAt(holder: object, name: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(holder, name);
  if (descriptor === undefined) return undefined;
  if ("value" in descriptor) return descriptor.value;
  if (holder !== globalThis || typeof descriptor.get !== "function") return undefined;
  try {
    return Reflect.get(holder, name);
  } catch {
    return undefined;
  }
}

/** Whether a value has an identity that can be referred to: functions have. */
export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
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

/** Globals as they were when this module was loaded: whatever replaced one since then stays here. */
const pristine = new Map<string, unknown>();
for (const name of Object.getOwnPropertyNames(globalThis)) {
  if (isStandardGlobal(name) && !unmade.has(name)) pristine.set(name, identityOf(name));
}

function identityOf(name: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  return descriptor === undefined ? undefined : "value" in descriptor ? descriptor.value : descriptor.get;
}

/** Whether a program has put something else in the place of a global of the platform. */
export function isReplaced(name: string): boolean {
  if (unmade.has(name)) {
    // It will be made in a moment, for the function names it.
    Reflect.get(globalThis, name);
    noteNewGlobals();
  }
  if (Object.is(identityOf(name), pristine.get(name))) return false;
  // Node itself replaces some getters by what they give.
  const value: unknown = identityOf(name);
  return !(typeof value === "function" || typeof value === "object") || globalPathOf(value) !== name;
}
