import { decodeValue, type EncodedValue, encodeValue, type Kind, type Types } from "@pydist/protocol";
import type { Callable, Captured } from "../code.js";

/** A code that was loaded: what makes the function of a task. */
export interface Program {
  /** Whether its functions may ask for the task's context. */
  readonly context: "wanted" | "unwanted";
  /**
   * The function with what it captured: made anew by each call if its code captures something.
   * @throws ShippingError when the values are missing, or are not those of this code
   */
  bind(captured: Captured | undefined): Bound;
}

/** A function with the values that it sees, and the way to it and back. */
export interface Bound {
  readonly fn: Callable;
  /** The registered types that came along; what a task submits may have to do with them. */
  readonly types?: Types | undefined;
  /** @throws SerializationError when the bytes are not what an encoder wrote */
  decodeArguments(kind: Kind, bytes: Uint8Array): unknown[];
  /** @throws SerializationError naming what of it cannot travel */
  encodeResult(value: unknown): EncodedValue;
}

/** The program of a function that captures nothing: one for all tasks. */
export function programOf(fn: Callable, context: Program["context"]): Program {
  const bound: Bound = {
    fn,
    decodeArguments: (kind, bytes) => decodeValue(kind, bytes) as unknown[],
    encodeResult: (value) => encodeValue(value, "result"),
  };
  return { context, bind: () => bound };
}
