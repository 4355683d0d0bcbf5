import { type BatchHeader, ShippingError } from "@pydist/protocol";
import type { Texts } from "../pool/messages.js";
import { CodeStore } from "./code-store.js";
import type { DownPeer, Peers } from "./peer.js";

const MOST_SOURCES = 10_000;

type Answer = { readonly text: string } | { readonly why: string };

/** A code that is not here, and is being asked for. */
interface Search {
  /** Upstreams that were asked and have not answered yet. */
  readonly asked: Set<number>;
  readonly waiting: ((answer: Answer) => void)[];
}

/**
 * Code travels by need: whoever lacks it asks those from whom tasks of it came (design decision 8). Different executors
 * ship the same function under the same hash, so one that is silent, or gone, is no reason to fail another one's tasks.
 */
export class CodeExchange {
  readonly #peers: Peers;
  readonly #store = new CodeStore();
  /** By code: the upstreams that sent tasks of it down, and so should have it. */
  readonly #sources = new Map<string, Set<number>>();
  readonly #searches = new Map<string, Search>();

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  get(hash: string): string | undefined {
    return this.#store.get(hash);
  }

  add(hash: string, text: string): void {
    this.#store.add(hash, text);
    this.#answer(hash, { text });
  }

  /** This upstream sent tasks that need these codes. */
  namedBy({ code, initializer }: BatchHeader, upstream: number): void {
    this.#namedBy(code, upstream);
    if (initializer !== undefined) this.#namedBy(initializer, upstream);
  }

  #namedBy(hash: string, upstream: number): void {
    const sources = this.#sources.get(hash) ?? new Set();
    if (!sources.has(upstream)) this.#sources.set(hash, sources.add(upstream));
    if (this.#sources.size > MOST_SOURCES) this.#sources.delete(this.#sources.keys().next().value as string);
    const search = this.#searches.get(hash);
    // Those that were asked before may never answer; this one has it now.
    if (search !== undefined && !search.asked.has(upstream)) this.#ask(hash, search, upstream);
  }

  /**
   * The codes that a batch needs to run here, at once if they are here.
   * @throws ShippingError (the promise rejects) if nobody who sent tasks of them has them
   */
  textsOf(head: BatchHeader, upstream: number): Texts | Promise<Texts> {
    const { code, initializer } = head;
    const here = this.get(code);
    const initializerHere = initializer === undefined ? undefined : this.get(initializer);
    if (here !== undefined && (initializer === undefined || initializerHere !== undefined)) {
      return { code: here, initializer: initializerHere };
    }
    return this.#obtainAll(head, upstream);
  }

  async #obtainAll(head: BatchHeader, upstream: number): Promise<Texts> {
    this.namedBy(head, upstream);
    const [code, initializer] = await Promise.all([
      this.#obtain(head.code, head.name),
      head.initializer === undefined ? undefined : this.#obtain(head.initializer, head.name),
    ]);
    return { code, initializer };
  }

  async #obtain(hash: string, name: string): Promise<string> {
    const answer = await new Promise<Answer>((resolve) => this.#find(hash, resolve));
    if ("text" in answer) return answer.text;
    throw new ShippingError(`The code of "${name}" could not be had: ${answer.why}. Submit the task again.`, {});
  }

  /** A child asks for a code. */
  give(peer: DownPeer, hash: string): void {
    this.#find(hash, (answer) => {
      if ("text" in answer) this.#peers.send(peer, { t: "code", hash, text: answer.text });
      else this.#peers.send(peer, { t: "noCode", hash, why: answer.why });
    });
  }

  /** That upstream does not have it. */
  missing(hash: string, upstream: number, why: string): void {
    const sources = this.#sources.get(hash);
    if (sources?.delete(upstream) && sources.size === 0) this.#sources.delete(hash);
    const search = this.#searches.get(hash);
    if (search?.asked.delete(upstream) && search.asked.size === 0) this.#askNext(hash, search, why);
  }

  upstreamLost(upstream: number): void {
    const why = "the link to its sender was lost";
    for (const hash of [...this.#sources.keys(), ...this.#searches.keys()]) this.missing(hash, upstream, why);
  }

  #find(hash: string, resolve: (answer: Answer) => void): void {
    const here = this.#store.get(hash);
    if (here !== undefined) return resolve({ text: here });
    const going = this.#searches.get(hash);
    if (going !== undefined) {
      going.waiting.push(resolve);
      return;
    }
    const search: Search = { asked: new Set(), waiting: [resolve] };
    this.#searches.set(hash, search);
    this.#askNext(hash, search, "whoever sent the task is gone");
  }

  /** Asks whoever named it last; if nobody is left to ask, that is the answer. */
  #askNext(hash: string, search: Search, why: string): void {
    for (const upstream of [...(this.#sources.get(hash) ?? [])].reverse()) {
      if (this.#ask(hash, search, upstream)) return;
    }
    this.#answer(hash, { why });
  }

  /** @returns false for an upstream without a link: the executor in this process, which gave what it had. */
  #ask(hash: string, search: Search, upstream: number): boolean {
    const above = this.#peers.up.get(upstream);
    if (above === undefined) return false;
    search.asked.add(upstream);
    this.#peers.send(above, { t: "needCode", hash });
    return true;
  }

  #answer(hash: string, answer: Answer): void {
    const search = this.#searches.get(hash);
    this.#searches.delete(hash);
    for (const resolve of search?.waiting ?? []) resolve(answer);
  }
}
