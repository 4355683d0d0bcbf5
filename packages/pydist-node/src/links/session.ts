import { Backoff } from "./backoff.js";
import type { Carrier } from "./carrier.js";

/**
 * One attempt to go on with a session over another socket.
 * @param taken what this side has taken in, modulo 2^32
 * @param goOn told of the socket, and of what the peer has taken in, before anything else that the peer sends is looked at
 * @returns "over" if the peer does not know the session any more
 * @throws whatever came between: worth another attempt
 */
export type Redial = (
  taken: number,
  signal: AbortSignal,
  goOn: (carrier: Carrier, taken: number) => void,
) => Promise<"back" | "over">;

/** Shorter than elsewhere: a second is all the time that there may be. */
const PAUSES = { first: 10, max: 500 };

/** Attempts it until the peer has answered, or `signal` aborts. */
export async function comeBack(attempt: () => ReturnType<Redial>, signal: AbortSignal): Promise<"back" | "over"> {
  const pauses = new Backoff(PAUSES, "none");
  while (!signal.aborted) {
    try {
      return await attempt();
    } catch {
      // Whatever it says: the peer has proved the secret before, and a disturbed handshake looks like any failure.
    }
    await pauses.pause(signal).catch(() => {});
  }
  return "over";
}
