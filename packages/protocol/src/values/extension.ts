import type { Types } from "./types.js";

/** Any function or class; what it takes is not the codec's business. */
export type AnyFunction = (...args: never[]) => unknown;

/**
 * Teaches the codec values that it does not know by itself, such as functions. What either end throws reaches the
 * caller of the codec unchanged.
 */
export interface Extension {
  /**
   * Offered every function, symbol and object before anything else is tried, once per value; in what order is open.
   * undefined leaves the value to the codec. May throw what refuses it; `path()` says where it lies, as the paths of
   * SerializationErrors do.
   */
  lower(value: object | symbol | AnyFunction, path: () => string): Extra | undefined;
  /**
   * Makes the value of a node as far as it can be made before its parts are filled. `parts.get(i)` makes that part first
   * if need be, which may then still be empty itself. Two values that ask for each other here are refused as malformed.
   */
  create(type: string, parts: Parts): unknown;
  /**
   * All values exist and containers hold what they should: puts in the rest. Called in the order of `lower`, except that
   * what a registered type is made of is filled before its `unpack`.
   */
  fill(type: string, value: unknown, parts: Parts): void;
}

/** What an extension makes of a value. */
export interface Extra {
  readonly type: string;
  /** Any values: whatever can travel, and whatever the extension accepts. Symbols, functions, undefined, NaN included. */
  readonly parts: readonly unknown[];
  /** How a path goes on to part `i`, such as `.name`; `[i]` if not given. */
  readonly step?: (i: number) => string;
}

/** The parts of an extra value, at the other end. */
export interface Parts {
  readonly length: number;
  /** @throws TypeError when there is no such part, or when it is being made just now. Let it pass. */
  get(i: number): unknown;
  /** What `create` leaves here for `fill`. */
  note?: unknown;
}

/** How values are written, apart from what the codec does anyway. */
export interface EncodeOptions {
  readonly extension?: Pick<Extension, "lower"> | undefined;
  /** Objects that the other side has, by their numbers (`Graph.objects`): they are written as references. */
  readonly known?: ReadonlyMap<unknown, number> | undefined;
  /** Asked before the types of the process. */
  readonly types?: Types | undefined;
}

/** Whether somebody else than the codec is asked about objects first. */
export function isHooked(options: EncodeOptions | undefined): boolean {
  return options !== undefined && (options.extension !== undefined || options.known !== undefined);
}

/** The reverse of `EncodeOptions`. */
export interface DecodeOptions {
  readonly extension?: Pick<Extension, "create" | "fill"> | undefined;
  /** Objects by number, as a reader of them gave them. */
  readonly known?: readonly unknown[] | undefined;
  /** Asked before the types of the process. */
  readonly types?: Types | undefined;
}
