import { setTimeout as sleep } from "node:timers/promises";
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

/** Milliseconds between attempts: doubled up to the second. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 500;

/** Attempts it until the peer has answered, or `signal` aborts. */
export async function comeBack(attempt: () => ReturnType<Redial>, signal: AbortSignal): Promise<"back" | "over"> {
  for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch {
      // Whatever it says: the peer has proved the secret before, and a disturbed handshake looks like any failure.
    }
    // Between half of the pause and all of it, so that those who lost their links together do not come in step.
    const jittered = pause * (0.5 + Math.random() / 2);
    await sleep(jittered, undefined, { signal, ref: false }).catch(() => {});
  }
  return "over";
}
