import { SerializationError } from "../errors.js";
import { open, seal } from "./envelope.js";
import { readText, writeText } from "./leaves.js";
import { lower, type Strictness } from "./lower.js";
import { raise } from "./raise.js";

/** Writes what JSON cannot say. @throws SerializationError naming the path of what cannot travel. */
export function encodeRich(value: unknown, path: string, strictness: Strictness): Uint8Array {
  const { nodes, leaves, attachments } = lower(value, path, strictness);
  try {
    return seal(writeText(nodes, leaves), attachments);
  } catch (cause) {
    throw tooLarge(path, cause);
  }
}

/** The reverse of `encodeRich`. @throws SerializationError when the bytes are not what an encoder wrote. */
export function decodeRich(bytes: Uint8Array): unknown {
  try {
    const { text, region } = open(bytes);
    const { nodes, leaves } = readText(text);
    return raise(nodes, leaves, region);
  } catch (cause) {
    throw malformed(cause);
  }
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
