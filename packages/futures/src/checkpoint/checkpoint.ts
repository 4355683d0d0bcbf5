import { type Bodies, countOf, sliceBodies } from "@pydist/protocol";
import type { Waiter } from "../dependents.js";
import type { Held } from "../held.js";
import type { Hold, MapFeed, MapHost } from "../map-run.js";
import type { Route, Sink } from "../sink.js";
import { otherInput } from "./identity.js";
import { type Keep, KeptBatch, runsOf } from "./kept-batch.js";
import { bodiesOf, inputHash, type Kept, returned } from "./records.js";
import { awaitClosing, Store } from "./store.js";

/** So many batches are looked up at a time: the next is ready when the one before has left. */
const LOOKED_UP = 4;

/** The map whose results are kept. */
export interface Checkpointed {
  /** Send more, if there is more. */
  feed(): void;
  /** The map comes to nothing more. */
  fail(error: unknown): void;
}

/**
 * Stands between a map and its executor: what an earlier run of the program has kept does not leave, and what comes back
 * is kept before the map is given it.
 */
export class Checkpoint implements MapHost {
  readonly #host: MapHost;
  readonly #path: string;
  readonly #map: Promise<Checkpointed>;
  readonly #opening: Promise<Store | undefined>;
  readonly #closed: Promise<void>;
  #end: () => void = () => {};
  #serve: (map: Checkpointed) => void = () => {};
  #state: "opening" | "open" | "failed" | "over" = "opening";
  #lookups = 0;
  /** Resolves when the last batch has left. */
  #left: Promise<void> = Promise.resolve();

  /** @param path absolute */
  constructor(host: MapHost, path: string) {
    this.#host = host;
    this.#path = path;
    this.#map = new Promise((resolve) => {
      this.#serve = resolve;
    });
    this.#opening = this.#open();
    const over = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    this.#closed = over.then(() => this.#opening).then((store) => store?.close());
  }

  /** The map that is to be told. */
  serve(map: Checkpointed): void {
    this.#serve(map);
  }

  async #open(): Promise<Store | undefined> {
    try {
      const store = await Store.open(this.#path, this.#host.code);
      if (this.#state === "opening") this.#state = "open";
      void this.#map.then((map) => map.feed());
      return store;
    } catch (error) {
      await this.#fail(error);
      return undefined;
    }
  }

  /** Once is enough. */
  async #fail(error: unknown): Promise<void> {
    if (this.#state === "failed" || this.#state === "over") return;
    this.#state = "failed";
    (await this.#map).fail(error);
  }

  get code(): MapHost["code"] {
    return this.#host.code;
  }

  get slots(): number {
    return this.#host.slots;
  }

  get wantsMore(): boolean {
    return this.#state === "open" && this.#lookups < LOOKED_UP && this.#host.wantsMore;
  }

  hold(held: Held, waiter: Waiter): { drop(): void } {
    return this.#host.hold(held, waiter);
  }

  mapRests(hold: Hold): void {
    this.#host.mapRests(hold);
  }

  send(sink: Sink<Route>, inputs: Bodies, first: number): void {
    this.#left = this.#sendRest(sink, inputs, first, this.#left);
  }

  /**
   * Sends those calls of a batch whose results are not kept.
   * @param before resolves when the batch before it has left: which is looked up first is no matter of what is run first
   */
  async #sendRest(sink: Sink<Route>, inputs: Bodies, first: number, before: Promise<void>): Promise<void> {
    const count = countOf(inputs);
    const hashes = Array.from({ length: count }, (_, i) => inputHash(inputs, i));
    const keep: Keep = (from, results, then) => void this.#keep(first + from, results, hashes.slice(from), then);
    // A map is stopped as a whole; those of its calls that run may take a while to end.
    const batch = new KeptBatch(sink, keep, () => awaitClosing(this.#path, this.#closed));
    this.#lookups++;
    const found = (await (await this.#opening)?.read(first, first + count)) ?? new Map<number, Kept>();
    await before;
    this.#lookups--;
    if (batch.dropped || this.#state === "over") return;
    const other = hashes.findIndex((hash, i) => differs(found.get(first + i), hash));
    if (other >= 0) return this.#fail(otherInput(this.#path, first + other));
    for (const [from, to, known] of runsOf(count, (i) => found.has(first + i))) {
      // Whoever is told of a result may cancel the rest.
      if (batch.dropped || this.#isOver) return;
      if (!known) this.#host.send(batch.part(to - from), sliceBodies(inputs, from, to), first + from);
      else {
        const results = Array.from({ length: to - from }, (_, i) => found.get(first + from + i) as Kept);
        batch.restore(bodiesOf(results));
      }
    }
    (await this.#map).feed();
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }

  async #keep(first: number, results: Bodies, hashes: readonly Uint8Array[], then: () => void): Promise<void> {
    const kept = new Map<number, Kept>();
    for (const i of returned(results)) {
      const result = sliceBodies(results, i, i + 1);
      kept.set(first + i, { input: hashes[i] as Uint8Array, kind: result.kinds[0] as number, body: result.bytes });
    }
    if (kept.size > 0) {
      try {
        await (await this.#opening)?.keep(kept);
      } catch (error) {
        await this.#fail(error);
      }
    }
    // A result that could not be kept is one all the same; whoever reads was told of the failure before.
    if (!this.#isOver) then();
  }

  /** The executor waits for the store, so that nothing is left open after a shutdown. */
  mapOver(map: MapFeed, hold: Hold): void {
    this.#state = "over";
    awaitClosing(this.#path, this.#closed);
    void this.#closed.then(() => this.#host.mapOver(map, hold));
    this.#end();
  }
}

function differs(kept: Kept | undefined, hash: Uint8Array): boolean {
  return kept !== undefined && Buffer.compare(kept.input, hash) !== 0;
}
