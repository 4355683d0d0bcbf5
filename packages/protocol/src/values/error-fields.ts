import { classNames, knownClass } from "./error-classes.js";

/** Fields of an error that are part of it although they are not enumerable. */
const HIDDEN = ["message", "stack", "cause", "errors", "error", "suppressed", "name", "code", "remote"] as const;

/** What an error is, apart from the values of its fields. */
export interface ErrorOutline {
  readonly classes: string[];
  /** Own enumerable keys. */
  readonly shown: string[];
  /** Own keys that are not enumerable. */
  readonly hidden: string[];
  /** `name` and `message` as read from the error, inherited or not. */
  readonly name: string;
  readonly message: string;
}

export function outlineOf(error: Error): ErrorOutline {
  const shown = Object.keys(error);
  const hidden: string[] = HIDDEN.filter((key) => Object.hasOwn(error, key) && !shown.includes(key));
  // Where engines keep the stack on the prototype, it still is this error's.
  if (!hidden.includes("stack") && !shown.includes("stack") && textOf(error, "stack") !== "") hidden.push("stack");
  return { classes: classNames(error), shown, hidden, name: textOf(error, "name"), message: textOf(error, "message") };
}

/** Never throws: an error whose getters do is still worth reporting. */
function textOf(error: Error, key: "name" | "message" | "stack"): string {
  try {
    const text: unknown = error[key];
    return typeof text === "string" ? text : "";
  } catch {
    return "";
  }
}

// Of an error that nobody catches, Node prints first the line on which it was made, unless that line bears this mark.
const blankError = (): Error => new Error(); // node-do-not-add-exception-line

/** A genuine error of the nearest class that is known here, still without its fields. */
export function shellOf({ classes, name, message }: Pick<ErrorOutline, "classes" | "name" | "message">): Error {
  const { prototype } = knownClass(classes);
  // The name of a DOMException is internal to it: only its constructor can give one.
  if (typeof DOMException === "function" && prototype === DOMException.prototype)
    return new DOMException(message, name);
  return Object.setPrototypeOf(blankError(), prototype) as Error;
}

/** Gives a shell the fields of its original. */
export function fillShell(shell: Error, outline: ErrorOutline, values: readonly unknown[]): void {
  const { shown, hidden, classes, name } = outline;
  const inherited = shell.name;
  // Made here, so it would name this place and not where the error came from.
  Reflect.deleteProperty(shell, "stack");
  let i = 0;
  for (const key of shown) define(shell, key, values[i++], true);
  for (const key of hidden) define(shell, key, values[i++], false);
  if (Object.hasOwn(shell, "name")) return;
  // A class that never set `name` has that of its base. If it is not known here, its own name is all that is left of
  // it, so that becomes the error's.
  const wanted = knownClass(classes).own || name !== inherited ? name : (classes[0] ?? name);
  if (inherited !== wanted) define(shell, "name", wanted, false);
}

function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}
