import { CancelledError, ShutdownError, TimeoutError, type Types } from "@pydist/protocol";
import type { Outcome } from "./future.js";
import { Feeder, type FeederHost, type FeederOwner } from "./map-feeder.js";
import { Segment, type SegmentOwner, type Sums } from "./map-segment.js";
import { Shelf } from "./map-shelf.js";
import type { MapSource } from "./map-source.js";
import { type Abortable, follow } from "./signals.js";
import { abortedError, type Ending } from "./sink.js";
import { after } from "./timer.js";

/** What a running map needs of its executor. */
export interface MapHost extends FeederHost {
  /** Slots of the whole tree, for how far a streaming map may run ahead of its reader. */
  readonly slots: number;
  /** The map waits only for its reader, or does not any more. Who reads nothing is no reason for the process to go on. */
  mapRests(hold: Hold): void;
  /** The map takes no more from its source and all its tasks are settled. */
  mapOver(map: MapFeed, hold: Hold): void;
}

/** Whether a map holds the process. */
export type Hold = "holds" | "rests";

/** The side of a map that its executor sees. */
export interface MapFeed {
  begin(): void;
  /** Room has come about: send more, if there is more. */
  feed(): void;
  /** Cancels everything that has not begun. */
  cancel(): void;
  /** Nothing that is open will settle by itself. */
  abandon(ending: Ending): void;
  /** The executor shuts down: who is not just being read waits for no reader. */
  lastCall(): void;
}

export interface MapSettings {
  readonly ordered: boolean;
  /** Calls per batch; "auto" follows their run time. */
  readonly chunksize: number | "auto";
  /** The source is pulled exactly this far ahead of what was read. */
  readonly buffersize: number | undefined;
  /** Milliseconds that the whole map may take. */
  readonly timeout: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Told after every change, and once nothing more will come. */
  readonly watcher: MapWatcher | undefined;
}

/** Whoever wants to know how far a map is. */
export interface MapWatcher {
  settled(run: MapRun): void;
  /** Nothing more comes, or nobody wants the rest any more; perhaps first the one and then the other. */
  over(): void;
}

/** Calls for each slot while nothing is known of them: as many as its nodes are sent then. */
const FIRST_PER_SLOT = 4;
/** Calls that a slot has at least, however large their results: the one that it runs, and the next. */
const LEAST_PER_SLOT = 2;
/** How many milliseconds of work a streaming map may have unread for each slot, once run times are known. */
const UNREAD_TIME = 50;
/** How many bytes of results a streaming map may have unread. */
const UNREAD_BYTES = 64 * 1024 * 1024;

/** One call of `map` under way: from its source to its reader. */
export class MapRun implements MapFeed, FeederOwner, SegmentOwner, Abortable {
  readonly #host: MapHost;
  readonly #settings: MapSettings;
  readonly #feeder: Feeder;
  readonly #shelf: Shelf;
  readonly #timer: NodeJS.Timeout | undefined;
  #unfollow: ((run: MapRun) => void) | undefined;
  #settledCount = 0;
  #failedCount = 0;
  #milliseconds = 0;
  /** Of one result, on average; the newest weigh half. */
  #bytes: number | undefined;
  #state: "open" | "over" = "open";
  /** The map failed, as when its time is over: this comes after what was there by then. */
  #late: { readonly error: unknown } | undefined;
  /** Who iterates over a map asks for the first result in the tick of the call; nobody is a reader who may come later. */
  #reader: "unknown" | "none" | "stream" | "all" | "gone" = "unknown";
  /** How far the run may get ahead: a streaming reader bounds it, one who awaits everything does not. */
  #pace: "bounded" | "free" = "bounded";
  #waiters: (() => void)[] = [];
  /** How many wait for the next outcome, or for all. */
  #inside = 0;
  #hold: Hold = "holds";

  constructor(host: MapHost, source: MapSource, settings: MapSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#feeder = new Feeder(host, source, this, settings.chunksize);
    this.#shelf = new Shelf(settings.ordered);
    this.#timer = after(settings.timeout, () => this.#timeOver());
  }

  get types(): Types | undefined {
    return this.#host.code.types;
  }

  get total(): number | undefined {
    return this.#feeder.total;
  }

  get done(): number {
    return this.#settledCount;
  }

  get failed(): number {
    return this.#failedCount;
  }

  /** Calls that are known to have begun and are not settled. */
  get running(): number {
    return this.#shelf.running;
  }

