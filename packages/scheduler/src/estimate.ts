/** About this much work travels and runs as one unit: long enough to pay for a wake-up, short enough to wait for. */
export const TARGET_MILLISECONDS = 10;
/** Most tasks of one run on a worker, however short they are. */
const MAX_CHUNK = 4096;
/** Most bytes of results that one run should come to: moving them takes longer than the wake-up that a run costs. */
const MAX_CHUNK_BYTES = 1024 * 1024;
const MAX_CODES = 1024;

/** What one call takes and gives, on average. */
interface Mean {
  readonly milliseconds: number;
  /** Of its result. */
  readonly bytes: number;
}

/**
 * Measured run times and sizes of results by code, from which follows how much of it is under way at a time.
 * A function never seen is given out one task a slot.
 */
export class Estimates {
  readonly #means = new Map<string, Mean>();

  /** Mean milliseconds of one call, or undefined while no result came back. */
  meanOf(code: string): number | undefined {
    return this.#means.get(code)?.milliseconds;
  }

  /** How many tasks have results of so many bytes. */
  countWithin(bytes: number, code: string): number {
    return bytes / (this.#means.get(code)?.bytes ?? 0);
  }

  /** Counts in a range of results. Newer ranges weigh half, so a first slow call is soon forgotten. */
  record(code: string, milliseconds: number, bytes: number, count: number): void {
    const { milliseconds: time, bytes: size } = this.#means.get(code) ?? {
      milliseconds: milliseconds / count,
      bytes: bytes / count,
    };
    this.#means.delete(code);
    this.#means.set(code, { milliseconds: (time + milliseconds / count) / 2, bytes: (size + bytes / count) / 2 });
    if (this.#means.size > MAX_CODES) this.#means.delete(this.#means.keys().next().value as string);
  }

  /** How many tasks make about `TARGET_MILLISECONDS` of work, and results that are not too much at once. */
  chunkOf(code: string): number {
    const mean = this.meanOf(code);
    if (mean === undefined) return 1;
    const worth = Math.round(TARGET_MILLISECONDS / Math.max(mean, 1e-6));
    return Math.max(1, Math.floor(Math.min(MAX_CHUNK, worth, this.countWithin(MAX_CHUNK_BYTES, code))));
  }
}
