import { isStandardGlobal } from "../analysis/globals.js";

/*
 * At a prompt, `x = 1`, `var x` and `function x() {}` make properties of globalThis, and whoever types them means variables.
 * In a program such a property is something that no node has, and a function that names it is refused.
 */

let before: ReadonlySet<string> | undefined;

/**
 * From now on what is put on globalThis counts as variables that functions take along. For a process that is a prompt; what
 * was there before stays a global.
 */
export function globalsAreVariables(): void {
  before ??= new Set(Object.getOwnPropertyNames(globalThis));
}

/** A variable of the prompt by that name; undefined if there is none. */
export function promptVariable(name: string): { readonly value: unknown } | undefined {
  if (before === undefined || before.has(name) || isStandardGlobal(name)) return undefined;
  return Object.hasOwn(globalThis, name) ? { value: Reflect.get(globalThis, name) } : undefined;
}
