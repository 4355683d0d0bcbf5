import type { OutputNews } from "@pydist/protocol";
import type { EventEmitter } from "eventemitter3";
import type { Logger } from "../logger.js";
import type { Output, Stray } from "../pool/messages.js";
import type { EngineEvents } from "./engine-options.js";
import type { Peers, UpPeer } from "./peer.js";

/** While so many bytes wait for an upstream, what tasks write is not sent there: results matter more. */
const MOST_WAITING = 8 * 1024 * 1024;

/** What tasks wrote, and errors that they left behind, are told to the executor whose tasks they are. */
export class Voices {
  readonly #peers: Peers;
  readonly #logger: Logger;
  /** Of this node or executor. */
  readonly #self: { readonly id: string; readonly name: string };
  /** Hears what is its own. */
  readonly #own: Pick<EventEmitter<EngineEvents>, "emit">;
  /** Lines that were not sent to an upstream, which has not been told so. */
  readonly #leftOut = new WeakMap<UpPeer, number>();

  constructor(
    peers: Peers,
    logger: Logger,
    self: { id: string; name: string },
    own: Pick<EventEmitter<EngineEvents>, "emit">,
  ) {
    this.#peers = peers;
    this.#logger = logger;
    this.#self = self;
    this.#own = own;
  }

  /** An error is also logged where it happened. */
  stray({ task, executor = this.#self.id, message }: Stray, node = this.#self.id): void {
    const own = executor === this.#self.id;
    if (own || node === this.#self.id) {
      this.#logger.error({ task, node, cause: message }, "A task left an error behind after it was over");
    }
    if (own) return void this.#own.emit("stray", task, message);
    const frame = { t: "stray", task, executor, message, node } as const;
    for (const peer of this.#peers.towards(executor)) this.#peers.send(peer, frame);
  }

  /** A task of this process's own workers wrote something. */
  wrote(output: Output): void {
    const { id: node, name } = this.#self;
    this.output({ ...output, node, name });
  }

  output(news: OutputNews): void {
    if (news.executor === this.#self.id) return void this.#own.emit("output", news);
    for (const peer of this.#peers.towards(news.executor)) this.#send(peer, news);
  }

  #send(peer: UpPeer, news: OutputNews): void {
    const before = this.#leftOut.get(peer) ?? 0;
    if (peer.link.buffered > MOST_WAITING) return void this.#leftOut.set(peer, before + news.lines.length);
    this.#leftOut.delete(peer);
    const { executor, task, node, name, stream, lines } = news;
    const all =
      before === 0 ? lines : [`(pydist left out ${before} lines: a link on their way was too slow)`, ...lines];
    this.#peers.send(peer, { t: "output", executor, task, node, name, stream, lines: all });
  }
}
