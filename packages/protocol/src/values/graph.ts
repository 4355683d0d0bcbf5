import type { Extension } from "./extension.js";
import { lower } from "./lower.js";
import { openGraph } from "./reader.js";
import { sealed } from "./rich.js";
import type { Types } from "./types.js";

/** A value as bytes, and what is in it. */
export interface Graph {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Every object, function and symbol in it, by the number that `decodeGraph` gives its counterpart. */
  readonly objects: ReadonlyMap<unknown, number>;
}

/**
 * Encodes a value as `encodeValue` does, always as a rich one, with what an extension knows to write. `objects` may
 * then be given as `known`, to write later values that refer to objects of this one.
 * @throws SerializationError as `encodeValue`, and whatever the extension throws.
 */
export function encodeGraph(value: unknown, path: string, extension?: Extension, types?: Types): Graph {
  const lowered = lower(value, path, "refuse", { extension, types });
  const objects = new Map<unknown, number>();
  const { targets, nodes } = lowered;
  for (const [key, target] of targets) {
    // The first node is the array around the value.
    if (target !== 0 && isIdentity(key)) objects.set(key, target > 0 ? target : nodes.length - 1 - target);
  }
  return { bytes: sealed(lowered, path), objects };
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
  extension?: Extension,
  types?: Types,
): { value: unknown; objects: readonly unknown[] } {
  return openGraph(bytes).read(extension, types);
}
