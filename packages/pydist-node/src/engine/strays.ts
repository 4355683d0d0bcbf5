import type { Logger } from "../logger.js";
import type { Stray } from "../pool/messages.js";
import type { Peers } from "./peer.js";

/** Errors that tasks left behind are told where they happened, and to the executor whose task it was. */
export class Strays {
  readonly #peers: Peers;
  readonly #logger: Logger;
  /** Of this node or executor. */
  readonly #id: string;
  readonly #onOwn: (task: string, message: string) => void;

  constructor(peers: Peers, logger: Logger, id: string, onOwn: (task: string, message: string) => void) {
    this.#peers = peers;
    this.#logger = logger;
    this.#id = id;
    this.#onOwn = onOwn;
  }

  tell({ task, executor = this.#id, message }: Stray, node: string): void {
    const own = executor === this.#id;
    if (own || node === this.#id) {
      this.#logger.error({ task, node, cause: message }, "A task left an error behind after it was over");
    }
    if (own) this.#onOwn(task, message);
    else this.#peers.tellExecutor(executor, { t: "stray", task, executor, message, node });
  }
}
