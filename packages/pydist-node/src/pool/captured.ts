import { resourceLimits } from "node:worker_threads";
import { type BatchHeader, ShippingError } from "@pydist/protocol";
import { type Captured, Lru, sha256 } from "@pydist/shipping/runtime";

const MIB = 1024 * 1024;
/** Most bytes of captured values that a thread keeps, and no large part of its memory; those that came last in any case. */
const MOST_BYTES = Math.min(128, (resourceLimits.maxOldGenerationSizeMb ?? Number.POSITIVE_INFINITY) / 8) * MIB;

const kept = new Lru<string, Uint8Array>(MOST_BYTES, (bytes) => bytes.length);

/**
 * What a batch's function captured; undefined if nothing.
 * @param given the bytes, if they were sent along
 * @throws ShippingError if the header brings other bytes than it names
 */
export function capturedOf(
  { name, captured }: BatchHeader,
  given: Uint8Array | undefined,
): Captured | "lacking" | undefined {
  if (captured === undefined) return undefined;
  const { hash, state, inline } = captured;
  if (inline !== undefined) {
    const bytes = Buffer.from(inline, "base64");
    if (sha256(bytes) === hash) return { hash, state, bytes };
    const remedy = "This is a fault of pydist: restart the executor, and report it.";
    throw new ShippingError(`What "${name}" captured arrived with other bytes than those of its hash. ${remedy}`, {
      remedy,
    });
  }
  if (given !== undefined) kept.set(hash, given);
  const bytes = given ?? kept.get(hash);
  return bytes === undefined ? "lacking" : { hash, state, bytes };
}
