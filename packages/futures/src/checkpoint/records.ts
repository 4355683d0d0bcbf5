import { createHash } from "node:crypto";
import { type Bodies, bodyAt, countOf, kindAt, outcomeAt } from "@pydist/protocol";

/** Half of a SHA-256 is enough to tell values apart that nobody makes alike on purpose. */
const HASH_BYTES = 16;
/** A record is: seal, hash of the input, kind of the result's body, body. */
const KIND_AT = 2 * HASH_BYTES;
const BODY_AT = KIND_AT + 1;

/** A result as it came back, and the hash of the input that it belongs to. */
export interface Kept {
  readonly input: Uint8Array;
  readonly kind: number;
  readonly body: Uint8Array;
}

function hashOf(...parts: (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, HASH_BYTES);
}

/** What identifies the encoded arguments of one call. */
export function inputHash(inputs: Bodies, index: number): Uint8Array {
  return hashOf(Uint8Array.of(kindAt(inputs, index)), bodyAt(inputs, index));
}

/** Where the result of a map's call lies; keys are in the order of the calls. */
export function keyOf(index: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(index));
  return key;
}

/**
 * What is stored of a result. The seal covers the function, too: what was left over from another one, or was changed on
 * the disk, is no record at all.
 */
export function seal(identity: string, key: Uint8Array, { input, kind, body }: Kept): Uint8Array {
  const kinds = Uint8Array.of(kind);
  return Buffer.concat([hashOf(identity, key, input, kinds, body), input, kinds, body]);
}

/** The result in a record; undefined if it is not what was sealed. */
export function unseal(identity: string, key: Uint8Array, record: Uint8Array): Kept | undefined {
  if (record.length < BODY_AT) return undefined;
  const sealed = hashOf(identity, key, record.subarray(HASH_BYTES));
  if (Buffer.compare(sealed, record.subarray(0, HASH_BYTES)) !== 0) return undefined;
  return {
    input: record.subarray(HASH_BYTES, KIND_AT),
    kind: record[KIND_AT] as number,
    body: record.subarray(BODY_AT),
  };
}

/** Results that lay side by side, as bodies again. */
export function bodiesOf(results: readonly Kept[]): Bodies {
  const ends = new Uint32Array(results.length);
  const pieces: Uint8Array[] = [];
  let end = -1;
  for (const [i, { body }] of results.entries()) {
    if (i > 0) pieces.push(COMMA);
    pieces.push(body);
    end += body.length + 1;
    ends[i] = end;
  }
  return { kinds: Uint8Array.from(results, ({ kind }) => kind), ends, bytes: Buffer.concat(pieces), times: undefined };
}

const COMMA = Uint8Array.of(0x2c);

/** Positions of what returned: failures and cancelled calls are to run again. */
export function returned(results: Bodies): number[] {
  const found: number[] = [];
  for (let i = 0; i < countOf(results); i++) if (outcomeAt(results, i) === 0) found.push(i);
  return found;
}
