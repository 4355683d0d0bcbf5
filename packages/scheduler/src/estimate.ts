/** About this much work travels and runs as one unit: long enough to pay for a wake-up, short enough to wait for. */
export const TARGET_MILLISECONDS = 10;
/** Most tasks of one run on a worker, however short they are. */
const MAX_CHUNK = 4096;
const MAX_CODES = 1024;

/**
 * Measured run times by code, from which the size of the next batch follows.
 * A function never seen is given out one task a slot.
 */
export class RunTimes {
  readonly #means = new Map<string, number>();

  /** Mean milliseconds of one call, or undefined while no result came back. */
  meanOf(code: string): number | undefined {
    return this.#means.get(code);
  }

  /** Counts in a range of results. Newer ranges weigh half, so a first slow call is soon forgotten. */
  record(code: string, milliseconds: number, count: number): void {
    const mean = milliseconds / count;
    const before = this.#means.get(code);
    this.#means.delete(code);
    this.#means.set(code, before === undefined ? mean : (before + mean) / 2);
    if (this.#means.size > MAX_CODES) this.#means.delete(this.#means.keys().next().value as string);
  }

  /** How many tasks make about `TARGET_MILLISECONDS` of work. */
  chunkOf(code: string): number {
    const mean = this.#means.get(code);
    if (mean === undefined) return 1;
    return Math.max(1, Math.min(MAX_CHUNK, Math.round(TARGET_MILLISECONDS / Math.max(mean, 1e-6))));
  }
}
