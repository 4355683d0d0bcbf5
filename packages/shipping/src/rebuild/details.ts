import type { Parts } from "@pydist/protocol";
import { ASSIGNED, BEFORE_VALUES, Flag, Integrity, valuesOf } from "../graph.js";

/**
 * Gives a value the properties, the prototype and the integrity that were captured of it, if anything was.
 * @param from the part with which its details begin, if it has any
 */
export function applyDetails(target: object, parts: Parts, from: number): void {
  if (from >= parts.length) return;
  const keys = parts.get(from + 3) as readonly PropertyKey[];
  const flags = parts.get(from + 4) as readonly number[];
  let next = from + BEFORE_VALUES;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as PropertyKey;
    const flag = flags[i] as number;
    if (has(flag, Flag.Deleted)) {
      Reflect.deleteProperty(target, key);
      continue;
    }
    if (has(flag, Flag.Accessor)) {
      define(target, key, flag, { get: parts.get(next), set: parts.get(next + 1) } as PropertyDescriptor);
      next += 2;
      continue;
    }
    const value = parts.get(next++);
    // What most objects are made of. Where nothing of that name is in the way, assigning does the same much faster.
    if (flag === ASSIGNED && !(key in target)) (target as Record<PropertyKey, unknown>)[key] = value;
    else applyDetail(target, key, flag, value);
  }
  // Last, for a prototype that is made for each task would give its object another form with each property.
  if (parts.get(from + 1) === true) Object.setPrototypeOf(target, parts.get(from + 2) as object | null);
  const integrity = parts.get(from);
  if (integrity === Integrity.Frozen) Object.freeze(target);
  else if (integrity === Integrity.Sealed) Object.seal(target);
  else if (integrity === Integrity.NotExtensible) Object.preventExtensions(target);
}

/** Gives an object of a package those properties that it lacks: it is the node's own, and in use by others. */
export function addMissing(target: object, parts: Parts, from: number): void {
  if (from >= parts.length) return;
  const flags = parts.get(from + 4) as readonly number[];
  let next = from + BEFORE_VALUES;
  (parts.get(from + 3) as readonly PropertyKey[]).forEach((key, i) => {
    const flag = flags[i] as number;
    const at = next;
    next += valuesOf(flag);
    if (Object.hasOwn(target, key)) return;
    if (has(flag, Flag.Accessor))
      define(target, key, flag, { get: parts.get(at), set: parts.get(at + 1) } as PropertyDescriptor);
    else applyDetail(target, key, flag, parts.get(at));
  });
}

/** Gives a value one more property. */
export function applyDetail(target: object, key: PropertyKey, flag: number, value: unknown): void {
  define(target, key, flag, { value, writable: has(flag, Flag.Writable) });
}

function define(target: object, key: PropertyKey, flag: number, descriptor: PropertyDescriptor): void {
  descriptor.enumerable = has(flag, Flag.Enumerable);
  descriptor.configurable = has(flag, Flag.Configurable);
  Object.defineProperty(target, key, descriptor);
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}
