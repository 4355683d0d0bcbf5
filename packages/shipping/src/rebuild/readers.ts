import { type GraphReader, openGraph } from "@pydist/protocol";
import { Lru } from "../lru.js";
import type { CapturedHere } from "./program.js";

/** Most memory of readers that a thread keeps; that of the last one in any case. */
const MOST_BYTES = 64 * 1024 * 1024;

/** What a reader without anything in it takes, about. */
const EMPTY = 2048;

interface Kept {
  readonly reader: GraphReader;
  readonly bytes: number;
}

// By the hash of the bytes, so that codes and tasks that captured the same share a reader.
const kept = new Lru<string, Kept>(MOST_BYTES, ({ bytes }) => bytes);

/**
 * The reader of what was captured: tasks come in thousands, and each reads the same.
 * @throws SerializationError when the bytes are not what an encoder wrote
 */
export function readerOf({ hash, bytes }: CapturedHere): GraphReader {
  const known = kept.get(hash);
  if (known !== undefined) return known.reader;
  const reader = openGraph(bytes);
  kept.set(hash, { reader, bytes: EMPTY + reader.byteLength });
  return reader;
}
