import { SerializationError } from "./errors.js";
import { type DecodeOptions, decodeValue, type EncodedValue, Kind } from "./values/index.js";

/**
 * The bodies of consecutive tasks, side by side.
 *
 * Body `i` lies in `bytes` from one past the end of body `i - 1` to `ends[i]`; the byte between two bodies is a comma.
 * So any run of plain bodies, wrapped in brackets, is one JSON text: a worker parses a batch with a single call, and a
 * node cuts a batch at known offsets without looking inside (invariant I5).
 */
export interface Bodies {
  /** How each body is written (`Kind`), plus the `Outcome` flags when the bodies are results. */
  readonly kinds: Uint8Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  /** Results only: how long each call ran, in milliseconds. */
  readonly times: Float32Array | undefined;
}

/** Flags beside the kind of a result's body. */
export const Outcome = {
  /** The body is what the function threw. */
  Failed: 0x10,
  /** The task was cancelled before it ran; the body is empty. */
  Cancelled: 0x20,
  /** Beside `Failed`: the executor's initializer failed, so none of its tasks can run. */
  Broken: 0x40,
} as const;

const KIND_MASK = 0x0f;
/** A task returned, threw, was cancelled, or could not be called: one of them. */
const OUTCOMES: ReadonlySet<number> = new Set([0, Outcome.Failed, Outcome.Cancelled, Outcome.Failed | Outcome.Broken]);
const COMMA = 0x2c;
const HEADER_BYTES = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nothing = new Uint8Array(0);

export function countOf(bodies: Bodies): number {
  return bodies.ends.length;
}

function startOf(bodies: Bodies, index: number): number {
  return index === 0 ? 0 : (bodies.ends[index - 1] as number) + 1;
}

/** The bytes that the bodies from `from` up to, not including, `to` take, separators included. */
export function byteLengthOf(bodies: Bodies, from = 0, to = countOf(bodies)): number {
  return from >= to ? 0 : (bodies.ends[to - 1] as number) - startOf(bodies, from);
}

/** A view on the bodies from `from` up to, not including, `to`; shares the bytes. */
export function sliceBodies(bodies: Bodies, from: number, to: number): Bodies {
  if (from === 0 && to === countOf(bodies)) return bodies;
  const start = startOf(bodies, from);
  const ends = bodies.ends.slice(from, to);
  if (start > 0) for (let i = 0; i < ends.length; i++) ends[i] = (ends[i] as number) - start;
  return {
    kinds: bodies.kinds.subarray(from, to),
    ends,
    bytes: bodies.bytes.subarray(start, to > from ? (bodies.ends[to - 1] as number) : start),
    times: bodies.times?.subarray(from, to),
  };
}

/** Gathers encoded values and lays them side by side. */
export class BodiesBuilder {
  readonly #kinds: number[] = [];
  readonly #parts: (string | Uint8Array)[] = [];
  readonly #times: number[] = [];
  #length = 0;
  #textOnly = true;

  get count(): number {
    return this.#parts.length;
  }

  /** Bytes gathered so far; exact for ASCII, a lower bound for other text. */
  get byteLength(): number {
    return this.#length;
  }

  add(value: EncodedValue, flags = 0, milliseconds = 0): void {
    this.#kinds.push(value.kind | flags);
    this.#times.push(milliseconds);
    if (value.text !== undefined) {
      this.#parts.push(value.text);
      this.#length += value.text.length + 1;
    } else {
      const bytes = value.bytes as Uint8Array;
      this.#parts.push(bytes);
      this.#length += bytes.length + 1;
      this.#textOnly = false;
    }
  }

