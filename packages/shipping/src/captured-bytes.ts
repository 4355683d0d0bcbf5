/*
 * What was captured is up to two graphs: the types that are registered, whose functions the second one needs to be read,
 * and the values.
 *
 * | length of the first u32 | 0 u32 | first, padded to a multiple of eight | second |
 */
const HEADER = 8;

export function joinGraphs(types: Uint8Array | undefined, values: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = types?.length ?? 0;
  const start = HEADER + Math.ceil(length / 8) * 8;
  const bytes = new Uint8Array(start + values.length);
  new DataView(bytes.buffer).setUint32(0, length, true);
  if (types !== undefined) bytes.set(types, HEADER);
  bytes.set(values, start);
  return bytes;
}

/** The reverse of `joinGraphs`; what is no such thing is told by who reads the graphs. */
export function splitGraphs(bytes: Uint8Array): {
  readonly types: Uint8Array | undefined;
  readonly values: Uint8Array;
} {
  const length = bytes.length < HEADER ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const start = HEADER + Math.ceil(length / 8) * 8;
  return {
    types: length === 0 ? undefined : bytes.subarray(HEADER, HEADER + length),
    values: bytes.subarray(start),
  };
}
