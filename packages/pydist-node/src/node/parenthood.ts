import { type Ancestor, ConnectionError, decodeFrame } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import { type DialOptions, dialUntil, type LinkLike } from "../links/index.js";
import type { Logger } from "../logger.js";
import type { Lineage } from "./lineage.js";

export interface ParenthoodOptions {
  /** Tried in order, again and again. */
  readonly parents: readonly string[];
  /** Milliseconds to find a parent that has a way to a root. */
  readonly connectTimeout: number;
  readonly dial: () => DialOptions;
  readonly logger: Logger;
  /** What is known of the way up has changed; children have to hear of it. */
  readonly onLineage: () => void;
  /** The node cannot stay: its way up would lead round in a circle. */
  readonly onCycle: (error: Error) => void;
}

type State =
  | { readonly is: "apart" }
  /** Linked to a parent that does not know yet whether its own way ends at a root. */
  | { readonly is: "joining"; readonly link: LinkLike }
  | { readonly is: "joined"; readonly link: LinkLike }
  | { readonly is: "left" };

/** A node's relation to the node above it: finds it, joins it, and finds it again when it was lost. */
export class Parenthood {
  readonly #engine: Engine;
  readonly #lineage: Lineage;
  readonly #options: ParenthoodOptions;
  readonly #gone = new AbortController();
  #state: State = { is: "apart" };

  constructor(engine: Engine, lineage: Lineage, options: ParenthoodOptions) {
    this.#engine = engine;
    this.#lineage = lineage;
    this.#options = options;
  }

  /** Id of the parent, once joined. */
  get parent(): string | null {
    return this.#state.is === "joined" ? this.#state.link.peer.id : null;
  }

  /**
   * Joins the tree for the first time.
   * @throws ConnectionError if no parent was found in time
   * @throws CycleError, AuthenticationError, VersionMismatchError at once: waiting does not mend them
   */
  async join(): Promise<void> {
    const deadline = performance.now() + this.#options.connectTimeout;
    for (;;) {
      const outcome = await this.#attempt(deadline - performance.now());
      if (outcome === "joined") return;
      if (performance.now() >= deadline) throw this.#tooLate();
    }
  }

  #tooLate(): ConnectionError {
    const { parents, connectTimeout } = this.#options;
    return new ConnectionError(
      `The parent at ${parents.join(", ")} answered, but within ${connectTimeout} ms it had not joined its own parent. ` +
        `Start the root of the tree first, without --parent.`,
      { address: parents[0] as string },
    );
  }

  async #attempt(timeout: number): Promise<"joined" | "again"> {
    const { dial, parents, logger } = this.#options;
    const link = await dialUntil(parents, {
      ...dial(),
      timeout,
      signal: this.#gone.signal,
      onRetry: (error) => logger.debug({ address: error.address }, `No parent yet: ${error.message}`),
    });
    this.#state = { is: "joining", link };
    return this.#followAncestry(link, timeout);
  }

  /** Listens to what the parent says of its own way up, until that is settled. */
  #followAncestry(link: LinkLike, timeout: number): Promise<"joined" | "again"> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => link.terminate("the parent did not join its own parent in time"), timeout);
      const over = (): void => {
        clearTimeout(timer);
        link.off("message", onMessage);
        link.off("close", onClose);
      };
      const onClose = (): void => {
        over();
        if (this.#state.is !== "left") this.#state = { is: "apart" };
        resolve("again");
      };
      const onMessage = (bytes: Uint8Array): void => {
        const { frame } = decodeFrame(bytes);
        if (frame.t !== "ancestry") return;
        try {
          this.#lineage.above(frame.chain, frame.settled);
        } catch (error) {
          over();
          void link.close((error as Error).message);
          reject(error);
          return;
        } finally {
          this.#options.onLineage();
        }
        if (!this.#lineage.settled) return;
        over();
        this.#joined(link);
        resolve("joined");
      };
      link.on("message", onMessage);
      link.on("close", onClose);
    });
  }

  #joined(link: LinkLike): void {
    const { id, name, role } = link.peer;
    this.#state = { is: "joined", link };
    this.#engine.addUpstream(link, { id, name, role });
    this.#options.logger.info({ parent: id, name, address: link.remoteAddress }, "Joined parent");
    link.on("close", (reason) => this.#lost(reason.detail));
  }

  /** What the parent says later on: it moved itself. */
  heard(chain: readonly Ancestor[], settled: boolean): void {
    try {
      this.#lineage.above(chain, settled);
    } catch (error) {
      this.#options.onCycle(error as Error);
    }
    this.#options.onLineage();
  }

  /** The tasks that came from the parent are void; the node itself, and what is below it, stays. */
  #lost(cause: string): void {
    if (this.#state.is === "left") return;
    const { logger, onLineage, onCycle } = this.#options;
    this.#state = { is: "apart" };
    logger.warn({ cause }, "Parent lost; looking for it again");
    this.#lineage.lost();
    onLineage();
    void this.#rejoin().catch((error: Error) => {
      if (!this.#gone.signal.aborted) onCycle(error);
    });
  }

  async #rejoin(): Promise<void> {
    while (!this.#gone.signal.aborted) {
      if ((await this.#attempt(Number.POSITIVE_INFINITY).catch(rethrowUnlessConnection)) === "joined") return;
    }
  }

  leave(): void {
    const link = this.#state.is === "joining" ? this.#state.link : undefined;
    this.#state = { is: "left" };
    this.#gone.abort(new ConnectionError("The node is leaving.", { address: this.#options.parents[0] as string }));
    link?.terminate("leaving");
  }
}

function rethrowUnlessConnection(error: unknown): "again" {
  if (error instanceof ConnectionError) return "again";
  throw error;
}
