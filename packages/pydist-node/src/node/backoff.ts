import { setTimeout as sleep } from "node:timers/promises";

const FIRST = 50;
const LONGEST = 2000;

/** Pauses between attempts, doubled from 50 milliseconds up to 2 seconds. */
export class Backoff {
  /** How long a success has to last, in milliseconds, for the next failure to be the first one again. */
  static readonly lasting = LONGEST;
  #next = FIRST;

  reset(): void {
    this.#next = FIRST;
  }

  /**
   * @param most milliseconds that there are left
   * @throws AbortError as soon as the signal aborts
   */
  async pause(signal: AbortSignal, most = Number.POSITIVE_INFINITY): Promise<void> {
    // Between half of it and all of it, so that the children of a node that restarts do not come in step.
    const jittered = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(2 * this.#next, LONGEST);
    await sleep(Math.max(0, Math.min(jittered, most)), undefined, { signal });
  }
}
