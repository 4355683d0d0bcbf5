import { SerializationError } from "../errors.js";

/** What is thrown for bytes that no encoder wrote. */
export function malformed(cause: unknown): SerializationError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SerializationError(
    `Malformed value: ${why}. The peer is broken, or writes a version of values that this one cannot read.`,
    { path: "", cause },
  );
}
