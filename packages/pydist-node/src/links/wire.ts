/**
 * What lies in the binary ws messages of a link. Little endian:
 *
 *   every kind   u8 kind, u8 flags, u16 0, u32 ack       (ack: how many BATCHes and PARTs the sender of it has taken in)
 *   BATCH        (u32 length, bytes) for each message
 *   PART         f64 length of the whole message, u32 length of this part; the next ws message is the part itself, bare,
 *                so that neither side copies it to add or to take off a header
 *   PING, PONG   f64 stamp of the one that asked
 *   CLOSE        reason, UTF-8
 */
export const Kind = { batch: 1, part: 2, ack: 3, ping: 4, pong: 5, close: 6 } as const;

export function isKind(byte: number | undefined): boolean {
  return byte !== undefined && byte >= Kind.batch && byte <= Kind.close;
}

export const HEADER_BYTES = 8;
const PART_HEADER_BYTES = HEADER_BYTES + 12;
export const LENGTH_BYTES = 4;

const FIRST = 1;
const LAST = 2;

/** Bytes arrived that no correct peer sends. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export interface PartHead {
  readonly first: boolean;
  readonly last: boolean;
  /** Bytes of the whole message. */
  readonly total: number;
  /** Bytes of this part. */
  readonly length: number;
}

function header(kind: number, flags: number, ack: number, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  out[0] = kind;
  out[1] = flags;
  out.writeUInt16LE(0, 2);
  out.writeUInt32LE(ack, 4);
  return out;
}

/** @param bytes of the messages and their lengths */
export function encodeBatch(messages: readonly Uint8Array[], bytes: number, ack: number): Buffer {
  const out = header(Kind.batch, 0, ack, HEADER_BYTES + bytes);
  let at = HEADER_BYTES;
  for (const message of messages) {
    out.writeUInt32LE(message.length, at);
    out.set(message, at + LENGTH_BYTES);
    at += LENGTH_BYTES + message.length;
  }
  return out;
}

export function encodePartHead(part: PartHead, ack: number): Buffer {
  const out = header(Kind.part, (part.first ? FIRST : 0) | (part.last ? LAST : 0), ack, PART_HEADER_BYTES);
  out.writeDoubleLE(part.total, HEADER_BYTES);
  out.writeUInt32LE(part.length, HEADER_BYTES + 8);
  return out;
}

export function encodeAck(ack: number): Buffer {
  return header(Kind.ack, 0, ack, HEADER_BYTES);
}

export function encodeStamp(kind: typeof Kind.ping | typeof Kind.pong, stamp: number, ack: number): Buffer {
  const out = header(kind, 0, ack, HEADER_BYTES + 8);
  out.writeDoubleLE(stamp, HEADER_BYTES);
  return out;
}

export function encodeClose(reason: string, ack: number): Buffer {
  const text = Buffer.from(reason, "utf8");
  const out = header(Kind.close, 0, ack, HEADER_BYTES + text.length);
  out.set(text, HEADER_BYTES);
  return out;
}

/** @throws WireError */
export function readPartHead(data: DataView): PartHead {
  if (data.byteLength !== PART_HEADER_BYTES) throw new WireError(`a part's head of ${data.byteLength} bytes`);
  const flags = data.getUint8(1);
  return {
    first: (flags & FIRST) !== 0,
    last: (flags & LAST) !== 0,
    total: data.getFloat64(HEADER_BYTES, true),
    length: data.getUint32(HEADER_BYTES + 8, true),
  };
}

/** @throws WireError */
export function readStamp(data: DataView): number {
  if (data.byteLength !== HEADER_BYTES + 8) throw new WireError(`a ping of ${data.byteLength} bytes`);
  return data.getFloat64(HEADER_BYTES, true);
}
