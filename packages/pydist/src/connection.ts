import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, ShutdownError } from "@pydist/protocol";
import {
  DEFAULT_CLUSTER,
  DEFAULT_CONNECT_TIMEOUT,
  dialUntil,
  type Engine,
  type LinkLike,
  resolveSecret,
  VERSION,
} from "pydist-node";
import type { ExecutorOptions } from "./options.js";

/** A link that lasts this long, in milliseconds, is no reason to hesitate when it breaks. */
const HEALTHY = 1000;
/** Milliseconds before a broken link is made again: doubled while links do not last. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 2000;

/** After this time, in milliseconds, a program that waits for its cluster is told why, once. */
const PATIENCE = 2000;

export interface ConnectionEvents {
  connected(address: string, again: boolean): void;
  disconnected(cause: string): void;
  /** The cluster could not be found, or not found again. */
  failed(error: Error): void;
}

/** An executor's link to its cluster: made, watched, and made again when it was lost. */
export class Connection {
  readonly #engine: Engine;
  readonly #addresses: readonly string[];
  readonly #options: ExecutorOptions;
  readonly #events: ConnectionEvents;
  readonly #closed = new AbortController();

  constructor(engine: Engine, addresses: readonly string[], options: ExecutorOptions, events: ConnectionEvents) {
    this.#engine = engine;
    this.#addresses = addresses;
    this.#options = options;
    this.#events = events;
  }

  /** Keeps connecting until closed, or until the cluster is not found within `connectTimeout`. */
  async keep(): Promise<void> {
    let again = false;
    let pause = FIRST_PAUSE;
    try {
      while (!this.#closed.signal.aborted) {
        const link = await this.#dial();
        if (this.#closed.signal.aborted) return link.terminate("the executor was shut down");
        const { id, name, role } = link.peer;
        if (role !== "node") throw notANode(link);
        // A program ends when nothing is awaited any more, whether or not it said goodbye.
        link.unref();
        this.#engine.addChild(link, { id, name, role });
        this.#events.connected(link.remoteAddress, again);
        again = true;
        const since = performance.now();
        const { kind, detail } = await link.closed;
        if (!this.#closed.signal.aborted) this.#events.disconnected(detail === "" ? kind : `${kind}: ${detail}`);
        // A link that breaks as soon as it is there would be made again without end.
        pause = performance.now() - since < HEALTHY ? Math.min(2 * pause, LONGEST_PAUSE) : FIRST_PAUSE;
        await sleep(pause, undefined, { signal: this.#closed.signal, ref: false });
      }
    } catch (error) {
      const { aborted, reason } = this.#closed.signal;
      this.#events.failed(aborted ? reason : (error as Error));
    }
  }

  async #dial(): Promise<LinkLike> {
    const { secret, secretFile, cluster = DEFAULT_CLUSTER } = this.#options;
    const found = await resolveSecret({ secret, secretFile, env: process.env, mayGenerate: false });
    const { id, name } = this.#engine.options;
    const since = performance.now();
    let told = false;
    return dialUntil(this.#addresses, {
      onRetry: (error) => {
        if (told || performance.now() - since < PATIENCE) return;
        told = true;
        process.emitWarning(`Still looking for the cluster: ${error.message}`, "PydistWarning");
      },
      key: found.key,
      secretSource: found.source,
      hello: { version: VERSION, role: "executor", id, name, cluster, workers: 0 },
      timeout: this.#options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT,
      signal: this.#closed.signal,
    });
  }

  close(): void {
    this.#closed.abort(new ShutdownError("The executor was shut down."));
  }
}

function notANode(link: LinkLike): ConnectionError {
  void link.close("an executor can only be attached to a node");
  return new ConnectionError(`${link.remoteAddress} is no node but an executor's own link.`, {
    address: link.remoteAddress,
  });
}
