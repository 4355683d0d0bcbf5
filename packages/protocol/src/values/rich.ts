import { SerializationError } from "../errors.js";
import { open, seal } from "./envelope.js";
import type { DecodeOptions, EncodeOptions } from "./extension.js";
import { readText, writeText } from "./leaves.js";
import { type Lowered, lower, type Strictness } from "./lower.js";
import { raise } from "./raise.js";
import { Foreign } from "./raising.js";

/** Writes what JSON cannot say. @throws SerializationError naming the path of what cannot travel. */
export function encodeRich(
  value: unknown,
  path: string,
  strictness: Strictness,
  options?: EncodeOptions,
): Uint8Array<ArrayBuffer> {
  return sealed(lower(value, path, strictness, options), path);
}

/** The body of a lowered value. */
export function sealed({ nodes, leaves, attachments }: Lowered, path: string): Uint8Array<ArrayBuffer> {
  try {
    return seal(writeText(nodes, leaves), attachments);
  } catch (cause) {
    throw tooLarge(path, cause);
  }
}

/** The reverse of `encodeRich`. @throws SerializationError when the bytes are not what an encoder wrote. */
export function decodeRich(bytes: Uint8Array, options?: DecodeOptions): unknown {
  try {
    const { text, regions } = open(bytes);
    const { nodes, leaves } = readText(text);
    return raise(nodes, leaves, regions("one"), options);
  } catch (cause) {
    throw refused(cause);
  }
}

/** What the caller of a decoder is thrown. */
export function refused(cause: unknown): unknown {
  return cause instanceof Foreign ? cause.error : malformed(cause);
}

/** The engine's own limits: no text of 512 MiB, no buffer of more than it can address. */
function tooLarge(path: string, cause: unknown): SerializationError {
  return new SerializationError(`${path}: too large to send at once. Send it in parts.`, { path, cause });
}

export function malformed(cause: unknown): SerializationError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SerializationError(
    `Malformed value: ${why}. The peer is broken, or writes a version of values that this one cannot read.`,
    { path: "", cause },
  );
}
