/*
 * What was captured is up to two graphs: the types that are registered, and the values, which the first may be needed to
 * read.
 *
 * | length of the first u32 | relation u32 | first, padded to a multiple of eight | second |
 */
const HEADER = 8;

const relations = ["needed", "apart", "apart and shared"] as const;

/** Whether the types are needed to read the values; where they are not, whether tasks may share the values. */
export type Relation = (typeof relations)[number];

export function joinGraphs(
  types: Uint8Array | undefined,
  values: Uint8Array,
  relation: Relation,
): Uint8Array<ArrayBuffer> {
  const length = types?.length ?? 0;
  const start = HEADER + Math.ceil(length / 8) * 8;
  const bytes = new Uint8Array(start + values.length);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, length, true);
  header.setUint32(4, relations.indexOf(relation), true);
  if (types !== undefined) bytes.set(types, HEADER);
  bytes.set(values, start);
  return bytes;
}

/** The reverse of `joinGraphs`; what is no such thing is told by who reads the graphs. */
export function splitGraphs(bytes: Uint8Array): {
  readonly types: Uint8Array | undefined;
  readonly values: Uint8Array;
  readonly relation: Relation;
} {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = bytes.length < HEADER ? 0 : header.getUint32(0, true);
  const start = HEADER + Math.ceil(length / 8) * 8;
  return {
    types: length === 0 ? undefined : bytes.subarray(HEADER, HEADER + length),
    values: bytes.subarray(start),
    relation: (length === 0 ? undefined : relations[header.getUint32(4, true)]) ?? "needed",
  };
}
