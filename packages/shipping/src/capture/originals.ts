import { Buffer } from "node:buffer";
import type { FreeName } from "../analysis/free.js";
import { isLanguageGlobal, isStandardGlobal } from "../analysis/globals.js";
import { isNative, isOfNode } from "../inspect/of-node.js";
import { isObject } from "./is-object.js";

/*
 * What the globals were when this module was loaded. A node has what Node has: whatever a program put into the place of a
 * global or of a member of one, or added to one, stays here, and a function that names it may not leave.
 */

interface Original {
  readonly members: ReadonlyMap<string, PropertyDescriptor>;
  /** Whether V8 made it: then JavaScript in it is somebody's who was there before this module. */
  readonly isLanguage: boolean;
}

const originals = new Map<object, Original>();

/** Globals with members that are no classes. */
export const namespaces: ReadonlySet<string> = new Set(
  "Math JSON Reflect Intl Atomics WebAssembly console performance crypto".split(" "),
);
/** Those of the language: who takes one as a whole may use any of its members. */
const closed = new Set<unknown>();
/** What a program may wrap as it likes to watch itself: a function gets the node's own, which does the same there. */
const wrappable = new Set<object>([console, process]);
/** Settings of the process. */
const settings = new Map<object, ReadonlySet<string>>([[Error, new Set(["stackTraceLimit", "prepareStackTrace"])]]);

/** Globals that are made late, or warn when they are looked at. */
export const untouched: ReadonlySet<string> = new Set(
  "localStorage sessionStorage navigator EventSource Storage global".split(" "),
);

/**
 * Node makes these when one of them is first looked at, and be it at its property; that takes tens of milliseconds. Nobody
 * has one before.
 */
export const madeLate: ReadonlySet<string> = new Set([
  ...["FormData", "Headers", "Request", "Response", "CloseEvent", "ErrorEvent", "WebSocket"],
  // On Node that has no WebSocket, it is from elsewhere.
  ...("WebSocket" in globalThis ? ["MessageEvent"] : []),
]);

note(globalThis, false, (name) => isStandardGlobal(name) && !madeLate.has(name));
for (const [name, { value }] of originals.get(globalThis)?.members ?? []) {
  if (typeof value !== "function" && !(namespaces.has(name) && isObject(value))) continue;
  noteAll(value, isLanguageGlobal(name));
  if (namespaces.has(name) && isLanguageGlobal(name)) closed.add(value);
}
noteAll(process, false);
noteAll(Buffer, false);

/** A class, what its instances inherit, and what either inherits in turn: typed arrays have a class that is no global. */
function noteAll(value: object, isLanguage: boolean): void {
  for (let holder: object | null = value; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    if (holder !== value && !isLanguage) break;
    note(holder, isLanguage);
    const prototype: unknown = Object.getOwnPropertyDescriptor(holder, "prototype")?.value;
    if (isObject(prototype)) note(prototype, isLanguage);
  }
}

function note(holder: object, isLanguage: boolean, isWanted = (_key: string) => true): void {
  if (originals.has(holder)) return;
  const members = new Map<string, PropertyDescriptor>();
  for (const key of Object.getOwnPropertyNames(holder)) {
    if (isWanted(key)) members.set(key, Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor);
  }
  originals.set(holder, { members, isLanguage });
}

/** What stands behind a property, without running a getter. */
function identity(descriptor: PropertyDescriptor | undefined): unknown {
  return descriptor === undefined || "value" in descriptor ? descriptor?.value : descriptor.get;
}

/** A member that an object has by itself, as it was, if this module knows. */
export function originalOf(holder: object, key: string): PropertyDescriptor | undefined {
  return originals.get(holder)?.members.get(key);
}

/** The names of members that an object had, if this module knows; else those that it has. */
export function originalKeys(holder: object): Iterable<string> {
  return originals.get(holder)?.members.keys() ?? Object.getOwnPropertyNames(holder);
}

/** Whether a program has put something else in the place of a global of the platform. */
export function isReplaced(name: string): boolean {
  // It is made in this moment, if it was not: the function names it.
  if (madeLate.has(name)) return name in globalThis && !isOfNode(Reflect.get(globalThis, name));
  const before = originalOf(globalThis, name);
  const now = Object.getOwnPropertyDescriptor(globalThis, name);
  if (before === undefined || now === undefined) return before !== now;
  // Node itself replaces some getters by what they give.
  if (before.get !== undefined && "value" in now) return !isOfNode(now.value);
  return isOther(before, now, isLanguageGlobal(name));
}

function isOther(before: PropertyDescriptor, now: PropertyDescriptor, isLanguage: boolean): boolean {
  const value = identity(now);
  if (!Object.is(identity(before), value)) return true;
  return isLanguage && typeof value === "function" && !isNative(value);
}

