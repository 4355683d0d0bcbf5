import type { BatchHeader } from "@pydist/protocol";
import { CodeStore } from "./code-store.js";
import { type DownPeer, type Peers, SUBMITTER } from "./peer.js";

const MOST_SOURCES = 10_000;

/** Code travels by need: whoever lacks it asks the one from whom the task came. */
export class CodeExchange {
  readonly store = new CodeStore();
  readonly #peers: Peers;
  /** By code: the upstream that last sent tasks of it down, to be asked when a child lacks it. */
  readonly #sources = new Map<string, number>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  /** Tasks of this code, from this upstream, are handed on to a child. */
  passedOn(hash: string, upstream: number): void {
    this.#sources.set(hash, upstream);
    if (this.#sources.size > MOST_SOURCES) this.#sources.delete(this.#sources.keys().next().value as string);
  }

  /** The code of a batch that is to run here. @throws ShippingError if its sender does not have it. */
  obtain({ code, name }: BatchHeader, upstream: number): Promise<string> {
    return this.store.obtain(code, name, upstream, () => this.#ask(code, upstream));
  }

  /** A child asks for a code. */
  give(peer: DownPeer, hash: string): void {
    const source = this.#sources.get(hash) ?? SUBMITTER;
    this.store
      .obtain(hash, hash.slice(0, 8), source, () => this.#ask(hash, source))
      .then(
        (text) => this.#peers.send(peer, { t: "code", hash, text }),
        (error: Error) => this.#peers.send(peer, { t: "noCode", hash, why: error.message }),
      );
  }

  #ask(hash: string, source: number): void {
    const above = this.#peers.up.get(source);
    if (above === undefined) this.store.missing(hash, source, "whoever sent the task is gone");
    else this.#peers.send(above, { t: "needCode", hash });
  }

  upstreamLost(upstream: number): void {
    this.store.sourceLost(upstream);
    for (const [hash, source] of this.#sources) if (source === upstream) this.#sources.delete(hash);
  }
}
