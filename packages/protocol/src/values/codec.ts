import { decodeText } from "./envelope.js";
import { type DecodeOptions, type EncodeOptions, isHooked } from "./extension.js";
import { type EncodedValue, Kind } from "./kind.js";
import { argumentsText, isPlainPrimitive, plainText } from "./plain.js";
import { decodeRich, encodeRich, malformed } from "./rich.js";

/**
 * Encodes any value that can travel, so that decoding gives an equal one: same types and prototypes, the same object
 * wherever it was the same, cycles included. Getters are asked for their value; frozen objects arrive unfrozen, and
 * properties that are not enumerable do not travel. `path` is what the value is called in errors, such as `args[0]`.
 *
 * Bytes of buffers and views are copied once. Views that overlap or touch in one ArrayBuffer, or whose ArrayBuffer is
 * itself part of the value, go on sharing it; other views arrive with a buffer of their own.
 *
 * @throws SerializationError naming the path of a part that cannot travel: functions, symbols, promises, iterators,
 * weak collections, shared or resizable memory, instances of classes (errors and registered types excepted). What
 * `options.extension` throws, as it is.
 */
export function encodeValue(value: unknown, path: string, options?: EncodeOptions): EncodedValue {
  // Text would give away objects that somebody else is to be asked about.
  const text = isHooked(options) && !isPlainPrimitive(value) ? undefined : plainText(value);
  if (text !== undefined) return { kind: Kind.Plain, text, bytes: undefined };
  if (value === undefined) return { kind: Kind.Undefined, text: "null", bytes: undefined };
  return { kind: Kind.Rich, text: undefined, bytes: encodeRich(value, path, "refuse", options) };
}

/**
 * Encodes the arguments of one call, as the array that they are.
 * @throws SerializationError as `encodeValue`.
 */
export function encodeArguments(args: readonly unknown[], options?: EncodeOptions, path = "args"): EncodedValue {
  let text = argumentsText(args);
  if (isHooked(options)) {
    if (text === undefined && args.every(isPlainPrimitive)) text = plainText(args);
    // A copy, as only its items are asked about: each call has an array of its own.
    if (text === undefined) return encodeValue(args.slice(), path, options);
  }
  return text === undefined ? encodeValue(args, path, options) : { kind: Kind.Plain, text, bytes: undefined };
}

/**
 * The reverse of `encodeValue`. Rich bytes may begin at any address. A lone typed array of 1 MiB or more is not copied
 * if the bytes begin at a multiple of eight and are nearly alone in their memory: as with Node's Buffer, its `buffer` is
 * then larger than itself. Every other typed array has a buffer of exactly its size.
 *
 * @throws SerializationError when the bytes are not what an encoder wrote, or hold a registered type that is not
 * registered here or whose `unpack` throws. What `options.extension` throws, as it is.
 */
export function decodeValue(kind: Kind, bytes: Uint8Array, options?: DecodeOptions): unknown {
  switch (kind) {
    case Kind.Plain:
      try {
        return JSON.parse(decodeText(bytes));
      } catch (cause) {
        throw malformed(cause);
      }
    case Kind.Undefined:
      return undefined;
    case Kind.Rich:
      return decodeRich(bytes, options);
    default:
      throw malformed(`its kind is ${String(kind)}`);
  }
}
