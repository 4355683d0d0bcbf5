import { type Extension, encodeArguments, isPlain, SerializationError, shapeOf } from "@pydist/protocol";
import { encodePlainArguments, type ShippedCode } from "../code.js";
import { Kinds } from "../graph.js";
import type { CapturedFunction } from "./capturing.js";
import { lowerObject, ownerOf } from "./objects.js";
import { ours } from "./ours.js";
import { Refused } from "./refused.js";

type ForCalls = Pick<ShippedCode, "encodeArguments"> & Required<Pick<ShippedCode, "keeps">>;

/**
 * How arguments are encoded for a function that has captured something. What is part of that stays the same object, and
 * instances of a class that is part of it arrive as such. Entries of captured weak collections, that arguments are the keys
 * of, travel behind them.
 */
export function callArguments({ objects, weak, types, isPlain: seesNothing }: CapturedFunction): ForCalls {
  const memory = capturedMemory(objects);
  const encode = (args: readonly unknown[], path?: string) => {
    // Nothing in it leads to what the types have captured, and a function that sees nothing has no other way there.
    if (seesNothing && isPlain(args)) return encodePlainArguments(args, path);
    const met: unknown[] = [];
    const extension: Pick<Extension, "lower"> = {
      lower(value, at) {
        if (typeof value !== "object") return undefined;
        met.push(value);
        const owner = ownerOf(value);
        if (owner !== undefined && objects.has(owner)) return { type: Kinds.Prototype, parts: [owner] };
        checkMemory(value, memory, at);
        const shape = shapeOf(value);
        // The codec knows errors by the names of their classes only.
        if (types.typeOf(value, at) !== undefined || (shape !== undefined && shape !== "error")) return undefined;
        return isInstanceOfCaptured(value, objects) ? lowerObject(value, at, () => false) : undefined;
      },
    };
    const options = { extension, known: objects, types: types.given };
    const write = (list: readonly unknown[]) => {
      try {
        return encodeArguments(list, options, path);
      } catch (error) {
        throw error instanceof Refused
          ? new SerializationError(error.message, { path: error.path, cause: error })
          : error;
      }
    };
    if (!weak.any) return write(args);
    let entries: unknown[] = [];
    for (;;) {
      const encoded = write([...args, ours(entries)]);
      const found = weak.entriesOf(met);
      if (found.length === entries.length) return encoded;
      entries = found;
    }
  };
  return {
    encodeArguments: encode,
    keeps: (value) =>
      objects.has(value) || (typeof value === "object" && value !== null && isInstanceOfCaptured(value, objects)),
  };
}

function isInstanceOfCaptured(value: object, objects: ReadonlyMap<unknown, number>): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return false;
  const owner = ownerOf(prototype);
  return objects.has(prototype) || (owner !== undefined && objects.has(owner));
}

/** The memory that captured views show. */
function capturedMemory(objects: ReadonlyMap<unknown, number>): Map<ArrayBufferLike, ArrayBufferView[]> {
  const memory = new Map<ArrayBufferLike, ArrayBufferView[]>();
  for (const object of objects.keys()) {
    if (!ArrayBuffer.isView(object)) continue;
    const views = memory.get(object.buffer);
    if (views === undefined) memory.set(object.buffer, [object]);
    else views.push(object);
  }
  return memory;
}

/** What shows the same memory here would be a copy there. */
function checkMemory(value: object, memory: Map<ArrayBufferLike, ArrayBufferView[]>, path: () => string): void {
  if (memory.size === 0) return;
  const isView = ArrayBuffer.isView(value);
  const views = memory.get(isView ? value.buffer : (value as ArrayBufferLike));
  if (views === undefined) return;
  const [start, end] = isView ? [value.byteOffset, value.byteOffset + value.byteLength] : [0, Number.POSITIVE_INFINITY];
  const shared = views.some((view) => view.byteOffset < end && start < view.byteOffset + view.byteLength);
  if (!shared) return;
  throw new SerializationError(
    `${path()}: memory that the function has captured, too, and would not share with it. Pass or capture both.`,
    { path: path() },
  );
}
