import { setTimeout as sleep } from "node:timers/promises";

/** The first pause and the longest, in milliseconds. */
export interface Pauses {
  readonly first: number;
  readonly max: number;
}

const DEFAULT: Pauses = { first: 50, max: 2000 };

/** Pauses between attempts, each twice as long as the one before, up to a longest. */
export class Backoff {
  /** How long a success has to last, in milliseconds, for the next failure to be the first one again. */
  static readonly lasting = DEFAULT.max;
  readonly #pauses: Pauses;
  readonly #hold: "process" | "none";
  #next: number;

  /** @param hold "none": a pause does not keep the process running */
  constructor(pauses = DEFAULT, hold: "process" | "none" = "process") {
    this.#pauses = pauses;
    this.#hold = hold;
    this.#next = pauses.first;
  }

  reset(): void {
    this.#next = this.#pauses.first;
  }

  /**
   * @param most milliseconds that there are left
   * @throws AbortError as soon as the signal aborts
   */
  async pause(signal: AbortSignal | undefined, most = Number.POSITIVE_INFINITY): Promise<void> {
    // Between half of it and all of it, so that the children of a node that restarts do not come in step.
    const jittered = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(2 * this.#next, this.#pauses.max);
    const options = { ref: this.#hold === "process", ...(signal === undefined ? {} : { signal }) };
    await sleep(Math.max(0, Math.min(jittered, most)), undefined, options);
  }
}
