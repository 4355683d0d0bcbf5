import {
  type Bodies,
  BodiesBuilder,
  CancelledError,
  encodeArguments,
  type Ranges,
  ShutdownError,
} from "@pydist/protocol";
import { type Outcome, Segment, type SegmentOwner } from "./map-segment.js";
import type { MapSource, Next } from "./map-source.js";
import type { Sink } from "./submissions.js";

/** What a running map needs of its executor. */
export interface MapHost {
  /** Sends one batch; `cancelAt` of the answer reaches its tasks. */
  send(sink: Sink, bodies: Bodies): { cancelAt(ranges: Ranges): void };
  /** Whether the tree wants more tasks from here now. */
  readonly wantsMore: boolean;
  /** Slots of the whole tree, for how far a streaming map may run ahead of its reader. */
  readonly slots: number;
  /** The map takes no more from its source and all its tasks are settled. */
  mapOver(map: MapFeed): void;
}

/** The side of a map that its executor sees. */
export interface MapFeed {
  /** Room has come about: send more, if there is more. */
  feed(): void;
  /** Cancels everything that has not begun. */
  cancel(): void;
  abandon(error: unknown): void;
  /** The executor shuts down: who has not been read at all waits for no reader. */
  lastCall(): void;
}

export interface MapSettings {
  readonly ordered: boolean;
  /** Calls per batch; "auto" follows their run time. */
  readonly chunksize: number | "auto";
  /** The source is pulled exactly this far ahead of what was read. */
  readonly buffersize: number | undefined;
  /** Told after every change. */
  readonly onSettled: (() => void) | undefined;
}

/** Most calls of one batch, and how long, in milliseconds, feeding may hold up the event loop. */
const BATCH = 4096;
const FEED_TIME = 8;
/** Bytes after which a batch is full. */
const BATCH_BYTES = 1024 * 1024;
/** How many milliseconds of work a streaming map may have unread for each slot, once run times are known. */
const UNREAD_TIME = 50;

/**
 * One call of `map` under way: feeds calls from a source as the tree has room, and keeps outcomes until they are read.
 */
export class MapRun implements MapFeed, SegmentOwner {
  readonly #host: MapHost;
  readonly #source: MapSource;
  readonly #settings: MapSettings;
  /** Segments that hold something unread, in input order. */
  #segments: Segment[] = [];
  /** Unordered reading: where outcomes lie, in the order of their completion. */
  #completed: { readonly segment: Segment; readonly index: number }[] = [];
  #completedRead = 0;
  #fed = 0;
  #read = 0;
  #settledCount = 0;
  #failedCount = 0;
  #milliseconds = 0;
  #state: "feeding" | "pulling" | "fed" | "over" = "feeding";
  /** A failure of the source itself: it ends the map after the items before it. */
  #sourceFailure: { readonly error: unknown } | undefined;
  /** How far the run may get ahead: a streaming reader bounds it, one who awaits everything does not. */
  #reader: "none" | "stream" | "all" | "gone" = "none";
  #later: NodeJS.Immediate | undefined;
  #waiters: (() => void)[] = [];

  constructor(host: MapHost, source: MapSource, settings: MapSettings) {
    this.#host = host;
    this.#source = source;
    this.#settings = settings;
  }

  get total(): number | undefined {
    return this.#state === "fed" || this.#state === "over" ? this.#fed : this.#source.total;
  }

  get done(): number {
    return this.#settledCount;
  }

  get failed(): number {
    return this.#failedCount;
  }

  /** Sends calls until the tree has enough, the reader is far enough behind, or the source ends. */
  feed(): void {
    if (this.#state !== "feeding" || this.#later !== undefined) return;
    const until = performance.now() + FEED_TIME;
    while (this.#state === "feeding" && this.#host.wantsMore && this.#allowed() > 0) {
      if (!this.#feedBatch(Math.min(this.#batchSize(), this.#allowed()))) return;
      if (performance.now() < until) continue;
      // Others want the event loop too.
      this.#later = setImmediate(() => {
        this.#later = undefined;
        this.feed();
      });
      return;
    }
  }

