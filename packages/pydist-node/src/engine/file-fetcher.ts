import { type FilePart, ShippingError } from "@pydist/protocol";
import type { TreeFile } from "@pydist/shipping/runtime";
import type { Incoming } from "../store/file-pool.js";
import type { TreeStore } from "../store/tree-store.js";
import { PORTION_BYTES, PORTION_FILES } from "./frame-schema.js";
import type { Peers } from "./peer.js";
import { SHUTTING_DOWN } from "./tree-search.js";

/** Portions that one upstream is asked for at a time: enough that a link never waits for the disk. */
const PORTIONS_UNDER_WAY = 4;

/** A file on its way. */
interface Fetch {
  readonly hash: string;
  readonly size: number;
  /** Upstreams that were asked: each is asked once. */
  readonly tried: Set<number>;
  /** Who is asked now. */
  from: number | undefined;
  /** Bytes that came. */
  received: number;
  incoming: Promise<Incoming> | undefined;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes that are wanted of a file. */
interface Wanted {
  readonly fetch: Fetch;
  readonly part: FilePart;
}

/** What one upstream is asked for. */
interface Channel {
  readonly queue: Wanted[];
  /** Portions that it has not answered; it answers them in order. */
  readonly asked: Wanted[][];
  /** Portions that were asked for and are not written yet. */
  underWay: number;
}

/** Brings files from upstreams into the store, each once however many want it. */
export class FileFetcher {
  readonly #peers: Peers;
  readonly #store: TreeStore;
  readonly #fetches = new Map<string, Fetch>();
  readonly #channels = new Map<number, Channel>();
  #state: "open" | "closed" = "open";
  /** Files of which something is still being written or removed. */
  readonly #writing = new Set<Promise<void>>();

  constructor(peers: Peers, store: TreeStore) {
    this.#peers = peers;
    this.#store = store;
  }

  /** How many files are on their way, and from whom. */
  dump() {
    const channels = [...this.#channels].map(([from, { queue, underWay }]) => ({
      from,
      portions: underWay,
      queued: queue.length,
    }));
    return { files: this.#fetches.size, channels };
  }

  /**
   * @param likeliest the upstream to ask first
   * @throws ShippingError (the promise rejects) for one that nobody has
   */
  async fetch(files: readonly Pick<TreeFile, "sha256" | "size">[], likeliest?: number): Promise<void> {
    if (this.#state === "closed") throw new ShippingError(SHUTTING_DOWN);
    const fetches = files.map(
      ({ sha256: hash, size }) => this.#fetches.get(hash) ?? this.#begin(hash, size, likeliest),
    );
    for (const upstream of this.#channels.keys()) this.#ask(upstream);
    const settled = await Promise.allSettled(fetches.map(({ promise }) => promise));
    const failed = settled.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #begin(hash: string, size: number, likeliest: number | undefined): Fetch {
    const { promise, resolve, reject } = deferred();
    // Whoever waits hears of it.
    promise.catch(() => {});
    const state = { from: undefined, received: 0, incoming: undefined };
    const fetch: Fetch = { hash, size, tried: new Set(), ...state, promise, resolve, reject };
    this.#fetches.set(hash, fetch);
    this.#next(fetch, "nobody above has it", likeliest);
    return fetch;
  }

  /** Asks the next one who may have it, of all that are above by now. */
  #next(fetch: Fetch, why: string, likeliest?: number): void {
    const { hash, size, tried } = fetch;
    fetch.received = 0;
    this.#discard(fetch);
    const left = this.#peers.above().filter(({ key }) => !tried.has(key));
    fetch.from = (left.find(({ key }) => key === likeliest) ?? left[0])?.key;
    if (fetch.from === undefined) {
      this.#fetches.delete(hash);
      return fetch.reject(new ShippingError(why));
    }
    tried.add(fetch.from);
    const channel = this.#channels.get(fetch.from) ?? { queue: [], asked: [], underWay: 0 };
    this.#channels.set(fetch.from, channel);
    for (let at = 0; at === 0 || at < size; at += PORTION_BYTES) {
      channel.queue.push({ fetch, part: { hash, size, at, length: Math.min(PORTION_BYTES, size - at) } });
    }
  }

  #ask(upstream: number): void {
    const channel = this.#channels.get(upstream);
    const peer = this.#peers.up.get(upstream);
    if (channel === undefined || peer === undefined) return;
    while (channel.underWay < PORTIONS_UNDER_WAY && channel.queue.length > 0) {
      let bytes = 0;
      let count = 0;
      for (const { part } of channel.queue) {
        if (count === PORTION_FILES || (count > 0 && bytes + part.length > PORTION_BYTES)) break;
        bytes += part.length;
        count++;
      }
      const portion = channel.queue.splice(0, count);
      channel.asked.push(portion);
      channel.underWay++;
      this.#peers.send(peer, { t: "needFiles", parts: portion.map(({ part }) => part) });
    }
  }

