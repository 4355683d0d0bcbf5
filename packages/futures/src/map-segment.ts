import type { Bodies, Ranges, ResultInfo } from "@pydist/protocol";
import { decodeResults, type Sink } from "./submissions.js";

/** What came of one call. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Who sent the segment. */
export interface SegmentOwner {
  /** These of its calls are settled now. */
  settled(segment: Segment, news: readonly number[], failed: number, milliseconds: number): void;
}

/** What became of a call of a segment. */
const Fate = { Open: 0, Settled: 1, Read: 2 } as const;

/** Calls that were sent as one batch, and what came of them until it is read. */
export class Segment implements Sink {
  readonly count: number;
  readonly #owner: SegmentOwner;
  readonly #fates: Uint8Array;
  readonly #values: unknown[];
  #errors: Map<number, unknown> | undefined;
  #cancelAt: ((ranges: Ranges) => void) | undefined;
  #open: number;
  /** Everything before it is read. */
  #cursor = 0;

  constructor(owner: SegmentOwner, count: number) {
    this.#owner = owner;
    this.count = count;
    this.#open = count;
    this.#fates = new Uint8Array(count);
    this.#values = new Array(count);
  }

  get settled(): boolean {
    return this.#open === 0;
  }

  get read(): boolean {
    return this.#cursor === this.count;
  }

  sent(cancelAt: (ranges: Ranges) => void): void {
    this.#cancelAt = cancelAt;
  }

  report(from: number, bodies: Bodies, info: ResultInfo): void {
    const { values, errors } = decodeResults(bodies, info.node);
    let milliseconds = 0;
    const news: number[] = [];
    for (let i = 0; i < values.length; i++) {
      milliseconds += bodies.times?.[i] ?? 0;
      if (this.#settle(from + i, values[i])) news.push(from + i);
    }
    for (const [i, error] of errors ?? []) this.#fail(from + i, error);
    this.#owner.settled(this, news, errors?.size ?? 0, milliseconds);
  }

  #settle(index: number, value: unknown): boolean {
    if (this.#fates[index] !== Fate.Open) return false;
    this.#fates[index] = Fate.Settled;
    this.#values[index] = value;
    this.#open--;
    return true;
  }

  #fail(index: number, error: unknown): void {
    this.#errors ??= new Map();
    this.#errors.set(index, error);
  }

  started(): void {}

  waiting(): void {}

  abandon(error: unknown): void {
    const news: number[] = [];
    for (let i = 0; i < this.count; i++) {
      if (!this.#settle(i, undefined)) continue;
      this.#fail(i, error);
      news.push(i);
    }
    this.#owner.settled(this, news, news.length, 0);
  }

  cancel(): void {
    if (this.#open > 0) this.#cancelAt?.([0, this.count]);
  }

  /** The outcome at an index, once; undefined if it is not there or was read. It is dropped here as it is read. */
  take(index: number): Outcome | undefined {
    if (this.#fates[index] !== Fate.Settled) return undefined;
    this.#fates[index] = Fate.Read;
    const value = this.#values[index];
    this.#values[index] = undefined;
    if (index === this.#cursor) this.#advance();
    return this.#errors?.has(index) ? { error: this.#errors.get(index) } : { value };
  }

  /** The next outcome in input order. */
  takeNext(): Outcome | undefined {
    return this.#cursor < this.count ? this.take(this.#cursor) : undefined;
  }

  #advance(): void {
    while (this.#cursor < this.count && this.#fates[this.#cursor] === Fate.Read) this.#cursor++;
  }

  /** All values at once, if nothing failed and nothing was read yet: what awaiting a map mostly finds. */
  takeAll(): unknown[] | undefined {
    if (this.#open > 0 || this.#cursor > 0 || this.#errors !== undefined) return undefined;
    if (this.#fates.includes(Fate.Read)) return undefined;
    this.#cursor = this.count;
    return this.#values;
  }
}