  #batchSize(): number {
    return this.#settings.chunksize === "auto" ? BATCH : this.#settings.chunksize;
  }

  /** How many more calls may be unread. */
  #allowed(): number {
    const { buffersize } = this.#settings;
    if (buffersize !== undefined) return this.#read + buffersize - this.#fed;
    if (this.#source.total !== undefined || this.#reader === "all") return Number.POSITIVE_INFINITY;
    const slots = Math.max(1, this.#host.slots);
    const mean = this.#settledCount === 0 ? Number.POSITIVE_INFINITY : this.#milliseconds / this.#settledCount;
    const perSlot = Math.min(4096, Math.max(4, Math.ceil(UNREAD_TIME / Math.max(mean, 1e-3))));
    return this.#read + slots * perSlot - this.#fed;
  }

  /** @returns false if the source keeps us waiting. */
  #feedBatch(max: number): boolean {
    const builder = new BodiesBuilder();
    try {
      while (builder.count < max && builder.byteLength < BATCH_BYTES) {
        const next = this.#source.next();
        if (next instanceof Promise) {
          this.#send(builder);
          this.#pull(next);
          return false;
        }
        if (!this.#take(next, builder)) break;
      }
    } catch (error) {
      this.#sourceFailed(error);
    }
    this.#send(builder);
    this.#checkOver();
    return true;
  }

  #take(next: Next, builder: BodiesBuilder): boolean {
    if (next === "end") {
      this.#state = "fed";
      return false;
    }
    builder.add(encodeArguments(next.args));
    return true;
  }

  /** An asynchronous source gives one item at a time; each leaves as soon as it is there. */
  #pull(next: Promise<Next>): void {
    this.#state = "pulling";
    next.then(
      (item) => {
        if (this.#state !== "pulling") return;
        this.#state = "feeding";
        const builder = new BodiesBuilder();
        try {
          this.#take(item, builder);
        } catch (error) {
          this.#sourceFailed(error);
        }
        this.#send(builder);
        this.#checkOver();
        this.feed();
      },
      (error) => {
        this.#sourceFailed(error);
        this.#checkOver();
      },
    );
  }

  #sourceFailed(error: unknown): void {
    if (this.#state === "over") return;
    this.#sourceFailure = { error };
    this.#state = "fed";
    this.#source.close();
  }

  #send(builder: BodiesBuilder): void {
    const count = builder.count;
    if (count === 0) return;
    const segment = new Segment(this, count);
    this.#fed += count;
    this.#segments.push(segment);
    segment.sent(this.#host.send(segment, builder.build()).cancelAt);
  }

  /** Told by a segment: these of its calls are settled now. */
  settled(segment: Segment, news: readonly number[], failed: number, milliseconds: number): void {
    this.#settledCount += news.length;
    this.#failedCount += failed;
    this.#milliseconds += milliseconds;
    if (!this.#settings.ordered && this.#reader !== "all") {
      for (const index of news) this.#completed.push({ segment, index });
    }
    this.#settings.onSettled?.();
    this.#checkOver();
    this.#wakeReaders();
    this.feed();
  }

  #checkOver(): void {
    if (this.#state !== "fed" || this.#settledCount < this.#fed) return;
    this.#state = "over";
    this.#host.mapOver(this);
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** The next outcome in the order asked for, or undefined at the end. */
  async next(): Promise<Outcome | undefined> {
    if (this.#reader === "none") this.#reader = "stream";
    for (;;) {
      if (this.#reader === "gone") return undefined;
      const outcome = this.#settings.ordered ? this.#nextInOrder() : this.#nextCompleted();
      if (outcome !== undefined) {
        this.#read++;
        this.feed();
        return outcome;
      }
      if (this.#state === "over") return this.#takeSourceFailure();
      this.feed();
      await this.#change();
    }
  }

  #nextInOrder(): Outcome | undefined {
    while (this.#segments[0]?.read === true) this.#segments.shift();
    return this.#segments[0]?.takeNext();
  }

  #nextCompleted(): Outcome | undefined {
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

  #takeSourceFailure(): { readonly error: unknown } | undefined {
    const failure = this.#sourceFailure;
    this.#sourceFailure = undefined;
    return failure;
  }

  /** Everything in input order. Rejects with the first failure in that order, and cancels the rest then. */
  async all(): Promise<unknown[]> {
    this.#reader = "all";
    this.#completed = [];
    const values: unknown[] = [];
    for (;;) {
      this.feed();
      const failure = this.#drainInto(values) ?? (this.#state === "over" ? this.#takeSourceFailure() : undefined);
      if (failure !== undefined) {
        this.cancel();
        throw failure.error;
      }
      if (this.#state === "over") return values;
      await this.#change();
    }
  }

  #drainInto(values: unknown[]): { readonly error: unknown } | undefined {
    for (;;) {
      const whole = this.#segments[0]?.takeAll();
      if (whole !== undefined) {
        for (const value of whole) values.push(value);
        this.#read += whole.length;
        continue;
      }
      const outcome = this.#nextInOrder();
      if (outcome === undefined) {
        if (this.#segments[0]?.read === true) continue;
        return undefined;
      }
      this.#read++;
      if ("error" in outcome) return outcome;
      values.push(outcome.value);
    }
  }

  /** Nobody reads on: whoever waits for the next result is let go, and the rest is cancelled. */
  leave(): void {
    this.#reader = "gone";
    this.cancel();
    this.#wakeReaders();
  }

  cancel(): void {
    if (this.#state === "over") return;
    // What was never sent has no outcome of its own: without this an awaited map would end short and say nothing.
    if (this.#state !== "fed") {
      this.#sourceFailure = { error: new CancelledError("The map was cancelled before it came to its source's end.") };
    }
    this.#source.close();
    this.#state = "fed";
    clearImmediate(this.#later);
    this.#later = undefined;
    for (const segment of [...this.#segments]) segment.cancel();
    this.#checkOver();
    this.#wakeReaders();
  }

  lastCall(): void {
    if (this.#reader !== "none" || this.#allowed() === Number.POSITIVE_INFINITY) return;
    if (this.#state === "fed" || this.#state === "over") return;
    this.#sourceFailed(new ShutdownError("The executor was shut down before the map came to its source's end."));
    this.#checkOver();
  }

  abandon(error: unknown): void {
    if (this.#state === "over") return;
    this.#source.close();
    this.#state = "fed";
    this.#sourceFailure ??= error instanceof CancelledError ? undefined : { error };
    for (const segment of [...this.#segments]) if (!segment.settled) segment.abandon(error);
    this.#checkOver();
  }
}
