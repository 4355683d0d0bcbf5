import type { DecodeOptions, EncodeOptions } from "./extension.js";
import { lower } from "./lower.js";
import { openGraph } from "./reader.js";
import { sealed } from "./rich.js";

/** A value as bytes, and what is in it. */
export interface Graph {
  /**
   * Written when they are first asked for, because some graphs are only looked at: nothing in the value may change before.
   * @throws SerializationError if it is too large
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Every object, function and symbol in it, by the number that `decodeGraph` gives its counterpart. */
  readonly objects: ReadonlyMap<unknown, number>;
  /** How many numbers it takes: those of another graph may be counted on from here. */
  readonly count: number;
}

/**
 * Encodes a value as `encodeValue` does, always as a rich one, with what an extension knows to write. `objects` may
 * then be given as `known`, to write later values that refer to objects of this one.
 * @throws SerializationError as `encodeValue`, and whatever the extension throws.
 */
export function encodeGraph(value: unknown, path: string, options: EncodeOptions = {}): Graph {
  const lowered = lower(value, path, "refuse", options);
  const objects = new Map<unknown, number>();
  const { targets, nodes, leaves } = lowered;
  for (const [key, target] of targets) {
    // The first node is the array around the value.
    if (target !== 0 && isIdentity(key)) objects.set(key, target > 0 ? target : nodes.length - 1 - target);
  }
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  return {
    get bytes() {
      bytes ??= sealed(lowered, path);
      return bytes;
    },
    objects,
    count: nodes.length + leaves.length,
  };
}

function isIdentity(value: unknown): boolean {
  return typeof value === "object" || typeof value === "function" || typeof value === "symbol";
}

/**
 * The reverse of `encodeGraph`, for once; what is read more often is better opened (`openGraph`). `objects[number]` is
 * what `Graph.objects` gave that number, for use as `known`. The same bytes may be decoded again: each time gives
 * objects, and memory, of its own.
 * @throws SerializationError as `decodeValue`, and whatever the extension throws.
 */
export function decodeGraph(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): { value: unknown; objects: readonly unknown[] } {
  return openGraph(bytes).read(options);
}
