import { type GraphReader, openGraph } from "@pydist/protocol";
import { type Relation, splitGraphs } from "../captured-bytes.js";
import type { Captured } from "../code.js";
import { Lru } from "../lru.js";

/** Most memory of readers that a thread keeps; that of the last one in any case. */
const MOST_BYTES = 64 * 1024 * 1024;

/** What a reader without anything in it takes, about. */
const EMPTY = 2048;

/** What was captured, opened. */
export interface Readers {
  /** Of the types that are registered, if any are. */
  readonly types: GraphReader | undefined;
  readonly values: GraphReader;
  readonly relation: Relation;
}

// By the hash of the bytes, so that codes and tasks that captured the same share them.
const kept = new Lru<string, Readers>(MOST_BYTES, ({ types, values }) => {
  return EMPTY + values.byteLength + (types?.byteLength ?? 0);
});

/**
 * The readers of what was captured: tasks come in thousands, and each reads the same.
 * @throws SerializationError when the bytes are not what an encoder wrote
 */
export function readersOf({ hash, bytes }: Captured): Readers {
  const known = kept.get(hash);
  if (known !== undefined) return known;
  const { types, values, relation } = splitGraphs(bytes);
  const readers = { types: types && openGraph(types), values: openGraph(values), relation };
  kept.set(hash, readers);
  return readers;
}
