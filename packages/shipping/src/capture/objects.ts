import { types } from "node:util";
import { classNameOf, type Extra, functionSource, registering, shapeOf, tagOf } from "@pydist/protocol";
import { type Base, Kinds } from "../graph.js";
import { privateMembersOf } from "../inspect/members.js";
import { whyStays } from "../stays.js";
import type { TaskFunction } from "../task.js";
import { detailStep, detailsOf, isAssignedOnly } from "./details.js";
import { builtinPlaceOf, globalPathOf } from "./known.js";
import { ours } from "./ours.js";
import { Refused } from "./refused.js";
import { understood } from "./view.js";

/** What the codec makes of an object by itself is all there is to it. */
export type Lowered = Extra | undefined;

/**
 * An object that is more than plain data: an instance of a class of the user's, or plain data with properties that
 * were not simply assigned.
 * @throws Refused for what is bound to this process
 */
export function lowerObject(value: object, path: () => string, isInternal: (fn: TaskFunction) => boolean): Lowered {
  const shape = shapeOf(value);
  switch (shape) {
    case undefined:
      return lowerInstance(value, path, isInternal);
    case "object":
      if (!isPlainPrototype(Object.getPrototypeOf(value) as object)) return lowerInstance(value, path, isInternal);
      return isAssignedOnly(value) ? undefined : node(value, shape, Object.prototype);
    case "array":
      if (isAssignedOnly(value)) return undefined;
      return node(value, shape, Array.prototype);
    case "null-object":
      return isAssignedOnly(value) ? undefined : node(value, "object", Object.prototype);
    case "error":
      return Object.isExtensible(value) && !isUsersError(value) ? undefined : node(value, "error", Error.prototype);
    case "map":
    case "set":
    case "date":
    case "regexp":
    case "boxed":
      return hasNothingAdded(value, shape) ? undefined : node(value, shape, Object.getPrototypeOf(value));
    default:
      return undefined;
  }
}

/** The owner of a `prototype`, if a value is the one that a function was made with. */
export function ownerOf(value: object): object | undefined {
  const owner: unknown = Object.getOwnPropertyDescriptor(value, "constructor")?.value;
  if (typeof owner !== "function" || types.isProxy(owner)) return undefined;
  return Object.getOwnPropertyDescriptor(owner, "prototype")?.value === value ? owner : undefined;
}