  build(withTimes = false): Bodies {
    const kinds = Uint8Array.from(this.#kinds);
    const times = withTimes ? Float32Array.from(this.#times) : undefined;
    return { kinds, times, ...(this.#joinedText() ?? this.#joinedBytes()) };
  }

  /** All text and all ASCII, the common case: one join, one encode, and offsets that are string lengths. */
  #joinedText(): Pick<Bodies, "bytes" | "ends"> | undefined {
    if (!this.#textOnly) return undefined;
    const parts = this.#parts as string[];
    const text = parts.join(",");
    const bytes = encoder.encode(text);
    if (bytes.length !== text.length) return undefined;
    const ends = new Uint32Array(parts.length);
    let end = -1;
    for (let i = 0; i < parts.length; i++) {
      end += (parts[i] as string).length + 1;
      ends[i] = end;
    }
    return { bytes, ends };
  }

  #joinedBytes(): Pick<Bodies, "bytes" | "ends"> {
    const parts = this.#parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
    const ends = new Uint32Array(parts.length);
    let end = -1;
    for (let i = 0; i < parts.length; i++) {
      end += (parts[i] as Uint8Array).length + 1;
      ends[i] = end;
    }
    if (parts.length === 1) return { bytes: parts[0] as Uint8Array, ends };
    const bytes = new Uint8Array(Math.max(end, 0)).fill(COMMA);
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Uint8Array;
      bytes.set(part, (ends[i] as number) - part.length);
    }
    return { bytes, ends };
  }
}

/** Bodies of `count` tasks that carry nothing but their flags, as cancelled ones do. */
export function emptyBodies(count: number, flags: number): Bodies {
  const ends = new Uint32Array(count);
  for (let i = 0; i < count; i++) ends[i] = i;
  return {
    kinds: new Uint8Array(count).fill(Kind.Undefined | flags),
    ends,
    bytes: new Uint8Array(Math.max(count - 1, 0)).fill(COMMA),
    times: new Float32Array(count),
  };
}

/** The same encoded value `count` times: one error for every task of a lost range, which ran for so long each. */
export function repeatBody(value: EncodedValue, count: number, flags: number, milliseconds = 0): Bodies {
  const builder = new BodiesBuilder();
  for (let i = 0; i < count; i++) builder.add(value, flags, milliseconds);
  return builder.build(true);
}

/** How one body is written. */
export function kindAt(bodies: Bodies, index: number): Kind {
  return ((bodies.kinds[index] as number) & KIND_MASK) as Kind;
}

/** The flags of one result. */
export function outcomeAt(bodies: Bodies, index: number): number {
  return (bodies.kinds[index] as number) & ~KIND_MASK;
}

export function bodyAt(bodies: Bodies, index: number): Uint8Array {
  return bodies.bytes.subarray(startOf(bodies, index), bodies.ends[index]);
}

/**
 * Decodes every body as a value. Only the submitter and the worker may call this (invariant I5).
 * @throws SerializationError when the bytes are not what an encoder wrote.
 */
export function decodeBodies(bodies: Bodies, options?: DecodeOptions): unknown[] {
  const count = countOf(bodies);
  if (count > 1 && bodies.kinds.every((kind) => kind === Kind.Plain)) {
    return JSON.parse(`[${decoder.decode(bodies.bytes)}]`) as unknown[];
  }
  const values = new Array<unknown>(count);
  for (let i = 0; i < count; i++) values[i] = decodeValue(kindAt(bodies, i), bodyAt(bodies, i), options);
  return values;
}

/*
 * Packed form, in one buffer (little endian, as every machine that runs Node is):
 *
 *   | count u32 | byte length u32 | flags u32 | 0 u32 | ends u32 x count | times f32 x count | kinds u8 x count | pad | bytes |
 *
 * `bytes` begins at a multiple of eight, so that binary attachments of a lone large body are views and not copies.
 */
const WITH_TIMES = 1;
const ALL_PLAIN = 2;

function bytesOffset(count: number, flags: number): number {
  const perTask = 4 + (flags & WITH_TIMES ? 4 : 0) + (flags & ALL_PLAIN ? 0 : 1);
  return Math.ceil((HEADER_BYTES + count * perTask) / 8) * 8;
}

function flagsOf(bodies: Bodies): number {
  let flags = bodies.times === undefined ? 0 : WITH_TIMES;
  if (bodies.kinds.every((kind) => kind === Kind.Plain)) flags |= ALL_PLAIN;
  return flags;
}

/** Bytes of the packed form. */
export function packedLengthOf(bodies: Bodies): number {
  return bytesOffset(countOf(bodies), flagsOf(bodies)) + bodies.bytes.length;
}

/** Writes the packed form into a buffer, at a multiple of eight. */
export function packBodiesInto(bodies: Bodies, buffer: ArrayBuffer, start: number): void {
  const count = countOf(bodies);
  const flags = flagsOf(bodies);
  const packed = new Uint8Array(buffer, start);
  new Uint32Array(buffer, start, 3).set([count, bodies.bytes.length, flags]);
  new Uint32Array(buffer, start + HEADER_BYTES, count).set(bodies.ends);
  let at = HEADER_BYTES + 4 * count;
  if (bodies.times !== undefined) {
    new Float32Array(buffer, start + at, count).set(bodies.times);
    at += 4 * count;
  }
  if (!(flags & ALL_PLAIN)) packed.set(bodies.kinds, at);
  packed.set(bodies.bytes, bytesOffset(count, flags));
}

export function packBodies(bodies: Bodies): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(packedLengthOf(bodies));
  packBodiesInto(bodies, packed.buffer, 0);
  return packed;
}

/**
 * The reverse of `packBodies`; the result's `bytes` view the packed buffer.
 * @throws SerializationError when the buffer does not hold what its header says.
 */
export function unpackBodies(packed: Uint8Array): Bodies {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.length < HEADER_BYTES) throw malformed(`${packed.length} bytes are too few for a header`);
  const count = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  const flags = view.getUint32(8, true);
  const offset = bytesOffset(count, flags);
  if (offset + length !== packed.length) {
    throw malformed(`${count} bodies of ${length} bytes were announced, ${packed.length} bytes arrived`);
  }
  let at = HEADER_BYTES;
  const ends = new Uint32Array(count);
  new Uint8Array(ends.buffer).set(packed.subarray(at, at + 4 * count));
  at += 4 * count;
  let times: Float32Array | undefined;
  if (flags & WITH_TIMES) {
    times = new Float32Array(count);
    new Uint8Array(times.buffer).set(packed.subarray(at, at + 4 * count));
    at += 4 * count;
  }
  let last = -1;
  for (let i = 0; i < count; i++) {
    const end = ends[i] as number;
    if (end <= last && !(i === 0 && end === 0)) throw malformed(`body ${i} ends before it begins`);
    last = end;
  }
  if (count > 0 ? last !== length : length !== 0) throw malformed("the last body does not end with the bytes");
  const kinds = flags & ALL_PLAIN ? new Uint8Array(count) : packed.subarray(at, at + count);
  for (const kind of kinds) {
    if ((kind & KIND_MASK) > Kind.Undefined || !OUTCOMES.has(kind & ~KIND_MASK))
      throw malformed(`a body of kind ${kind}`);
  }
  return { kinds, ends, times, bytes: length === 0 ? nothing : packed.subarray(offset) };
}

function malformed(why: string): SerializationError {
  return new SerializationError(`Malformed bodies: ${why}. The peer is broken or speaks another protocol version.`, {
    path: "",
  });
}
