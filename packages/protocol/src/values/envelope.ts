import type { Attachment } from "./binary.js";

/*
 * | "PV" | version u8 | byte order u8 | text length u32 | attachments u32 | their lengths u32 ... | text | pad |
 * | attachment | pad | attachment | pad ... |
 *
 * Numbers are little endian; attachments begin at multiples of eight, counted from the beginning of the body, and hold
 * elements in the writer's byte order.
 */
const VERSION = 1;
const FIXED = 12;
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
/** A lone attachment of this size is not copied out of the body, if hardly anything else is in that memory. */
const LARGE = 1024 * 1024;
const LITTLE_ELSE = 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function pad8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** @throws RangeError when it is more than one body can hold. */
export function seal(text: string, attachments: readonly Attachment[]): Uint8Array<ArrayBuffer> {
  const textBytes = encoder.encode(text);
  const textStart = FIXED + 4 * attachments.length;
  let total = textStart + textBytes.length;
  for (const { bytes, lead } of attachments) total = pad8(total) + lead + bytes.length;
  const body = new Uint8Array(total);
  const view = new DataView(body.buffer);
  body.set([0x50, 0x56, VERSION, LITTLE]);
  view.setUint32(4, textBytes.length, true);
  view.setUint32(8, attachments.length, true);
  body.set(textBytes, textStart);
  let at = textStart + textBytes.length;
  for (let i = 0; i < attachments.length; i++) {
    const { bytes, lead } = attachments[i] as Attachment;
    if (lead + bytes.length > 0xffff_ffff) throw new RangeError("an ArrayBuffer of 4 GiB or more");
    view.setUint32(FIXED + 4 * i, lead + bytes.length, true);
    at = pad8(at) + lead;
    body.set(bytes, at);
    at += bytes.length;
  }
  return body;
}

/** An attachment's memory: bytes `base` to `base + length` of `buffer`. */
export interface Region {
  readonly buffer: ArrayBuffer;
  readonly base: number;
  readonly length: number;
}

/**
 * Memory of attachment `index` that nobody else uses; the same for every call. It may lie in the middle of a large body
 * unless the first call asked for a buffer of its `exact` size.
 */
export type Regions = (index: number, exact: boolean) => Region;

export interface Opened {
  readonly text: string;
  /** The memory for one reading. If there are `more`, all of it is their own. */
  regions(readings: "one" | "more"): Regions;
}

/** The reverse of `seal`. @throws TypeError and others when the bytes are not a sealed body. */
export function open(body: Uint8Array): Opened {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (body.length < FIXED || body[0] !== 0x50 || body[1] !== 0x56)
    throw new TypeError("no rich value begins like this");
  if (body[2] !== VERSION) throw new TypeError(`it is written in version ${body[2]}, this is version ${VERSION}`);
  const textLength = view.getUint32(4, true);
  const count = view.getUint32(8, true);
  const textStart = FIXED + 4 * count;
  let at = textStart + textLength;
  if (at > body.length) throw new TypeError("it is cut off");
  if (count > 0 && body[3] !== LITTLE) throw new TypeError("its binary data has the other byte order");
  const starts: number[] = [];
  const lengths: number[] = [];
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(FIXED + 4 * i, true);
    starts.push(pad8(at));
    lengths.push(length);
    at = pad8(at) + length;
  }
  if (at !== body.length) throw new TypeError(`its parts take ${at} bytes, ${body.length} are there`);
  const text = decodeText(body.subarray(textStart, textStart + textLength));
  return {
    text,
    regions:
      count === 0 ? () => noRegions : (readings) => regionsOf(body, starts, lengths, count > 1 || readings === "more"),
  };
}

/** Keeps nothing of the body. */
const noRegions: Regions = (index) => {
  throw new TypeError(`there is no attachment ${index}`);
};

function regionsOf(body: Uint8Array, starts: readonly number[], lengths: readonly number[], copies: boolean): Regions {
  const regions: (Region | undefined)[] = [];
  return (index, exact) => {
    const known = regions[index];
    if (known !== undefined) return known;
    const start = starts[index];
    if (start === undefined) return noRegions(index, exact);
    const region = memoryOf(body, start, lengths[index] as number, exact || copies);
    regions[index] = region;
    return region;
  };
}

/*
 * A copy has a buffer of exactly its own size, as the original had. Only for one large attachment the copy is saved,
 * and its views lie in the middle of a slightly larger buffer.
 */
function memoryOf(body: Uint8Array, start: number, length: number, exact: boolean): Region {
  const { buffer } = body;
  const base = body.byteOffset + start;
  const alone = length >= LARGE && buffer.byteLength - length <= LITTLE_ELSE;
  if (!exact && alone && base % 8 === 0 && buffer instanceof ArrayBuffer) return { buffer, base, length };
  const copy = new Uint8Array(length);
  copy.set(body.subarray(start, start + length));
  return { buffer: copy.buffer, base: 0, length };
}

/** Bytes in shared memory are copied first: not every TextDecoder reads there, and they could change meanwhile. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes));
}