/** Plain data that nobody can change, and so may be the same for several tasks. */
export function isFrozenData(value: object): boolean {
  if (!Object.isFrozen(value)) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** The one that plain objects have, here or in a realm of its own. */
export function isPlainPrototype(prototype: object): boolean {
  return prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function isUsersError(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype !== null && globalPathOf(prototype) === undefined && builtinPlaceOf(prototype) === undefined;
}

function hasNothingAdded(value: object, shape: Base): boolean {
  const keys = Reflect.ownKeys(value);
  if (!Object.isExtensible(value)) return false;
  if (shape === "regexp") return keys.length === 1 && (value as RegExp).lastIndex === 0;
  if (shape === "boxed") return keys.every((key) => isIndexOf(value, key));
  return keys.length === 0;
}

function isIndexOf(value: object, key: PropertyKey): boolean {
  return value instanceof String && (key === "length" || /^\d+$/.test(String(key)));
}

function lowerInstance(value: object, path: () => string, isInternal: (fn: TaskFunction) => boolean): Lowered {
  if (types.isGeneratorObject(value)) {
    throw new Refused(
      path(),
      "is a generator, whose place in its function cannot travel",
      "Collect what it yields into an array first, or call its function inside.",
    );
  }
  const stays = whyStays(value);
  if (stays !== undefined) throw new Refused(path(), stays.what, stays.remedy);
  if (isIterator(value)) throw new Refused(path(), "is an iterator", "Collect it first: [...iterator].");
  const found = baseOf(value);
  // What the codec refuses it names better: promises, weak collections, iterators ...
  if (found === undefined || belongsHere(value, found.prototype, isInternal)) {
    return refuseForeign(value, path, isInternal);
  }
  checkPrivates(value, path);
  return node(value, found.base, found.prototype);
}

const iteratorPrototypes: ReadonlySet<unknown> = new Set(
  [[].values(), ""[Symbol.iterator](), "".matchAll(/a/g), new Map().keys(), new Set().keys()].map(
    Object.getPrototypeOf,
  ),
);

/** One of the language's: with code that no text has, and a place that nothing tells. */
function isIterator(value: object): boolean {
  for (let at: object | null = value; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at)) {
    if (iteratorPrototypes.has(at)) return true;
  }
  return false;
}

interface Found {
  readonly base: Base;
  /** The prototype of what is made in its place: there the platform's part of its prototypes begins. */
  readonly prototype: object;
}

const brands: readonly (readonly [(value: unknown) => boolean, Base, object])[] = [
  [Array.isArray, "array", Array.prototype],
  [types.isMap, "map", Map.prototype],
  [types.isSet, "set", Set.prototype],
  [types.isNativeError, "error", Error.prototype],
  [types.isDate, "date", Date.prototype],
  [types.isRegExp, "regexp", RegExp.prototype],
];

/** What a user's instance is underneath; undefined for what only this process has. */
function baseOf(value: object): Found | undefined {
  for (const [isA, base, prototype] of brands) if (isA(value)) return { base, prototype };
  const special =
    types.isExternal(value) ||
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value) ||
    types.isArgumentsObject(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    types.isBoxedPrimitive(value);
  if (special) return undefined;
  return { base: "object", prototype: Object.prototype };
}

/** Whether one of its prototypes, up to the one that is the platform's anyway, is not the user's own. */
function belongsHere(value: object, end: object, isInternal: (fn: TaskFunction) => boolean): boolean {
  let prototype: object | null = Object.getPrototypeOf(value);
  for (; prototype !== null && prototype !== end; prototype = Object.getPrototypeOf(prototype)) {
    if (types.isProxy(prototype)) return false;
    // An error's class may be a built-in one further down.
    if (end === Error.prototype && globalPathOf(prototype) !== undefined) return false;
    // What bundlers make of an import of a function's module.
    if (prototype === Function.prototype) return false;
    if (isPlatforms(prototype, isInternal)) return true;
  }
  return false;
}

function isPlatforms(prototype: object, isInternal: (fn: TaskFunction) => boolean): boolean {
  if (globalPathOf(prototype) !== undefined || builtinPlaceOf(prototype) !== undefined) return true;
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof made === "function" && !types.isProxy(made) && isInternal(made as TaskFunction);
}

/** What is private to a class can be read, but not be given to a new object. */
function checkPrivates(value: object, path: () => string): void {
  const name = privateOf(value);
  if (name === undefined) return;
  const made = classNameOf(value);
  const called = made || "an unnamed class";
  throw new Refused(
    path(),
    `is an instance of ${called} with the private member ${name}, which no other object can be given`,
    `Say how it travels: ${registering(made)}.`,
  );
}

function privateOf(value: object): string | undefined {
  let at: object | null = Object.getPrototypeOf(value);
  for (; at !== null && globalPathOf(at) === undefined; at = Object.getPrototypeOf(at)) {
    const made = ownerOf(at);
    const source = made === undefined ? "#" : functionSource(made);
    if (!source.includes("#")) continue;
    // The inspector tells of fields; methods are in the text.
    const text = made === undefined ? undefined : understood(source, true);
    const method = text?.kind === "class" ? text.members.find((each) => each.isPrivate && !each.isStatic) : undefined;
    if (method !== undefined) return method.key;
    const [field] = privateMembersOf(value);
    if (field !== undefined) return field.name;
  }
  return undefined;
}

function refuseForeign(value: object, path: () => string, isInternal: (fn: TaskFunction) => boolean): undefined {
  const tag = tagOf(value);
  if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value) || /Iterator$|WeakRef/.test(tag)) {
    return undefined;
  }
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value) || types.isArgumentsObject(value)) return undefined;
  const prototype: object | null = Object.getPrototypeOf(value);
  const isUsers = prototype !== null && ownerOf(prototype) !== undefined && !isPlatforms(prototype, isInternal);
  const name = classNameOf(value) || "object of an unnamed class";
  throw new Refused(
    path(),
    `is ${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}, which belongs to this process`,
    isUsers
      ? `Make it inside the function, or say how it travels: ${registering(classNameOf(value))}.`
      : "Make it inside the function, or capture what it is made from.",
  );
}

function node(value: object, base: Base, prototype: object | null): Extra {
  const details = detailsOf(value, { prototype, isOrdinary: (key, descriptor) => isOrdinary(base, key, descriptor) });
  const content = contentOf(value, base);
  return {
    type: Kinds.Object,
    parts: [base, content, ...details],
    step: (part) => (part === 1 ? "" : detailStep(details, part - 2)),
  };
}

function isOrdinary(base: Base, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
  // Made with it, and with the right value; unless it can no longer be written.
  return base === "array" && key === "length" && descriptor.writable === true;
}

function contentOf(value: object, base: Base): readonly unknown[] | undefined {
  switch (base) {
    case "array":
      return ours([(value as unknown[]).length]);
    case "map": {
      const items: unknown[] = [];
      Map.prototype.forEach.call(value, (item, key) => items.push(key, item));
      return ours([ours(items)]);
    }
    case "set": {
      const items: unknown[] = [];
      Set.prototype.forEach.call(value, (item) => items.push(item));
      return ours([ours(items)]);
    }
    case "date":
      return ours([Date.prototype.getTime.call(value)]);
    case "regexp":
      return ours([sourceOf(value), flagsOf(value)]);
    case "boxed":
      return ours([primitiveOf(value)]);
    default:
      return undefined;
  }
}

/** As the language has it, whatever the object says of itself: that would be code of the user's. */
function getterOf(name: string): ((this: object) => unknown) | undefined {
  return Object.getOwnPropertyDescriptor(RegExp.prototype, name)?.get;
}

const source = getterOf("source");
const flags = "d hasIndices, g global, i ignoreCase, m multiline, s dotAll, u unicode, v unicodeSets, y sticky"
  .split(", ")
  .map((each) => {
    const [letter = "", name = ""] = each.split(" ");
    return [letter, getterOf(name)] as const;
  });

function sourceOf(value: object): unknown {
  return source?.call(value);
}

function flagsOf(value: object): string {
  return flags.map(([letter, get]) => (get?.call(value) === true ? letter : "")).join("");
}

function primitiveOf(value: object): unknown {
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  return types.isBigIntObject(value) ? BigInt.prototype.valueOf.call(value) : Symbol.prototype.valueOf.call(value);
}