  begin(): void {
    const { signal } = this.#settings;
    if (signal?.aborted === true) return this.abort(signal.reason);
    if (signal !== undefined) this.#unfollow = follow(signal, this) as (run: MapRun) => void;
    this.#feeder.feed();
    queueMicrotask(() => {
      if (this.#reader === "unknown") this.#reader = "none";
      this.#feeder.feed();
    });
  }

  feed(): void {
    this.#feeder.feed();
  }

  allowed(): number {
    const { buffersize } = this.#settings;
    const unread = this.#feeder.count - this.#shelf.read;
    if (buffersize !== undefined) return buffersize - unread;
    return this.#pace === "free" ? Number.POSITIVE_INFINITY : this.#mostUnread() - unread;
  }

  /** What waits for a reader is bounded by its bytes, and if nobody knows how much may come, by the work that it was. */
  #mostUnread(): number {
    // Who has not begun to read may well await everything.
    if (this.#feeder.sized && this.#reader === "none") return Number.POSITIVE_INFINITY;
    const slots = Math.max(1, this.#host.slots);
    if (this.#bytes === undefined) return FIRST_PER_SLOT * slots;
    const within = Math.max(LEAST_PER_SLOT * slots, Math.floor(UNREAD_BYTES / this.#bytes));
    if (this.#feeder.sized) return within;
    const mean = this.#milliseconds / this.#settledCount;
    const perSlot = Math.min(4096, Math.max(FIRST_PER_SLOT, Math.ceil(UNREAD_TIME / Math.max(mean, 1e-3))));
    return Math.min(within, slots * perSlot);
  }

  segment(count: number): Segment {
    const segment = new Segment(this, count);
    this.#shelf.put(segment);
    return segment;
  }

  fed(): void {
    this.#checkOver();
  }

  paused(): void {
    const { count, standing } = this.#feeder;
    const waits = standing && this.#settledCount === count && this.allowed() <= 0;
    const hold = waits ? "rests" : "holds";
    if (this.#state === "over" || hold === this.#hold) return;
    this.#hold = hold;
    this.#host.mapRests(hold);
  }

  /** Told by a segment: these of its calls are settled now. */
  settled(segment: Segment, news: readonly number[], { failed, milliseconds, bytes }: Sums): void {
    this.#settledCount += news.length;
    this.#failedCount += failed;
    this.#milliseconds += milliseconds;
    const each = bytes / news.length;
    if (news.length > 0) this.#bytes = ((this.#bytes ?? each) + each) / 2;
    this.#shelf.settled(segment, news);
    this.#settings.watcher?.settled(this);
    this.#checkOver();
    this.#wakeReaders();
    this.#feeder.feed();
  }

  #checkOver(): void {
    if (this.#state === "over" || !this.#feeder.done || this.#settledCount < this.#feeder.count) return;
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#unfollow?.(this);
    this.#settings.watcher?.over();
    this.#host.mapOver(this, this.#hold);
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** What was read makes room for more. Feeding may be what changes something: the source may end. */
  async #feedAndWait(): Promise<void> {
    const changed = new Promise<void>((resolve) => this.#waiters.push(resolve));
    this.#feeder.feed();
    await changed;
  }

  /** The next outcome in the order asked for, or undefined at the end. */
  async next(): Promise<Outcome<unknown> | undefined> {
    if (this.#reader === "unknown" || this.#reader === "none") this.#reader = "stream";
    this.#inside++;
    try {
      return await this.#next();
    } finally {
      this.#inside--;
    }
  }

  async #next(): Promise<Outcome<unknown> | undefined> {
    for (;;) {
      if (this.#reader === "gone") return undefined;
      const outcome = this.#shelf.next();
      if (outcome !== undefined) {
        this.#feeder.feed();
        return outcome;
      }
      if (this.#late !== undefined) {
        this.#reader = "gone";
        return this.#late;
      }
      if (this.#state === "over") return this.#feeder.takeMissing();
      await this.#feedAndWait();
    }
  }

  /** Everything in input order. Rejects with the first failure in that order, and cancels the rest then. */
  async all(): Promise<unknown[]> {
    this.#reader = "all";
    this.#pace = "free";
    this.#inside++;
    this.#shelf.readAll();
    const values: unknown[] = [];
    for (;;) {
      let failure = this.#shelf.drainInto(values) ?? this.#late;
      if (failure === undefined && this.#state === "over") {
        failure = this.#feeder.takeMissing();
        if (failure === undefined) return values;
      }
      if (failure !== undefined) {
        this.cancel();
        throw failure.error;
      }
      await this.#feedAndWait();
    }
  }

  #timeOver(): void {
    const { total, done } = this;
    const those = total === undefined ? `${done} of its calls were` : `${done} of its ${total} calls were`;
    this.fail(
      new TimeoutError(`The map was not done within ${this.#settings.timeout} ms; ${those}. The rest is cancelled.`),
    );
  }

  /** What is there by now can be read, then comes the error, then nothing. The rest is cancelled. */
  fail(error: unknown): void {
    if (this.#state === "over") return;
    this.#late ??= { error };
    this.#shelf.close();
    this.cancel();
  }

  /** Nobody reads on: whoever waits for the next result is let go, and the rest is cancelled. */
  leave(): void {
    this.#reader = "gone";
    this.cancel();
    this.#wakeReaders();
  }

  cancel(): void {
    // What was never sent has no outcome of its own: without this an awaited map would end short and say nothing.
    const error = new CancelledError("The map was cancelled before it came to its source's end.");
    this.#stop(error, (segment) => segment.cancel());
  }

  /** As `cancel`; calls that run are stopped, too. */
  abort(reason?: unknown): void {
    this.#stop(abortedError(reason), (segment) => segment.abort(reason));
  }

  #stop(error: CancelledError, stop: (segment: Segment) => void): void {
    if (this.#state === "over") return;
    this.#settings.watcher?.over();
    this.#feeder.end(error);
    for (const segment of this.#shelf.segments) stop(segment);
    this.#checkOver();
    this.#wakeReaders();
  }

  lastCall(): void {
    if (this.#inside === 0) this.#endSource();
  }

  /** What is there by now can be read; who comes for more is told why there is none. */
  #endSource(): void {
    if (this.#state === "over" || this.#feeder.done || this.#pace === "free") return;
    if (this.#feeder.sized && this.#settings.buffersize === undefined) {
      // Calls that were all given are all made, read or not.
      this.#pace = "free";
      return this.#feeder.feed();
    }
    this.#feeder.end(new ShutdownError("The executor was shut down before the map came to its source's end."));
    this.#checkOver();
  }

  /** Its result was collected, so nobody ever reads it: calls are made as if the reader had left, or never come. */
  forsaken(): void {
    if (this.#reader === "stream") this.leave();
    else if (this.#reader === "none") this.#endSource();
  }

  abandon(ending: Ending): void {
    if (!this.#feeder.done) this.#feeder.end(ending("pending"));
    for (const segment of this.#shelf.segments) segment.abandon(ending);
    this.#checkOver();
  }
}
