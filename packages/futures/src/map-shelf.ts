import type { Outcome } from "./future.js";
import type { Segment } from "./map-segment.js";

/** What came of a map's calls, from when they are sent until it is read. */
export class Shelf {
  /** Segments that hold something unread, in input order. */
  #segments: Segment[] = [];
  /** Reading by completion: where outcomes lie, in the order in which they came. */
  #completed: { readonly segment: Segment; readonly index: number }[] = [];
  #completedRead = 0;
  #order: "input" | "completion";
  #read = 0;
  /** Once the map's time is over: how many outcomes may still be read. */
  #left = Number.POSITIVE_INFINITY;

  constructor(ordered: boolean) {
    this.#order = ordered ? "input" : "completion";
  }

  /** How many outcomes were read. */
  get read(): number {
    return this.#read;
  }

  /** Calls that are known to have begun. */
  get running(): number {
    let sum = 0;
    for (const segment of this.#segments) sum += segment.running;
    return sum;
  }

  get segments(): readonly Segment[] {
    return [...this.#segments];
  }

  put(segment: Segment): void {
    this.#segments.push(segment);
  }

  /** These calls of the segment are settled now. */
  settled(segment: Segment, news: readonly number[]): void {
    if (this.#order === "completion") for (const index of news) this.#completed.push({ segment, index });
  }

  /** Everything will be read in input order, whatever was asked for. */
  readAll(): void {
    this.#order = "input";
    this.#completed = [];
    this.#completedRead = 0;
  }

  /** What is not there by now is not read any more. */
  close(): void {
    if (this.#left !== Number.POSITIVE_INFINITY) return;
    if (this.#order === "completion") {
      this.#left = this.#completed.length - this.#completedRead;
      return;
    }
    this.#left = 0;
    for (const segment of this.#segments) {
      this.#left += segment.readable;
      if (!segment.settled) break;
    }
  }

  /** The next outcome in the order asked for; undefined if it is not there. */
  next(): Outcome<unknown> | undefined {
    if (this.#left === 0) return undefined;
    const outcome = this.#order === "input" ? this.#nextInOrder() : this.#nextCompleted();
    if (outcome === undefined) return undefined;
    this.#left--;
    this.#read++;
    return outcome;
  }

  #nextInOrder(): Outcome<unknown> | undefined {
    while (this.#segments[0]?.read === true) this.#segments.shift();
    return this.#segments[0]?.takeNext();
  }

  #nextCompleted(): Outcome<unknown> | undefined {
    const next = this.#completed[this.#completedRead];
    if (next === undefined) return undefined;
    // Not shift(), which moves everything behind it.
    if (++this.#completedRead >= 1024 && this.#completedRead * 2 > this.#completed.length) {
      this.#completed = this.#completed.slice(this.#completedRead);
      this.#completedRead = 0;
    }
    const outcome = next.segment.take(next.index);
    if (next.segment.read) this.#segments = this.#segments.filter((each) => each !== next.segment);
    return outcome;
  }

  /** Everything that is there in input order, up to the first failure, which is the answer. */
  drainInto(values: unknown[]): { readonly error: unknown } | undefined {
    for (;;) {
      const whole = this.#left === Number.POSITIVE_INFINITY ? this.#segments[0]?.takeAll() : undefined;
      if (whole !== undefined) {
        this.#segments.shift();
        for (const value of whole) values.push(value);
        this.#read += whole.length;
        continue;
      }
      const outcome = this.next();
      if (outcome === undefined) return undefined;
      if ("error" in outcome) return outcome;
      values.push(outcome.value);
    }
  }
}
