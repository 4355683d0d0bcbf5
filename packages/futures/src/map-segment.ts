import type { Bodies, Ranges, ResultInfo, Types } from "@pydist/protocol";
import { decodeResults, type KnownErrors } from "./decoding.js";
import type { Outcome } from "./future.js";
import { abortedError, type Ending, type Route, type Sink } from "./sink.js";

/** Who sent the segment. */
export interface SegmentOwner {
  /** Registered types that its results may be of, where those of the process are not all. */
  readonly types: Types | undefined;
  /** These of its calls are settled now. */
  settled(segment: Segment, news: readonly number[], sums: Sums): void;
}

/** What calls that settled together come to. */
export interface Sums {
  readonly failed: number;
  /** Time that they ran. */
  readonly milliseconds: number;
  /** Encoded results. */
  readonly bytes: number;
}

/** What became of a call of a segment. */
const Fate = { Open: 0, Running: 1, Settled: 2, Read: 3 } as const;

/** Calls that were sent as one batch, and what came of them until it is read. */
export class Segment implements Sink {
  readonly count: number;
  readonly #owner: SegmentOwner;
  readonly #fates: Uint8Array;
  readonly #values: unknown[];
  #errors: Map<number, unknown> | undefined;
  #route: Route | undefined;
  /** Its calls were asked to stop: whatever comes of them, they are cancelled. */
  #abort: { readonly reason: unknown } | undefined;
  #open: number;
  #running = 0;
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

  /** Calls that are known to have begun. */
  get running(): number {
    return this.#running;
  }

  /** Outcomes that can be read in input order without waiting. */
  get readable(): number {
    let end = this.#cursor;
    while (end < this.count && (this.#fates[end] as number) >= Fate.Settled) end++;
    return end - this.#cursor;
  }

  sent(route: Route): void {
    this.#route = route;
  }

  report(from: number, bodies: Bodies, info: ResultInfo, known?: KnownErrors): void {
    const { values, errors } = decodeResults(bodies, info.node, { from, known, types: this.#owner.types });
    let milliseconds = 0;
    let failed = 0;
    const news: number[] = [];
    for (let i = 0; i < values.length; i++) {
      milliseconds += bodies.times?.[i] ?? 0;
      if (!this.#settle(from + i, values[i])) continue;
      news.push(from + i);
      if (this.#abort !== undefined) this.#fail(from + i, abortedError(this.#abort.reason));
      else if (errors?.has(i) === true) this.#fail(from + i, errors.get(i));
      else continue;
      failed++;
    }
    this.#owner.settled(this, news, { failed, milliseconds, bytes: bodies.bytes.length });
  }

  #settle(index: number, value: unknown): boolean {
    const fate = this.#fates[index] as number;
    if (fate >= Fate.Settled) return false;
    if (fate === Fate.Running) this.#running--;
    this.#fates[index] = Fate.Settled;
    this.#values[index] = value;
    this.#open--;
    return true;
  }

  #fail(index: number, error: unknown): void {
    this.#errors ??= new Map();
    this.#errors.set(index, error);
    this.#values[index] = undefined;
  }

  started(ranges: Ranges): void {
    this.#running += this.#change(ranges, Fate.Open, Fate.Running);
  }

  waiting(ranges: Ranges): void {
    this.#running -= this.#change(ranges, Fate.Running, Fate.Open);
  }

  #change(ranges: Ranges, before: number, after: number): number {
    let changed = 0;
    for (let r = 0; r + 1 < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) {
        if (this.#fates[i] !== before) continue;
        this.#fates[i] = after;
        changed++;
      }
    }
    return changed;
  }

  abandon(ending: Ending, from = 0, to = this.count): void {
    const news: number[] = [];
    for (let i = from; i < to; i++) {
      const task = this.#fates[i] === Fate.Running ? "running" : "pending";
      if (!this.#settle(i, undefined)) continue;
      this.#fail(i, this.#abort === undefined ? ending(task) : abortedError(this.#abort.reason));
      news.push(i);
    }
    if (news.length > 0) this.#owner.settled(this, news, { failed: news.length, milliseconds: 0, bytes: 0 });
  }

  cancel(): void {
    if (this.#open > 0) this.#route?.cancelAt([0, this.count]);
  }

  abort(reason: unknown): void {
    if (this.#open === 0 || this.#abort !== undefined) return;
    this.#abort = { reason };
    this.#route?.abortAt([0, this.count], reason);
  }

  /** The outcome at an index, once; undefined if it is not there or was read. It is dropped here as it is read. */
  take(index: number): Outcome<unknown> | undefined {
    if (this.#fates[index] !== Fate.Settled) return undefined;
    this.#fates[index] = Fate.Read;
    const value = this.#values[index];
    this.#values[index] = undefined;
    if (index === this.#cursor) this.#advance();
    if (this.#errors?.has(index) !== true) return { value };
    const error = this.#errors.get(index);
    this.#errors.delete(index);
    return { error };
  }

  /** The next outcome in input order. */
  takeNext(): Outcome<unknown> | undefined {
    return this.#cursor < this.count ? this.take(this.#cursor) : undefined;
  }

  #advance(): void {
    while (this.#cursor < this.count && this.#fates[this.#cursor] === Fate.Read) this.#cursor++;
  }

  /** All values at once, if nothing failed and nothing was read yet: what awaiting a map mostly finds. */
  takeAll(): unknown[] | undefined {
    if (this.#open > 0 || this.#cursor > 0 || (this.#errors?.size ?? 0) > 0) return undefined;
    if (this.#fates.includes(Fate.Read)) return undefined;
    this.#cursor = this.count;
    return this.#values;
  }
}
