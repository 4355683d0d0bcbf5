import { types } from "node:util";
import { functionSource, memberStep } from "@pydist/protocol";
import { ASSIGNED, BEFORE_VALUES, Flag, Integrity, isDetailed, type MaybeDetails, valuesOf } from "../graph.js";
import { ours } from "./ours.js";

/** What to leave out of the details of a value, because it is there as soon as the value is made. */
export interface Ordinary {
  /** The prototype that it is made with. */
  readonly prototype: object | null;
  /** Whether an own property is as it is made with. */
  isOrdinary(key: PropertyKey, descriptor: PropertyDescriptor): boolean;
  /** Own properties that it is made with and that may have been deleted since. */
  readonly deletable?: readonly PropertyKey[];
}

/** What was done to a value since it was made. */
export function detailsOf(value: object, { prototype, isOrdinary, deletable = [] }: Ordinary): MaybeDetails {
  const keys: PropertyKey[] = [];
  const flags: number[] = [];
  const values: unknown[] = [];
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = stackRead(value, key, Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor);
    if (isOrdinary(key, descriptor)) continue;
    keys.push(key);
    flags.push(flagsOf(descriptor));
    if (isAccessor(descriptor)) values.push(descriptor.get, descriptor.set);
    else values.push(descriptor.value);
  }
  for (const key of deletable) {
    if (Object.hasOwn(value, key)) continue;
    keys.push(key);
    flags.push(Flag.Deleted);
  }
  const actual: object | null = Object.getPrototypeOf(value);
  const integrity = integrityOf(value);
  if (keys.length === 0 && actual === prototype && integrity === Integrity.Extensible) return [];
  return [integrity, actual !== prototype, actual === prototype ? null : actual, ours(keys), ours(flags), ...values];
}

/** On newer Node an error's stack is an accessor of the engine's. */
function stackRead(value: object, key: PropertyKey, descriptor: PropertyDescriptor): PropertyDescriptor {
  if (key !== "stack" || !isAccessor(descriptor) || !types.isNativeError(value)) return descriptor;
  if (!/\[native code\]/.test(functionSource(descriptor.get))) return descriptor;
  return { value: value.stack, writable: true, enumerable: descriptor.enumerable ?? false, configurable: true };
}

function integrityOf(value: object): Integrity {
  if (Object.isExtensible(value)) return Integrity.Extensible;
  if (Object.isFrozen(value)) return Integrity.Frozen;
  return Object.isSealed(value) ? Integrity.Sealed : Integrity.NotExtensible;
}

function isAccessor(descriptor: PropertyDescriptor): boolean {
  return descriptor.get !== undefined || descriptor.set !== undefined;
}

export function flagsOf(descriptor: PropertyDescriptor): number {
  return (
    (descriptor.writable === true ? Flag.Writable : 0) |
    (descriptor.enumerable === true ? Flag.Enumerable : 0) |
    (descriptor.configurable === true ? Flag.Configurable : 0) |
    (isAccessor(descriptor) ? Flag.Accessor : 0)
  );
}

/** Whether an object has nothing but properties that were assigned: what the value codec carries by itself. */
export function isAssignedOnly(value: object): boolean {
  if (!Object.isExtensible(value)) return false;
  const keys = Reflect.ownKeys(value);
  const list = Array.isArray(value);
  return keys.every((key) => {
    if (typeof key === "symbol") return false;
    const descriptor = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
    if (list && key === "length") return descriptor.writable === true;
    return flagsOf(descriptor) === ASSIGNED;
  });
}

/** How a path goes on to a part of details. */
export function detailStep(details: MaybeDetails, part: number): string {
  if (!isDetailed(details) || part === 2) return ".__proto__";
  const [, , , keys, flags] = details;
  let at = BEFORE_VALUES;
  for (let i = 0; i < keys.length; i++) {
    const width = valuesOf(flags[i] as number);
    if (part < at + width) return keyStep(keys[i] as PropertyKey);
    at += width;
  }
  return "";
}

function keyStep(key: PropertyKey): string {
  if (typeof key === "symbol") return `[${String(key)}]`;
  return memberStep(/^\d+$/.test(String(key)) ? Number(key) : key);
}