/** A property on the way from an object of the platform to what a text reads of it. */
interface Step {
  readonly holder: object;
  readonly key: string;
  /** The way up to here. */
  readonly path: readonly string[];
  /** Whether the text names it: else it takes the object behind the path as a whole, and so perhaps this, too. */
  readonly isNamed: boolean;
}

/** All that decides what a path leads to, as far as this module knows. Who goes on has found the last step unchanged. */
function* stepsAlong(root: object, path: readonly string[]): Generator<Step> {
  let holder = root;
  for (const [i, key] of path.entries()) {
    const way = path.slice(0, i + 1);
    let descriptor: PropertyDescriptor | undefined;
    let owner: object | null = holder;
    while (owner !== null && originals.has(owner)) {
      yield { holder: owner, key, path: way, isNamed: true };
      descriptor = Object.getOwnPropertyDescriptor(owner, key);
      if (descriptor !== undefined) break;
      owner = Object.getPrototypeOf(owner) as object | null;
    }
    const value = owner === globalThis ? globalValue(key, descriptor) : descriptor?.value;
    if (!isObject(value) || !originals.has(value)) return;
    holder = value;
  }
  if (!closed.has(holder)) return;
  for (const key of new Set([...originalKeys(holder), ...Object.getOwnPropertyNames(holder)])) {
    yield { holder, key, path: [...path, key], isNamed: false };
  }
}

function globalValue(name: string, descriptor: PropertyDescriptor | undefined): unknown {
  if (descriptor?.get === undefined) return descriptor?.value;
  if (!isStandardGlobal(name) || untouched.has(name)) return undefined;
  const value: unknown = Reflect.get(globalThis, name);
  // Those that Node makes when they are first asked for have nothing of their own: all is of their classes.
  if (namespaces.has(name) && isObject(value) && !originals.has(value)) {
    originals.set(value, { members: new Map(), isLanguage: false });
  }
  return value;
}

function isChanged({ holder, key }: Pick<Step, "holder" | "key">): boolean {
  if (holder === globalThis) return isStandardGlobal(key) ? isReplaced(key) : Object.hasOwn(globalThis, key);
  if (isFree(holder, key)) return false;
  const { members, isLanguage } = originals.get(holder) as Original;
  const before = members.get(key);
  const now = Object.getOwnPropertyDescriptor(holder, key);
  return before === undefined || now === undefined ? before !== now : isOther(before, now, isLanguage);
}

/** Whether a member may be whatever it is here, because a function wants the node's own. */
function isFree(holder: object, key: string): boolean {
  if (settings.get(holder)?.has(key) === true) return true;
  return wrappable.has(holder) && originalOf(holder, key) !== undefined && Object.hasOwn(holder, key);
}

/** The first that a text reads of an object of the platform and that is not Node's. Path from that object. */
export function changedMember(root: object, reads: FreeName["reads"]): readonly string[] | undefined {
  for (const read of reads) {
    for (const step of stepsAlong(root, read)) if (isChanged(step)) return step.path;
  }
  return undefined;
}

/**
 * A member of a namespace or class of the platform that is not Node's. To a class, whose instances are what matters, a
 * program may add what it likes.
 */
export function changedInside(value: object): string | undefined {
  if (closed.has(value)) return changedMember(value, [[]])?.[0];
  if (typeof value !== "function" || !isWatched(value)) return undefined;
  for (let holder: object | null = value; isWatched(holder); holder = Object.getPrototypeOf(holder) as object | null) {
    for (const key of originalKeys(holder)) if (isChanged({ holder, key })) return key;
  }
  return undefined;
}

/** Whether a value is an object of the platform whose members are known as they were. */
export function isWatched(value: unknown): value is object {
  return isObject(value) && originals.has(value);
}

/** A property as it was when a function was looked at. */
export interface Watched {
  readonly holder: object;
  readonly key: string;
  readonly value: unknown;
}

/**
 * All that would have to change before the globals that a text names are other ones. Undefined where that is too much
 * to look at again for each call.
 */
export function watched(free: ReadonlyMap<string, FreeName>): readonly Watched[] | undefined {
  const found: Watched[] = [];
  for (const [name, { reads }] of free) {
    for (const read of reads) {
      for (const { holder, key, isNamed } of stepsAlong(globalThis, [name, ...read])) {
        if (!isNamed) return undefined;
        if (isFree(holder, key) || found.some((each) => each.holder === holder && each.key === key)) continue;
        found.push({ holder, key, value: identity(Object.getOwnPropertyDescriptor(holder, key)) });
      }
    }
  }
  return found;
}

export function areUnchanged(list: readonly Watched[]): boolean {
  for (const { holder, key, value } of list) {
    if (!Object.is(identity(Object.getOwnPropertyDescriptor(holder, key)), value)) return false;
  }
  return true;
}
