import { ShippingError } from "@pydist/protocol";
import { isTreeHash, Lru, type NamedManifest, parseManifest } from "@pydist/shipping/runtime";
import { type LocalTree, provideTree } from "@pydist/shipping/trees";
import type { TreeStore } from "../store/tree-store.js";
import { malformed } from "./frame-schema.js";
import type { Peers, UpPeer } from "./peer.js";

const decoder = new TextDecoder();
const MOST_KEYS = 10_000;
/** Most characters of a key in a dump. */
const LONGEST_TOLD = 100;

export const UNKNOWN = "nobody above has shipped it";
export const SHUTTING_DOWN = "this process is shutting down";

/** A tree, and who has its files. */
export interface Sourced {
  readonly manifest: NamedManifest;
  /** Undefined unless this process has shipped it itself. */
  readonly local: LocalTree | undefined;
  /** The upstream that told of it, and so is the likeliest to have its files. */
  readonly from?: number;
}

/** A tree that is being asked for. */
interface Search {
  /** Upstreams that were asked: each is asked once. */
  readonly tried: Set<number>;
  /** Those of them that have not answered yet. */
  readonly asked: Set<number>;
  readonly reasons: Set<string>;
  readonly resolve: (found: Sourced) => void;
  readonly reject: (error: Error) => void;
}

/** What trees consist of, by their keys: known here, or asked of those above. */
export class TreeSearch {
  readonly #peers: Peers;
  readonly #store: TreeStore;
  readonly #searches = new Map<string, Search>();
  readonly #found = new Map<string, Promise<Sourced>>();
  /** Which tree a key turned out to be. */
  readonly #known = new Lru<string, string>(MOST_KEYS);
  #state: "open" | "closed" = "open";

  constructor(peers: Peers, store: TreeStore) {
    this.#peers = peers;
    this.#store = store;
  }

  /** What is being asked for, and of whom. */
  dump() {
    return [...this.#searches].map(([key, { asked }]) => ({ key: key.slice(0, LONGEST_TOLD), asked: [...asked] }));
  }

  /** @throws ShippingError (the promise rejects) if nobody has it, with what each of them said */
  find(key: string): Promise<Sourced> {
    const going = this.#found.get(key);
    if (going !== undefined) {
      this.widen(key);
      return going;
    }
    const finding = this.#look(key).finally(() => this.#found.delete(key));
    this.#found.set(key, finding);
    return finding;
  }

  /** A tree that may be asked for already is wanted again: who came since, with the task that wants it, is asked, too. */
  widen(key: string): void {
    const search = this.#searches.get(key);
    if (search !== undefined) this.#ask(key, search);
  }

  async #look(key: string): Promise<Sourced> {
    const local = await provideTree(key);
    if (local !== undefined) return { manifest: local, local };
    const hash = isTreeHash(key) ? key : this.#known.get(key);
    const manifest = hash === undefined ? undefined : await this.#store.manifest(hash);
    if (manifest !== undefined) return { manifest, local };
    if (this.#state === "closed") throw new ShippingError(SHUTTING_DOWN);
    const found = await new Promise<Sourced>((resolve, reject) => {
      const search: Search = { tried: new Set(), asked: new Set(), reasons: new Set(), resolve, reject };
      this.#searches.set(key, search);
      this.#ask(key, search);
    });
    this.#known.set(key, found.manifest.hash);
    return found;
  }

  /** Asks those above that were not asked yet; if no answer is to come any more, that is the end of it. */
  #ask(key: string, { tried, asked, reasons, reject }: Search): void {
    // All at once: one that is busy holds up nobody who shipped the same.
    for (const peer of this.#peers.above()) {
      if (tried.has(peer.key)) continue;
      tried.add(peer.key);
      asked.add(peer.key);
      this.#peers.send(peer, { t: "needTree", key });
    }
    if (asked.size > 0) return;
    this.#searches.delete(key);
    const known = [...reasons].filter((reason) => reason !== UNKNOWN);
    reject(new ShippingError(known.length > 0 ? known.join("; ") : UNKNOWN));
  }

  /** @throws SerializationError for what is no tree, or another one */
  arrived(peer: UpPeer, key: string, payload: Uint8Array): void {
    const search = this.#searches.get(key);
    if (search === undefined) return;
    let manifest: NamedManifest;
    try {
      manifest = parseManifest(decoder.decode(payload));
    } catch (error) {
      throw malformed(`"tree": ${(error as Error).message}`);
    }
    if (isTreeHash(key) && manifest.hash !== key) throw malformed('"tree": its list has another hash');
    this.#searches.delete(key);
    search.resolve({ manifest, local: undefined, from: peer.key });
  }

  refused(peer: UpPeer, key: string, why: string): void {
    const search = this.#searches.get(key);
    if (search === undefined || !search.asked.delete(peer.key)) return;
    search.reasons.add(why);
    if (search.asked.size === 0) this.#ask(key, search);
  }

  upstreamLost(upstream: number): void {
    for (const [key, search] of this.#searches) {
      if (!search.asked.delete(upstream)) continue;
      search.reasons.add("the link to whoever sent the task was lost");
      if (search.asked.size === 0) this.#ask(key, search);
    }
  }

  /** Nobody answers any more. */
  close(): void {
    this.#state = "closed";
    for (const { reject } of this.#searches.values()) reject(new ShippingError(SHUTTING_DOWN));
    this.#searches.clear();
  }
}
