import { SerializationError } from "../errors.js";
import { decodeValue, encodeValue } from "./codec.js";
import type { DecodeOptions, EncodeOptions } from "./extension.js";
import { type EncodedValue, Kind } from "./kind.js";
import { problemOfKind } from "./refusal.js";
import { encodeRich } from "./rich.js";
import { isError } from "./shapes.js";

const THROWN = "the thrown value";

/**
 * Encodes what a task threw, whatever it is. Never throws: of an error, fields that cannot travel are replaced by what
 * they were (`[not sent: a function]`); any other value that cannot travel becomes a SerializationError that describes it.
 * What an extension refuses, or `pack` of a registered type, is replaced alike.
 */
export function encodeFailure(error: unknown, options?: EncodeOptions): EncodedValue {
  try {
    if (isError(error)) return describing(error, options);
    return encodeValue(error, THROWN, options);
  } catch {
    return describing(substituteFor(error));
  }
}

function describing(error: unknown, options?: EncodeOptions): EncodedValue {
  return { kind: Kind.Rich, text: undefined, bytes: encodeRich(error, THROWN, "describe", options) };
}

/** An error to throw in place of what cannot travel, with as much of it as can be said. */
function substituteFor(thrown: unknown): SerializationError {
  const what = attempt(() => problemOfKind(thrown).what) ?? "a value that cannot be read";
  const message = attempt(() => (isError(thrown) ? `${thrown.name}: ${thrown.message}` : String(thrown)));
  const said = message === undefined || message.startsWith("[object ") ? "" : ` (${message})`;
  const cause = attempt(() => (typeof thrown === "object" ? { ...thrown } : undefined));
  const text = `${THROWN}: ${what}${said}. Throw an Error: it keeps its fields.`;
  const error = new SerializationError(text, cause === undefined ? { path: THROWN } : { path: THROWN, cause });
  const stack = attempt(() => (isError(thrown) ? thrown.stack : undefined));
  if (typeof stack === "string") error.stack = stack;
  // The copied fields may be what could not be read.
  return attempt(() => encodeRich(error, THROWN, "describe")) === undefined
    ? new SerializationError(text, { path: THROWN })
    : error;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Where an error comes from, as its property `remote` tells. */
export interface Remote {
  /** The node that it was thrown on. */
  readonly node?: string;
  /** Its stack there. */
  readonly stack?: string;
}

/**
 * The value to reject with: what the task threw. Errors keep class, message, stack, cause and fields; with `remote`
 * given they also get a property `remote` (not enumerable) with the node and the stack. An error that already has one
 * was thrown further away and keeps it. Never throws: bytes that cannot be decoded give a SerializationError.
 */
export function decodeFailure(
  kind: Kind,
  bytes: Uint8Array,
  remote?: { node?: string },
  options?: DecodeOptions,
): unknown {
  let failure: unknown;
  try {
    failure = decodeValue(kind, bytes, options);
  } catch (error) {
    failure = error;
  }
  if (remote !== undefined && isError(failure) && !Object.hasOwn(failure, "remote")) {
    const { stack } = failure;
    const value: Remote = stack === undefined ? { ...remote } : { ...remote, stack };
    Object.defineProperty(failure, "remote", { value, enumerable: false, writable: true, configurable: true });
  }
  return failure;
}
