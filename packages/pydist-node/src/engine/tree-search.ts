import { ShippingError } from "@pydist/protocol";
import { isTreeHash, Lru, type NamedManifest, parseManifest } from "@pydist/shipping/runtime";
import { type LocalTree, provideTree } from "@pydist/shipping/trees";
import type { TreeStore } from "../store/tree-store.js";
import { malformed } from "./frame-schema.js";
import type { Peers, UpPeer } from "./peer.js";

const decoder = new TextDecoder();
const MOST_KEYS = 10_000;

export const UNKNOWN = "nobody above has shipped it";
export const SHUTTING_DOWN = "this process is shutting down";

/** A tree, and who has its files. */
export interface Sourced {
  readonly manifest: NamedManifest;
  /** Undefined unless this process has shipped it itself. */
  readonly local: LocalTree | undefined;
  readonly sources: readonly number[];
}

/** A tree that is being asked for. */
interface Search {
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

  /** @throws ShippingError (the promise rejects) if nobody has it, with what each of them said */
  find(key: string): Promise<Sourced> {
    const going = this.#found.get(key);
    if (going !== undefined) return going;
    const finding = this.persistently(() => this.#look(key)).finally(() => this.#found.delete(key));
    this.#found.set(key, finding);
    return finding;
  }

  /** Tries again what fails while somebody came who may have it. */
  async persistently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = new Set(this.above());
      try {
        return await work();
      } catch (error) {
        if (this.#state === "closed" || this.above().every((upstream) => before.has(upstream))) throw error;
      }
    }
  }

  async #look(key: string): Promise<Sourced> {
    const local = await provideTree(key);
    if (local !== undefined) return { manifest: local, local, sources: [] };
    const hash = isTreeHash(key) ? key : this.#known.get(key);
    const manifest = hash === undefined ? undefined : await this.#store.manifest(hash);
    if (manifest !== undefined) return { manifest, local, sources: this.above() };
    if (this.#state === "closed") throw new ShippingError(SHUTTING_DOWN);
    const found = await new Promise<Sourced>((resolve, reject) => {
      const search: Search = { asked: new Set(this.above()), reasons: new Set(), resolve, reject };
      this.#searches.set(key, search);
      // All at once: one that is busy holds up nobody who shipped the same.
      for (const upstream of search.asked) {
        const peer = this.#peers.up.get(upstream);
        if (peer !== undefined) this.#peers.send(peer, { t: "needTree", key });
      }
      this.#checkOver(key, search);
    });
    this.#known.set(key, found.manifest.hash);
    return found;
  }

  /** Upstreams that may have something. */
  above(): number[] {
    return this.#peers.above().map(({ key }) => key);
  }

  #checkOver(key: string, { asked, reasons, reject }: Search): void {
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
    const others = this.above().filter((upstream) => upstream !== peer.key);
    search.resolve({ manifest, local: undefined, sources: [peer.key, ...others] });
  }

  refused(peer: UpPeer, key: string, why: string): void {
    const search = this.#searches.get(key);
    if (search === undefined || !search.asked.delete(peer.key)) return;
    search.reasons.add(why);
    this.#checkOver(key, search);
  }

  upstreamLost(upstream: number): void {
    for (const [key, search] of this.#searches) {
      if (!search.asked.delete(upstream)) continue;
      search.reasons.add("the link to whoever sent the task was lost");
      this.#checkOver(key, search);
    }
  }

  /** Nobody answers any more. */
  close(): void {
    this.#state = "closed";
    for (const { reject } of this.#searches.values()) reject(new ShippingError(SHUTTING_DOWN));
    this.#searches.clear();
  }
}
