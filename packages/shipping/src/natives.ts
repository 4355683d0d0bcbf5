import { atob, Buffer, btoa } from "node:buffer";
import { isStandardGlobal } from "./analysis/globals.js";

/** A function whose text is not JavaScript, or not the user's, as far as its name leads to it. */
export type NativeFunction =
  | { readonly kind: "global"; readonly path: string }
  | { readonly kind: "global-class"; readonly path: string }
  | { readonly kind: "bound" }
  | { readonly kind: "unknown" };

type AnyFunction = (...args: never[]) => unknown;

// What V8 prints for a function without JavaScript text; no user's function can read like that.
const nativeText = /^function [^(]*\(\) \{ \[native code\] \}$/;

const namespaces = ["Math", "JSON", "Object", "Array", "Number", "String", "Date", "Reflect", "BigInt", "console"];
const nestedNamespaces = ["Symbol", "RegExp", "Promise", "ArrayBuffer", "URL", "process", "Intl", "Atomics", "Buffer"];
const callableConstructors = new Set(
  "AggregateError Array BigInt Boolean Date Error EvalError Number Object RangeError ReferenceError RegExp String Symbol SyntaxError TypeError URIError".split(
    " ",
  ),
);

// Node's, written in JavaScript, so that their text says nothing.
const nodeFunctions: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [structuredClone, "structuredClone"],
  [atob, "atob"],
  [btoa, "btoa"],
  [Buffer.from, "Buffer.from"],
  [Buffer.alloc, "Buffer.alloc"],
  [Buffer.concat, "Buffer.concat"],
  [Buffer.byteLength, "Buffer.byteLength"],
  [Buffer.compare, "Buffer.compare"],
  [Buffer.isBuffer, "Buffer.isBuffer"],
]);

/** What a function without text of its own is; undefined for one that has text. */
export function nativeFunction(fn: AnyFunction, source: string, name: string): NativeFunction | undefined {
  const known = nodeFunctions.get(fn);
  if (known !== undefined) return { kind: "global", path: known };
  if (!nativeText.test(source)) return undefined;
  const path = globalPath(fn, name);
  if (path === undefined) return { kind: name.startsWith("bound ") ? "bound" : "unknown" };
  const isConstructor = !path.includes(".") && Object.hasOwn(fn, "prototype");
  return { kind: isConstructor && !callableConstructors.has(path) ? "global-class" : "global", path };
}

/** Where a function of the platform is found from `globalThis`. Its name leads there: no table, no getter touched. */
function globalPath(fn: AnyFunction, name: string): string | undefined {
  if (name === "") return undefined;
  if (isStandardGlobal(name) && Reflect.get(globalThis, name) === fn) return name;
  for (const namespace of [...namespaces, ...nestedNamespaces]) {
    const holder: unknown = Reflect.get(globalThis, namespace);
    if (Object.getOwnPropertyDescriptor(Object(holder), name)?.value === fn) return `${namespace}.${name}`;
  }
  return undefined;
}

const modules = "os path fs fs/promises crypto util zlib url child_process dns dns/promises v8 timers perf_hooks".split(
  " ",
);

/**
 * How to write a call of a function of Node's that is written in JavaScript, as `(await import("node:os")).hostname`.
 * Looked for by value, for such functions often bear the name of a wrapper; only for messages, as it takes a while.
 */
export function nodeFunctionPath(fn: AnyFunction): string | undefined {
  for (const namespace of ["", ...namespaces, ...nestedNamespaces]) {
    const holder: unknown = namespace === "" ? globalThis : Reflect.get(globalThis, namespace);
    const key = keyOf(holder, fn);
    if (key !== undefined && (namespace !== "" || isStandardGlobal(key))) {
      return namespace === "" ? key : `${namespace}.${key}`;
    }
  }
  for (const module of modules) {
    const key = keyOf(process.getBuiltinModule(`node:${module}`), fn);
    if (key !== undefined) return `(await import("node:${module}")).${key}`;
  }
  return undefined;
}

function keyOf(holder: unknown, fn: AnyFunction): string | undefined {
  if ((typeof holder !== "object" && typeof holder !== "function") || holder === null) return undefined;
  return Object.getOwnPropertyNames(holder).find((key) => Object.getOwnPropertyDescriptor(holder, key)?.value === fn);
}
