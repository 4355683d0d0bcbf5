import type { Content } from "@pydist/futures";
import { type BatchHeader, ShippingError } from "@pydist/protocol";
import type { Texts } from "../pool/messages.js";
import { type CodeFrame, contentOf, encodeContent, utf8 } from "./code-frame.js";
import { CodeStore } from "./code-store.js";
import type { DownPeer, Peers } from "./peer.js";

/** Most contents of which it is remembered who named them. */
const MOST_SOURCES = 10_000;

type Answer = { readonly content: Content["content"] } | { readonly why: string };

/** Contents that are not here, and are being asked for. */
interface Search {
  /** Upstreams that were asked and have not answered yet. */
  readonly asked: Set<number>;
  /** Those that do not have it. */
  readonly lacking: Set<number>;
  readonly waiting: ((answer: Answer) => void)[];
}

/**
 * Code and captured values travel by need: whoever lacks them asks those from whom tasks that name them came (design
 * decision 8). Different executors ship the same function under the same hash, so one that is silent, or gone, is no
 * reason to fail another one's tasks.
 */
export class CodeExchange {
  readonly #peers: Peers;
  readonly #store: CodeStore;
  /** By hash: the upstreams that sent tasks that name it down, and so should have it. */
  readonly #sources = new Map<string, Set<number>>();
  /** Whether the sources are all that ever named a hash; otherwise any upstream may have it. */
  #memory: "whole" | "partial" = "whole";
  readonly #searches = new Map<string, Search>();

  constructor(peers: Peers, store = new CodeStore()) {
    this.#peers = peers;
    this.#store = store;
  }

