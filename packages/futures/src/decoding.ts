import {
  type Bodies,
  bodyAt,
  countOf,
  decodeBodies,
  decodeFailure,
  encodeFailure,
  kindAt,
  Outcome,
  outcomeAt,
  repeatBody,
  type Types,
} from "@pydist/protocol";
import { relocate } from "@pydist/shipping";
import { cancelledError } from "./cancelled.js";

/** Settled results of consecutive tasks: values, or errors where a task failed or was cancelled. */
export interface Settled {
  readonly values: unknown[];
  /** By position, what went wrong there; undefined when nothing did. */
  readonly errors: Map<number, unknown> | undefined;
}

/** Failures that were decoded already, by the index of the task. */
export type KnownErrors = ReadonlyMap<number, unknown>;

/** What is known of results before they are decoded. */
export interface Expected {
  /** Their position among those of their batch. */
  readonly from: number;
  readonly known: KnownErrors | undefined;
  /** Registered types that were sent with the code, where those of the process are not all. */
  readonly types: Types | undefined;
}

/** Decodes what came back. The submitter and the worker are the only ones that ever do (invariant I5). */
export function decodeResults(bodies: Bodies, node: string, { from, known, types }: Expected): Settled {
  if (bodies.kinds.every(isValue)) {
    try {
      return { values: decodeBodies(bodies, { types }), errors: undefined };
    } catch {
      // One result does not decode: each is looked at by itself below.
    }
  }
  const count = countOf(bodies);
  const values = new Array<unknown>(count);
  const errors = new Map<number, unknown>();
  for (let i = 0; i < count; i++) {
    const outcome = outcomeAt(bodies, i);
    if (outcome & Outcome.Cancelled) errors.set(i, cancelledError());
    else if (known?.has(from + i) === true) errors.set(i, known.get(from + i));
    else if (outcome & Outcome.Failed) errors.set(i, decodeError(bodies, i, node));
    else {
      try {
        values[i] = decodeBodies(one(bodies, i), { types })[0];
      } catch (error) {
        errors.set(i, error);
      }
    }
  }
  return { values, errors };
}

function isValue(kind: number): boolean {
  return (kind & (Outcome.Failed | Outcome.Cancelled)) === 0;
}

/** Whether a task failed or was cancelled. */
export function anyError(bodies: Bodies): boolean {
  return !bodies.kinds.every(isValue);
}

/** What broke the executor, if one of the results says that it is broken. */
export function brokenBy(bodies: Bodies, node: string): { readonly error: unknown } | undefined {
  const index = bodies.kinds.findIndex((kind) => (kind & Outcome.Broken) !== 0);
  return index < 0 ? undefined : { error: decodeError(bodies, index, node) };
}

/** What a failed task threw. Its stack names the places that the user knows. */
export function decodeError(bodies: Bodies, index: number, node: string): unknown {
  const failure = decodeFailure(kindAt(bodies, index), bodyAt(bodies, index), { node });
  relocate(failure);
  return failure;
}

function one(bodies: Bodies, index: number): Bodies {
  const bytes = bodyAt(bodies, index);
  return {
    kinds: Uint8Array.of(kindAt(bodies, index)),
    ends: Uint32Array.of(bytes.length),
    bytes,
    times: undefined,
  };
}

/** What a running task sent. */
export function decodeMessage(bodies: Bodies, types: Types | undefined): unknown {
  return decodeBodies(bodies, { types })[0];
}

/** Arguments that were laid by, as they were then. */
export function decodeArguments(bodies: Bodies, types: Types | undefined): unknown[] {
  return decodeBodies(bodies, { types })[0] as unknown[];
}

/** One error for many futures, each of which is given an object of its own: what is done to one is not done to all. */
export function copiesOf(error: unknown): () => unknown {
  const encoded = repeatBody(encodeFailure(error), 1, Outcome.Failed);
  return () => decodeFailure(kindAt(encoded, 0), bodyAt(encoded, 0));
}
