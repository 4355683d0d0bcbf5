import { functionSource } from "./function-source.js";
/** What an object is to the encoder. */
export type Shape =
  | "object"
  | "null-object"
  | "array"
  | "date"
  | "regexp"
  | "url"
  | "params"
  | "map"
  | "set"
  | "buffer"
  | "view"
  | "boxed"
  | "error";

/** The part of Node's Buffer that is used; the package itself needs no Node. */
export interface BufferClass {
  readonly prototype: object;
  from(buffer: ArrayBuffer, byteOffset: number, length: number): Uint8Array;
}

/** Node's Buffer where there is one. */
export function bufferClass(): BufferClass | undefined {
  return (globalThis as { Buffer?: BufferClass }).Buffer;
}

const VIEW_NAMES = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
  "DataView",
] as const;

/** The constructor of a kind of view; undefined for an unknown name, and for one that this runtime lacks. */
export function viewClass(
  name: string,
): (new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView) | undefined {
  if (!(VIEW_NAMES as readonly string[]).includes(name)) return undefined;
  return (globalThis as unknown as Record<string, never>)[name];
}

const INTRINSICS: readonly (readonly [name: string, shape: Shape])[] = [
  ["Object", "object"],
  ["Array", "array"],
  ["Date", "date"],
  ["RegExp", "regexp"],
  ["URL", "url"],
  ["URLSearchParams", "params"],
  ["Map", "map"],
  ["Set", "set"],
  ["ArrayBuffer", "buffer"],
  ["Number", "boxed"],
  ["String", "boxed"],
  ["Boolean", "boxed"],
  ["BigInt", "boxed"],
  ...VIEW_NAMES.map((name) => [name, "view"] as const),
];

const byName = new Map<string, Shape>(INTRINSICS);
const byPrototype = new Map<object, Shape>();
for (const [name, shape] of INTRINSICS) {
  const intrinsic = (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name];
  if (intrinsic !== undefined) byPrototype.set(intrinsic.prototype, shape);
}

/** Whether it is the prototype of a built-in class whose instances travel. */
export function isIntrinsic(prototype: object): boolean {
  return byPrototype.has(prototype);
}

/** What a value calls itself: `Map`, `Promise`, `Generator`, `Object` ... */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  // What has a tag of its own is none, and may have it from a getter of the user's.
  return typeof value === "object" && value !== null && !(Symbol.toStringTag in value) && tagOf(value) === "Error";
}

/** The name of the class that an object is a direct instance of; empty if it has none. */
export function classNameOf(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value);
  const made: unknown = (prototype as { constructor?: unknown } | null)?.constructor;
  return typeof made === "function" ? made.name : "";
}

/** What an object is, by its prototype; undefined if it is an instance of a class that does not travel. */
export function shapeOf(value: object): Shape | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return "null-object";
  const shape = byPrototype.get(prototype);
  if (shape !== undefined) return shape === "object" && isSpecialObject(value) ? undefined : shape;
  if (prototype === bufferClass()?.prototype) return "view";
  if (isError(value)) return "error";
  return foreignShape(value, prototype);
}

/** `arguments`, `Math` and their like have the prototype of plain objects, but their content is not in their keys. */
function isSpecialObject(value: object): boolean {
  return tagOf(value) !== "Object" && Object.getOwnPropertySymbols(value).length > 0;
}

/** Code in another realm (a vm context) has built-in classes of its own; what they made is as good as ours. */
function foreignShape(value: object, prototype: object): Shape | undefined {
  const own: unknown = Object.hasOwn(prototype, "constructor") ? prototype.constructor : undefined;
  if (typeof own !== "function") return undefined;
  const { name } = own;
  const native = functionSource(own) === `function ${name}() { [native code] }`;
  return native && tagOf(value) === name ? byName.get(name) : undefined;
}
