import { codeOfPrototype, prototypeOfCode } from "../errors/base.js";

type ErrorClass = abstract new (...args: never[]) => Error;

const BUILT_IN = [
  "Error",
  "TypeError",
  "RangeError",
  "SyntaxError",
  "ReferenceError",
  "EvalError",
  "URIError",
  "AggregateError",
  "SuppressedError",
  "DOMException",
] as const;

const builtIn = new Map<string, object>();
for (const name of BUILT_IN) {
  const prototype = (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name]?.prototype;
  if (prototype !== undefined) builtIn.set(name, prototype);
}

/** Whether it is the prototype of a class of errors that every runtime has. */
export function isBuiltInError(prototype: object): boolean {
  return [...builtIn.values()].includes(prototype);
}

const registered = new Map<string, object>();

/**
 * Makes errors of a class of one's own arrive with that class: `instanceof` and methods work on what a task threw.
 * Needed only where the error is received; a class of the same name replaces an earlier one. The constructor is not
 * called on arrival: prototype, message, stack, cause and own fields are set, `#private` fields are not there.
 * @throws TypeError when it is not a named class of errors, or has the name of a built-in one.
 */
export function registerErrorClass(errorClass: ErrorClass): void {
  const prototype: unknown = typeof errorClass === "function" ? errorClass.prototype : undefined;
  if (!(prototype instanceof Error)) throw new TypeError("registerErrorClass takes a class that extends Error");
  const { name } = errorClass;
  if (name === "") throw new TypeError("registerErrorClass takes a class with a name: errors find theirs by it");
  if (builtIn.has(name)) throw new TypeError(`${name} is built in: give your class a name of its own`);
  if (codeOfPrototype(prototype) !== undefined) throw new TypeError(`${name} is one of pydist's own classes`);
  registered.set(name, prototype);
}

/** How an error's class is told: the names from its own class upwards; pydist's own classes by their codes. */
export function classNames(error: object): string[] {
  const names: string[] = [];
  let prototype: object | null = Object.getPrototypeOf(error);
  while (prototype !== null && prototype !== Object.prototype && names.length < 32) {
    const own: unknown = Object.hasOwn(prototype, "constructor") ? prototype.constructor : undefined;
    const name = codeOfPrototype(prototype) ?? (typeof own === "function" ? own.name : "");
    if (name !== "") names.push(name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}

/** The first of these classes that is known here; `own` if it is the error's own class. */
export function knownClass(names: readonly string[]): { prototype: object; own: boolean } {
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const prototype = prototypeOfCode(name) ?? registered.get(name) ?? builtIn.get(name);
    if (prototype !== undefined) return { prototype, own: i === 0 };
  }
  return { prototype: Error.prototype, own: false };
}
