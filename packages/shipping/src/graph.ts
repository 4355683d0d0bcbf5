/*
 * What the graph of captured values has beside the values that the codec knows: each kind of node with its parts. The
 * capturing side writes them, the rebuilding side reads them, and nobody else knows of them.
 */

/** The kinds of nodes, each with its parts in order. */
export const Kinds = {
  /** number of the text, `this` around it, values of its slots ..., details */
  Function: "function",
  /** number of the text, values of its slots ..., details */
  Class: "class",
  /** function that was bound, its `this`, how many arguments, these ..., details */
  Bound: "bound",
  /** the class or prototype that has it, its name there */
  Method: "method",
  /** function of node:util that made it of another one, that function */
  Wrapped: "wrapped",
  /** path from globalThis */
  Global: "global",
  /** number of the module, names from its namespace on ... */
  Module: "module",
  /** details, among which are what they hold and how many */
  Arguments: "arguments",
  /** the function whose `prototype` it is, details */
  Prototype: "prototype",
  /** the class of a package whose `prototype` it is, details: only what it lacks is added */
  PackagePrototype: "packagePrototype",
  /** base, its content, details */
  Object: "object",
  /** "for" | "wellKnown" | "new", its name or undefined */
  Symbol: "symbol",
  /** "WeakMap" | "WeakSet", array of keys, array of values */
  Weak: "weak",
  /** array of names, values ... */
  Namespace: "namespace",
  /** name of what the receiver supplies */
  Helper: "helper",
  /** URL and export of a task() reference */
  Reference: "reference",
  /** URL of the file that `require` belongs to */
  Require: "require",
  /** a path or URL in the submitter's file system, "path" | "url" */
  Place: "place",
} as const;

/** What an object of the kind `Object` is made as, before its prototype is set. Content in brackets. */
export type Base =
  | "object"
  /** [length] */
  | "array"
  /** [items, keys and values in turn] */
  | "map"
  /** [members] */
  | "set"
  | "error"
  /** [milliseconds] */
  | "date"
  /** [source, flags] */
  | "regexp"
  /** [primitive] */
  | "boxed";

/**
 * Own properties that a value does not have by itself, and what else was done to it, as the last parts of its node; none
 * for a value that is as it was made. An accessor has two values, its getter and setter.
 */
export type Details = readonly [
  integrity: Integrity,
  /** Whether it has another prototype than the one that it was made with, and which. */
  hasPrototype: boolean,
  prototype: object | null,
  keys: readonly PropertyKey[],
  flags: readonly number[],
  ...values: unknown[],
];

/** Details of a value, if it has any. */
export type MaybeDetails = Details | readonly [];

export function isDetailed(details: MaybeDetails): details is Details {
  return details.length > 0;
}

/** How many parts of details come before the values. */
export const BEFORE_VALUES = 5;

export const Integrity = { Extensible: 0, NotExtensible: 1, Sealed: 2, Frozen: 3 } as const;
export type Integrity = (typeof Integrity)[keyof typeof Integrity];

export const Flag = { Writable: 1, Enumerable: 2, Configurable: 4, Accessor: 8, Deleted: 16 } as const;

/** How many values a property with these flags has. */
export function valuesOf(flags: number): number {
  return (flags & Flag.Deleted) !== 0 ? 0 : (flags & Flag.Accessor) !== 0 ? 2 : 1;
}
/** Of a property that was simply assigned. */
export const ASSIGNED = Flag.Writable | Flag.Enumerable | Flag.Configurable;
