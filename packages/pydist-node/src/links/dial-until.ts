import { ConnectionError } from "@pydist/protocol";
import { Backoff, type Pauses } from "./backoff.js";
import { type DialOptions, dial } from "./dial.js";
import type { LinkLike } from "./link-like.js";

export interface DialUntilOptions extends DialOptions {
  /** Milliseconds in all; Infinity for as long as `signal` allows. Default 10,000. */
  readonly timeout?: number | undefined;
  /** How often all addresses are dialled. Default: as often as the time allows. */
  readonly rounds?: number | undefined;
  /** Pauses, in milliseconds, between rounds over the addresses: from `first`, doubled up to `max`. Default 50 and 2000. */
  readonly backoff?: Pauses | undefined;
  /** Told of each failed attempt that another one follows. */
  readonly onRetry?: ((error: ConnectionError) => void) | undefined;
}

/** An attempt that had fewer milliseconds says nothing of why nobody is there. */
const LEAST_ATTEMPT = 100;

/**
 * Dials the addresses in order, again and again, until one answers. Only ConnectionErrors are worth another attempt: a
 * wrong secret, another version or a cycle does not get better by waiting and is thrown at once.
 *
 * @throws ConnectionError with the last reason, when the time is over
 * @throws whatever else `dial` throws
 */
export async function dialUntil(addresses: readonly string[], options: DialUntilOptions): Promise<LinkLike> {
  if (addresses.length === 0) throw new TypeError("dialUntil was given no address.");
  const { timeout = 10_000, backoff, onRetry, signal, ...dialOptions } = options;
  const { rounds = Number.POSITIVE_INFINITY } = options;
  const { attemptTimeout = 5000 } = dialOptions;
  const deadline = performance.now() + timeout;
  const pauses = new Backoff(backoff);
  let last: ConnectionError | undefined;
  for (let round = 1; ; round++) {
    for (const address of addresses) {
      const left = deadline - performance.now();
      if (left <= 0) throw outOfTime(addresses, timeout, last);
      try {
        return await dial(address, {
          ...dialOptions,
          signal,
          attemptTimeout: Math.min(attemptTimeout, Math.ceil(left)),
        });
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        if (last === undefined || left >= LEAST_ATTEMPT) last = error;
        onRetry?.(error);
      }
    }
    if (round >= rounds && last !== undefined) throw last;
    await pauses.pause(signal, deadline - performance.now());
  }
}

function outOfTime(addresses: readonly string[], timeout: number, last: ConnectionError | undefined): ConnectionError {
  const message =
    `No node answered at ${addresses.join(", ")} within ${Math.round(timeout)} ms. ${last?.message ?? ""}`.trimEnd();
  const address = last?.address;
  return new ConnectionError(message, { cause: last, ...(address === undefined ? {} : { address }) });
}