  /** An upstream answers the portion that it was asked for first. Its bytes are this process's. */
  async arrived(upstream: number, parts: readonly FilePart[], payload: Uint8Array): Promise<void> {
    const channel = this.#channels.get(upstream);
    const portion = channel?.asked.shift();
    if (channel === undefined || portion === undefined) return;
    const given = new Map<string, Uint8Array>();
    let from = 0;
    for (const part of parts) {
      given.set(nameOf(part), payload.subarray(from, from + part.length));
      from += part.length;
    }
    const writing: Promise<void>[] = [];
    for (const { fetch, part } of portion) {
      if (this.#fetches.get(part.hash) !== fetch || fetch.from !== upstream) continue;
      const bytes = given.get(nameOf(part));
      if (bytes === undefined) this.#retry(fetch, "whoever has it did not give what it was asked for");
      else writing.push(this.#take(fetch, bytes));
    }
    // No more is asked for than the disk takes.
    await this.#written(Promise.all(writing).then(() => {}));
    channel.underWay--;
    this.#ask(upstream);
  }

  async #take(fetch: Fetch, bytes: Uint8Array): Promise<void> {
    const { hash, size, from } = fetch;
    fetch.received += bytes.length;
    const last = fetch.received === size;
    try {
      if (bytes.length === size) await this.#store.files.add(hash, bytes);
      else {
        fetch.incoming = (fetch.incoming ?? this.#store.files.receive(hash)).then(async (incoming) => {
          await incoming.append(bytes);
          if (last) await incoming.finish();
          return incoming;
        });
        await fetch.incoming;
      }
      if (!last || this.#fetches.get(hash) !== fetch || fetch.from !== from) return;
      this.#fetches.delete(hash);
      fetch.resolve();
    } catch (error) {
      if (this.#fetches.get(hash) !== fetch || fetch.from !== from) return;
      fetch.incoming = undefined;
      if (error instanceof ShippingError) return this.#retry(fetch, error.message);
      this.#fetches.delete(hash);
      fetch.reject(error);
    }
  }

  #retry(fetch: Fetch, why: string): void {
    this.#next(fetch, why);
    if (fetch.from !== undefined) this.#ask(fetch.from);
  }

  #discard(fetch: Fetch): void {
    const { incoming } = fetch;
    fetch.incoming = undefined;
    // One that failed has left nothing.
    if (incoming !== undefined) void this.#written(incoming.then((begun) => begun.discard()).catch(() => {}));
  }

  async #written(work: Promise<void>): Promise<void> {
    this.#writing.add(work);
    await work;
    this.#writing.delete(work);
  }

  /** That upstream does not have it. */
  missing(upstream: number, hash: string, why: string): void {
    const fetch = this.#fetches.get(hash);
    if (fetch?.from === upstream) this.#retry(fetch, why);
  }

  upstreamLost(upstream: number): void {
    this.#channels.delete(upstream);
    for (const fetch of [...this.#fetches.values()]) {
      if (fetch.from === upstream) this.#next(fetch, "the link to whoever sent the task was lost");
    }
    for (const other of this.#channels.keys()) this.#ask(other);
  }

  /** Nothing comes any more: what is not whole is removed. */
  async close(): Promise<void> {
    this.#state = "closed";
    this.#channels.clear();
    for (const fetch of [...this.#fetches.values()]) {
      this.#fetches.delete(fetch.hash);
      this.#discard(fetch);
      fetch.reject(new ShippingError(SHUTTING_DOWN));
    }
    while (this.#writing.size > 0) await Promise.all(this.#writing);
  }
}

function nameOf({ hash, size, at, length }: FilePart): string {
  return `${hash} ${size} ${at} ${length}`;
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve = (): void => {};
  let reject = (_error: unknown): void => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