  /** What is being asked for, of whom, and how many wait for it. */
  dump() {
    return [...this.#searches].map(([hash, { asked, waiting }]) => ({
      hash: hash.slice(0, 12),
      asked: [...asked],
      waiting: waiting.length,
    }));
  }

  /** The executor in this process is about to name it. */
  keep(content: Content): void {
    this.#store.keep(content);
    this.#answer(content.hash, content);
  }

  letGo(hash: string): void {
    this.#store.letGo(hash);
  }

  /**
   * An upstream gives what it was asked for.
   * @throws SerializationError (the promise rejects) if it is not what its hash names
   */
  async arrived(frame: CodeFrame, payload: Uint8Array): Promise<void> {
    const content = await contentOf(frame, payload);
    this.#store.add(content);
    this.#answer(content.hash, content);
  }

  /** This upstream sent tasks that need these contents. */
  namedBy(head: BatchHeader, upstream: number): void {
    for (const hash of Object.values(namesOf(head))) if (hash !== undefined) this.#namedBy(hash, upstream);
  }

  #namedBy(hash: string, upstream: number): void {
    const sources = this.#sources.get(hash) ?? new Set();
    // What was named last is forgotten last.
    this.#sources.delete(hash);
    this.#sources.set(hash, sources.add(upstream));
    if (this.#sources.size > MOST_SOURCES) {
      this.#sources.delete(this.#sources.keys().next().value as string);
      this.#memory = "partial";
    }
    const search = this.#searches.get(hash);
    search?.lacking.delete(upstream);
    // Those that were asked before may never answer; this one has it now.
    if (search !== undefined && !search.asked.has(upstream)) this.#ask(hash, search, upstream);
  }

  /**
   * What a batch needs to run here, at once if it is here.
   * @throws ShippingError (the promise rejects) if nobody who sent tasks that name it has it
   */
  textsOf(head: BatchHeader, upstream: number): Texts | Promise<Texts> {
    const here = this.#here(namesOf(head));
    if (here !== undefined) return here;
    this.namedBy(head, upstream);
    return this.#obtainAll(head);
  }

  #here({ code, initializer, captured }: Names): Texts | undefined {
    const of = (hash: string | undefined) => (hash === undefined ? undefined : this.#store.get(hash));
    const found = { code: of(code), initializer: of(initializer), captured: of(captured) };
    if (found.code === undefined) return undefined;
    if (initializer !== undefined && found.initializer === undefined) return undefined;
    if (captured !== undefined && found.captured === undefined) return undefined;
    return textsIn(found.code, found.initializer, found.captured);
  }

  async #obtainAll(head: BatchHeader): Promise<Texts> {
    const { code, initializer, captured } = namesOf(head);
    const [first, ...rest] = await Promise.all([
      this.#obtain(code, `The code of "${head.name}"`),
      initializer === undefined ? undefined : this.#obtain(initializer, `The code of "${head.name}"`),
      captured === undefined ? undefined : this.#obtain(captured, `What "${head.name}" captured`),
    ]);
    return textsIn(first, ...rest);
  }

  async #obtain(hash: string, what: string): Promise<Content["content"]> {
    const answer = await new Promise<Answer>((resolve) => this.#find(hash, resolve));
    if ("content" in answer) return answer.content;
    throw new ShippingError(`${what} could not be had: ${answer.why}. Submit the task again.`, {});
  }

  /** A child asks for what a hash names. */
  give(peer: DownPeer, hash: string): void {
    this.#find(hash, (answer) => {
      if ("why" in answer) return this.#peers.send(peer, { t: "noCode", hash, why: answer.why });
      try {
        peer.link.send(encodeContent({ hash, content: answer.content }));
      } catch (error) {
        // It is longer than a peer accepts, and the link has the words for it.
        this.#peers.send(peer, { t: "noCode", hash, why: error instanceof Error ? error.message : String(error) });
      }
    });
  }

  /** That upstream does not have it. */
  missing(hash: string, upstream: number, why: string): void {
    const sources = this.#sources.get(hash);
    if (sources?.delete(upstream) && sources.size === 0) this.#sources.delete(hash);
    const search = this.#searches.get(hash);
    search?.lacking.add(upstream);
    if (search?.asked.delete(upstream) && search.asked.size === 0) this.#askNext(hash, search, why);
  }

  upstreamLost(upstream: number): void {
    const why = "the link to its sender was lost";
    for (const hash of [...this.#sources.keys(), ...this.#searches.keys()]) this.missing(hash, upstream, why);
  }

  #find(hash: string, resolve: (answer: Answer) => void): void {
    const content = this.#store.get(hash);
    if (content !== undefined) return resolve({ content });
    const going = this.#searches.get(hash);
    if (going !== undefined) {
      going.waiting.push(resolve);
      return;
    }
    const search: Search = { asked: new Set(), lacking: new Set(), waiting: [resolve] };
    this.#searches.set(hash, search);
    this.#askNext(hash, search, "whoever sent the task is gone");
  }

  /** Asks whoever named it last; if nobody is left to ask, that is the answer. */
  #askNext(hash: string, search: Search, why: string): void {
    for (const upstream of [...(this.#sources.get(hash) ?? [])].reverse()) {
      if (this.#ask(hash, search, upstream)) return;
    }
    // Whoever named it may have been forgotten; one that is silent must not hold up the others.
    for (const { key } of this.#memory === "whole" ? [] : this.#peers.above()) {
      if (!search.lacking.has(key)) this.#ask(hash, search, key);
    }
    if (search.asked.size === 0) this.#answer(hash, { why });
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

/** The hashes of what a batch needs and does not bring along. */
interface Names {
  readonly code: string;
  readonly initializer: string | undefined;
  readonly captured: string | undefined;
}

function namesOf({ code, initializer, captured }: BatchHeader): Names {
  return { code, initializer, captured: captured?.inline === undefined ? captured?.hash : undefined };
}

type Found = Content["content"];

function textsIn(code: Found, initializer: Found | undefined, captured: Found | undefined): Texts {
  return {
    code: textOf(code),
    initializer: initializer === undefined ? undefined : textOf(initializer),
    captured: captured === undefined ? undefined : bytesOf(captured),
  };
}

// Contents are known by their hash alone, and a peer says whether they are text: it may be wrong.

function textOf(content: Found): string {
  return typeof content === "string" ? content : utf8(content);
}

function bytesOf(content: Found): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
