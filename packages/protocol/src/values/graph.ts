import type { EncodeOptions } from "./extension.js";
import { lower } from "./lower.js";
import { sealed } from "./rich.js";

/** A value as bytes, and what is in it. */
export interface Graph {
  /**
   * Written when they are first asked for, because some graphs are only looked at: nothing in the value may change before.
   * @throws SerializationError if it is too large
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Every object, function and symbol in it, by the number that a reader (`openGraph`) gives its counterpart. */
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
