import type { NestedHeader } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { capturedHead } from "./contents.js";
import { LONGEST_NAME, type SubmitOptions } from "./options.js";
import { travelling } from "./sink.js";

/** What holds for tasks unless their options say otherwise. */
export interface HeaderDefaults {
  readonly hopLimit: number;
  readonly attempts: number;
  /** Milliseconds between asking a task to stop and ending its thread. */
  readonly abortGrace: number;
  readonly depth: number;
}

export function nameOf(code: ShippedCode, options: SubmitOptions | undefined): string {
  return options?.name ?? code.name.slice(0, LONGEST_NAME);
}

/** What the tasks of a batch share, as far as whoever submits them decides it. */
export function headOf(
  code: ShippedCode,
  options: SubmitOptions | undefined,
  { hopLimit, attempts, abortGrace, depth }: HeaderDefaults,
): NestedHeader {
  const timeout = options?.timeout ?? Number.POSITIVE_INFINITY;
  return {
    code: code.hash,
    ...(code.captured === undefined ? {} : { captured: capturedHead(code.captured) }),
    name: nameOf(code, options),
    ...(options?.node === undefined ? {} : { node: options.node }),
    hops: options?.hopLimit ?? hopLimit,
    priority: options?.priority ?? 0,
    attempts: options?.attempts ?? attempts,
    attempt: 1,
    depth,
    grace: travelling(abortGrace),
    // No limit is told by saying nothing.
    ...(timeout === Number.POSITIVE_INFINITY ? {} : { timeout }),
  };
}
