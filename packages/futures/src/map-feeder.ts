import { type Bodies, BodiesBuilder, type CancelledError, SerializationError } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { cancelledError } from "./cancelled.js";
import type { Waiter } from "./dependents.js";
import { type Held, hold } from "./held.js";
import type { Segment } from "./map-segment.js";
import type { MapSource, Next } from "./map-source.js";
import { abortedError, type Route, type Sink } from "./sink.js";

/** Where a map's calls go. */
export interface FeederHost {
  /** The map's function. */
  readonly code: ShippedCode;
  /** Sends one batch; `first` is the position of its first call in the map. */
  send(sink: Sink<Route>, bodies: Bodies, first: number): void;
  /** Tells the waiter when the futures among a call's arguments are done. */
  hold(held: Held, waiter: Waiter): { drop(): void };
  /** Whether the tree wants more tasks from here now. */
  readonly wantsMore: boolean;
}

/** The map that is fed. */
export interface FeederOwner {
  /** How many more calls may leave now. */
  allowed(): number;
  /** A place for the outcomes of so many calls, behind those before. */
  segment(count: number): Segment;
  /** Something was sent, or the source ended. */
  fed(): void;
  /** Nothing more is taken from the source by itself. */
  paused(): void;
}

/** Most calls of one batch, and how long, in milliseconds, feeding may hold up the event loop. */
const BATCH = 4096;
const FEED_TIME = 8;
/** Bytes after which a batch is full. */
const BATCH_BYTES = 1024 * 1024;

/** Takes a map's calls from its source, as the tree has room for them. */
export class Feeder {
  readonly #host: FeederHost;
  readonly #source: MapSource;
  readonly #owner: FeederOwner;
  readonly #batch: number;
  #state: "feeding" | "pulling" | "fed" = "feeding";
  #count = 0;
  /** Why calls that were never sent are missing, and how many times that is still to be told. */
  #missing: { readonly error: unknown; left: number } | undefined;
  #later: NodeJS.Immediate | undefined;
  /** What is sent may settle at once, and whoever is told of it feeds: that leads back to here. */
  #turn: "idle" | "busy" = "idle";

  /** @param chunksize calls per batch; "auto" follows their run time */
  constructor(host: FeederHost, source: MapSource, owner: FeederOwner, chunksize: number | "auto") {
    this.#host = host;
    this.#source = source;
    this.#owner = owner;
    this.#batch = chunksize === "auto" ? BATCH : chunksize;
  }

  get done(): boolean {
    return this.#state === "fed";
  }

  /** Whether the source is asked for more as soon as more may leave, and not before. */
  get standing(): boolean {
    return this.#state === "feeding" && this.#later === undefined;
  }

  /** Calls that were taken from the source. */
  get count(): number {
    return this.#count;
  }

  /** Calls in all; undefined while the source's end is not known. */
  get total(): number | undefined {
    return this.#state === "fed" ? this.#count : this.#source.total;
  }

  /** Whether it is known beforehand how many there are. */
  get sized(): boolean {
    return this.#source.total !== undefined;
  }

  /** Sends calls until the tree has enough, the reader is far enough behind, or the source ends. */
  feed(): void {
    if (this.#turn === "busy") return;
    this.#turn = "busy";
    try {
      this.#feedNow();
    } finally {
      this.#turn = "idle";
    }
    this.#owner.paused();
  }

  #feedNow(): void {
    if (this.#state !== "feeding" || this.#later !== undefined) return;
    const until = performance.now() + FEED_TIME;
    while (this.#state === "feeding" && this.#host.wantsMore) {
      const allowed = this.#owner.allowed();
      if (allowed <= 0 || !this.#feedBatch(Math.min(this.#batch, allowed))) return;
      if (performance.now() < until) continue;
      // Others want the event loop too.
      this.#later = setImmediate(() => {
        this.#later = undefined;
        this.feed();
      });
      return;
    }
  }

  /** @returns false if the source keeps us waiting. */
  #feedBatch(max: number): boolean {
    const builder = new BodiesBuilder();
    let held: Held | undefined;
    try {
      while (held === undefined && builder.count < max && builder.byteLength < BATCH_BYTES) {
        const next = this.#source.next();
        if (next instanceof Promise) {
          this.#send(builder);
          this.#pull(next);
          return false;
        }
        if (next === "end") {
          this.#state = "fed";
          break;
        }
        held = this.#take(next.args, builder);
      }
    } catch (error) {
      this.#end(error, 1);
    }
    this.#send(builder);
    if (held !== undefined) this.#hold(held);
    this.#owner.fed();
    return true;
  }

  /** An asynchronous source gives one item at a time; each leaves as soon as it is there. */
  #pull(next: Promise<Next>): void {
    this.#state = "pulling";
    next.then(
      (item) => {
        if (this.#state !== "pulling") return;
        this.#state = item === "end" ? "fed" : "feeding";
        const builder = new BodiesBuilder();
        let held: Held | undefined;
        try {
          if (item !== "end") held = this.#take(item.args, builder);
        } catch (error) {
          this.#end(error, 1);
        }
        this.#send(builder);
        if (held !== undefined) this.#hold(held);
        this.#owner.fed();
        this.feed();
      },
      (error) => {
        this.#end(error, 1);
        this.#owner.fed();
      },
    );
  }

  /**
   * @returns the arguments, if they have to wait for futures among them
   * @throws SerializationError saying which item cannot travel
   */
  #take(args: readonly unknown[], builder: BodiesBuilder): Held | undefined {
    const item = this.#count + builder.count;
    try {
      builder.add(this.#host.code.encodeArguments(args));
      return undefined;
    } catch (error) {
      if (!(error instanceof SerializationError)) throw error;
      const held = hold(args, this.#host.code);
      if (held !== undefined) return held;
      const { path, cause } = error;
      throw new SerializationError(
        `Item ${item} of the map: ${error.message}`,
        cause === undefined ? { path } : { path, cause },
      );
    }
  }

  #send(builder: BodiesBuilder): void {
    const count = builder.count;
    if (count === 0) return;
    const first = this.#count;
    this.#count += count;
    this.#host.send(this.#owner.segment(count), builder.build(), first);
  }

  /** A call that waits for futures has its place among the others, and is sent when they are done. */
  #hold(held: Held): void {
    const first = this.#count++;
    const segment = this.#owner.segment(1);
    let dependent: { drop(): void } | undefined;
    const drop = (error: CancelledError): void => {
      dependent?.drop();
      segment.abandon(() => error);
    };
    segment.sent({
      cancelAt: () => drop(cancelledError()),
      abortAt: (_ranges, reason) => drop(abortedError(reason)),
    });
    dependent = this.#host.hold(held, {
      ready: (args) => {
        const builder = new BodiesBuilder();
        builder.add(this.#host.code.encodeArguments(args));
        this.#host.send(segment, builder.build(), first);
      },
      failed: (error) => segment.abandon(() => error),
    });
  }

  /** The source is not read any further; the error says why, after the outcomes of what was sent. */
  end(error: unknown): void {
    // Each call that is known of has its outcome, sent or not.
    this.#end(error, this.sized ? (this.#source.total as number) - this.#count : 1);
  }

  #end(error: unknown, left: number): void {
    if (this.#state === "fed") return;
    this.#missing = { error, left };
    this.#state = "fed";
    this.#source.close();
    clearImmediate(this.#later);
    this.#later = undefined;
  }

  /** Why a call is missing; undefined once it was told of all. */
  takeMissing(): { readonly error: unknown } | undefined {
    const missing = this.#missing;
    return missing !== undefined && missing.left-- > 0 ? missing : undefined;
  }
}
