import { type Ancestor, ConnectionError, CycleError, ShutdownError } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import type { PeerInfo } from "../engine/peer.js";
import { sameAddress } from "../links/address.js";
import { Backoff } from "../links/backoff.js";
import { type DialOptions, dialUntil, type LinkLike } from "../links/index.js";
import type { Logger } from "../logger.js";
import { followAncestry } from "./ancestry.js";
import type { Lineage } from "./lineage.js";

export interface ParenthoodOptions {
  /**
   * Tried in order, again and again; none if it is the parent that dials. Whoever answers may send this node on to one
   * below itself.
   */
  readonly parents: readonly string[];
  /** Milliseconds to find a way back into the tree after it was lost. */
  readonly reconnect: number;
  /** Called instead of looking for a parent that is gone, and those above it, for ever: the node finds another by itself. */
  readonly letGo?: () => void;
  /** Milliseconds to find a parent that has a way to a root. */
  readonly connectTimeout: number;
  readonly dial: () => DialOptions;
  readonly logger: Logger;
  /** What is known of the way up has changed; children have to hear of it. */
  readonly onLineage: () => void;
  /** The node cannot go on: its parent did not come back in time, or with another secret, or too old or new. */
  readonly onFailed: (error: Error) => void;
}

/**
 * Milliseconds for a parent that died to be back, as its supervisor starts it again, before its children turn to the nodes
 * above it.
 */
const PARENT_PATIENCE = 2000;

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
  readonly #backoff = new Backoff();
  /** Which of the parents is dialled first. */
  #first = 0;
  /** Above the parent, when it last had a way to a root: it may have lost that before it was lost itself. */
  #above: readonly Ancestor[] = [];
  /** Addresses of the nodes above the parent that was lost, the nearest first. */
  #ancestors: readonly string[] = [];
  /** Where the parent is that was lost, if it is none of those that were named but one to which they sent this node. */
  #home: string | undefined;
  #state: State = { is: "apart" };
  /** Until when a parent that dials has to be back. */
  #patience: NodeJS.Timeout | undefined;

  constructor(engine: Engine, lineage: Lineage, options: ParenthoodOptions) {
    this.#engine = engine;
    this.#lineage = lineage;
    this.#options = options;
  }

  /** To the parent, once joined. */
  get link(): LinkLike | undefined {
    return this.#state.is === "joined" ? this.#state.link : undefined;
  }

  /**
   * Joins the tree for the first time.
   * @param rounds how often all parents are dialled. Default: as often as the time allows
   * @throws ConnectionError if no parent was found in time
   * @throws CycleError, AuthenticationError, VersionMismatchError at once: waiting does not mend them
   */
  async join(rounds?: number): Promise<void> {
    const deadline = performance.now() + this.#options.connectTimeout;
    const left = (): number => deadline - performance.now();
    for (;;) {
      if ((await this.#attemptParents(left(), left(), rounds)) === "joined") return;
      if (rounds === undefined) await this.#backoff.pause(this.#gone.signal, left());
      if (rounds !== undefined || left() <= 0) throw this.#tooLate();
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

  /** Dials the parents, the one first whose turn it is. */
  async #attemptParents(timeout: number, patience: number, rounds?: number): Promise<"joined" | "again"> {
    const { parents } = this.#options;
    const order = [...parents.slice(this.#first), ...parents.slice(0, this.#first)];
    let answering = this.#first;
    let outcome: "joined" | "again" = "again";
    try {
      outcome = await this.#attempt(order, timeout, patience, rounds, () => {
        answering = (answering + 1) % parents.length;
      });
      return outcome;
    } finally {
      // Unless it came to a join, the next one has its turn: this one may be a way round a circle.
      this.#first = outcome === "joined" ? answering : (answering + 1) % parents.length;
    }
  }

  /** @param patience milliseconds for one that was found to find its own way to a root */
  async #attempt(
    addresses: readonly string[],
    timeout: number,
    patience: number,
    rounds?: number,
    onRetry?: () => void,
  ): Promise<"joined" | "again"> {
    const { dial, logger } = this.#options;
    const link = await dialUntil(addresses, {
      ...dial(),
      timeout,
      rounds,
      signal: this.#gone.signal,
      onRedirect: ({ name, address }, from) => logger.debug({ name, address, from }, "Sent on to another node"),
      onRetry: (error) => {
        onRetry?.();
        logger.debug({ address: error.address, cause: error.message }, "No parent yet");
      },
    });
    if (this.#gone.signal.aborted) {
      link.terminate("leaving");
      throw this.#gone.signal.reason;
    }
    this.#state = { is: "joining", link };
    return await this.#followAncestry(link, patience);
  }

  #followAncestry(link: LinkLike, patience: number): Promise<"joined" | "again"> {
    // Another parent may dial meanwhile.
    const isCurrent = (): boolean => this.#state.is === "joining" && this.#state.link === link;
    return followAncestry(link, {
      patience,
      logger: this.#options.logger,
      hear: (chain, settled) => {
        if (!isCurrent()) return false;
        this.#hear(chain, settled);
        this.#options.onLineage();
        return this.#lineage.settled;
      },
      onSettled: () => this.#joined(link),
      onApart: () => {
        if (!isCurrent()) return;
        this.#state = { is: "apart" };
        this.#forgetLineage();
      },
    });
  }

  #joined(link: LinkLike): void {
    const { id, name } = link.peer;
    const since = performance.now();
    clearTimeout(this.#patience);
    this.#state = { is: "joined", link };
    this.#engine.addUpstream(link, { id, name, role: "node" });
    this.#options.logger.info({ parent: id, name, address: link.remoteAddress }, "Joined parent");
    link.on("close", (reason) => {
      if (performance.now() - since >= Backoff.lasting) this.#backoff.reset();
      // Whom this node turned its back on comes last.
      this.#first = reason.kind === "local" ? (this.#first + 1) % this.#options.parents.length : 0;
      this.#home = reason.kind === "local" || this.#isNamed(link.remoteAddress) ? undefined : link.remoteAddress;
      // Who said goodbye does not come back.
      this.#lost(reason.detail, reason.kind === "closed-by-peer" ? 0 : PARENT_PATIENCE);
    });
  }

  #isNamed(address: string): boolean {
    return this.#options.parents.some((each) => sameAddress(each, address));
  }

  /** What the parent says later on: it moved itself. */
  heard(chain: readonly Ancestor[], settled: boolean): void {
    try {
      this.#hear(chain, settled);
    } catch (error) {
      // The one above looks for a new way up, too, and found this node. Somebody has to let go, and this is who.
      if (this.#state.is === "joined") void this.#state.link.close((error as Error).message);
    }
    this.#options.onLineage();
  }

  /** @throws CycleError if this node has to let go */
  #hear(chain: readonly Ancestor[], settled: boolean): void {
    this.#lineage.above(chain, settled);
    if (settled) [, ...this.#above] = chain;
  }

  #forgetLineage(): void {
    this.#lineage.lost();
    this.#options.onLineage();
  }

  /** The tasks that came from the parent are void; the node itself, and what is below it, stays. */
  #lost(cause: string, patience: number): void {
    if (this.#state.is === "left") return;
    const { parents, logger, onFailed, letGo, reconnect } = this.#options;
    this.#state = { is: "apart" };
    if (parents.length === 0) {
      logger.warn({ cause }, "Parent lost; waiting to be dialled again");
      this.#forgetLineage();
      const givenUp = (): void => onFailed(this.#givenUp(cause));
      // setTimeout takes what is longer, and Infinity, for 1 ms.
      if (reconnect < 2 ** 31) this.#patience = setTimeout(givenUp, reconnect);
      return;
    }
    const addresses = this.#above.map(({ address }) => address).filter((address) => !this.#isNamed(address));
    this.#ancestors = this.#home === undefined ? addresses : [this.#home, ...addresses];
    logger.warn({ cause }, "Parent lost; looking for it again");
    this.#forgetLineage();
    void this.#rejoin(patience, cause).catch((error: Error) => {
      if (this.#gone.signal.aborted) return;
      if (letGo === undefined) onFailed(error);
      else letGo();
    });
  }

  /** @param parentPatience milliseconds in which nobody but the parents is asked */
  async #rejoin(parentPatience: number, cause: string): Promise<void> {
    const { parents, connectTimeout, reconnect, letGo } = this.#options;
    const deadline = performance.now() + parentPatience;
    const end = performance.now() + reconnect;
    for (;;) {
      // A parent may let a node in and turn it out again, over and over.
      await this.#backoff.pause(this.#gone.signal, end - performance.now());
      const left = end - performance.now();
      if (left <= 0) throw this.#givenUp(cause);
      if (this.#home !== undefined && performance.now() < deadline) {
        if ((await this.#joinAncestor(this.#home)) === "joined") return;
        continue;
      }
      const alone = this.#ancestors.length === 0 && letGo === undefined;
      // With only one of them there is nothing better to do than to wait for it.
      const patience = Math.min(left, parents.length > 1 || !alone ? connectTimeout : left);
      const parentsTurn = () => this.#attemptParents(left, patience, alone ? undefined : 1);
      if ((await this.#tried(parentsTurn)) === "joined") return;
      if (performance.now() < deadline) continue;
      for (const address of this.#ancestors) {
        if ((await this.#joinAncestor(address)) === "joined") return;
      }
      if (letGo !== undefined) return letGo();
    }
  }

  #givenUp(cause: string): ConnectionError {
    const { parents, reconnect } = this.#options;
    const nobody =
      parents.length === 0
        ? "nobody dialled this one to be its parent"
        : `no node let this one in again that could be reached at ${[...parents, ...this.#ancestors].join(", ")}`;
    return new ConnectionError(
      `The parent was lost (${cause}), and for ${reconnect} ms ${nobody}. So it ends, as --reconnect says; what ran here runs ` +
        `again elsewhere. Start it again once its parent is back.`,
      { address: parents[0] ?? "" },
    );
  }

  /** A parent that is another one by now is an error; what cannot be reached may be back. */
  async #tried(attempt: () => Promise<"joined" | "again">): Promise<"joined" | "again"> {
    try {
      return await attempt();
    } catch (error) {
      if (!mends(error)) throw error;
      if (!this.#gone.signal.aborted) {
        this.#options.logger.warn({ cause: (error as Error).message }, "No parent; trying again");
      }
      return "again";
    }
  }

  /** Where its address leads to from here is not sure; whoever else is found there is none of ours. */
  async #joinAncestor(address: string): Promise<"joined" | "again"> {
    const { connectTimeout, logger } = this.#options;
    try {
      return await this.#attempt([address], connectTimeout, connectTimeout, 1);
    } catch (error) {
      logger.debug({ address, cause: (error as Error).message }, "A node above the parent cannot be joined");
      return "again";
    }
  }

  /**
   * Whether a node may dial this one to be its parent.
   * @throws ConnectionError if there is one; the same one may come anew while its old link is broken
   */
  admit({ id, name }: Pick<PeerInfo, "id" | "name">): void {
    if (this.#state.is === "left") throw new ShutdownError("It is leaving the tree.");
    if (this.#state.is !== "joined") return;
    const { peer, state } = this.#state.link;
    if (peer.id === id && state === "away") return;
    throw new ConnectionError(
      `It has a parent already, ${peer.name}, and so cannot be a child of ${name}. A node has one parent.`,
    );
  }

  /** A node that may has dialled this one to be its parent; one that knows of no root itself gives way. */
  dialled(link: LinkLike): void {
    const { is } = this.#state;
    if (is === "joined" || is === "left") return void link.close("another one was first");
    if (this.#state.is === "joining") this.#state.link.terminate("another parent has dialled");
    this.#state = { is: "joining", link };
    this.#followAncestry(link, Number.POSITIVE_INFINITY).catch((error: Error) => {
      this.#options.logger.warn({ parent: link.peer.id, cause: error.message }, "Refused a parent");
    });
  }

  leave(): void {
    const link = this.#state.is === "joining" ? this.#state.link : undefined;
    clearTimeout(this.#patience);
    this.#state = { is: "left" };
    this.#gone.abort(new ConnectionError("The node is leaving.", { address: this.#options.parents[0] ?? "" }));
    link?.terminate("leaving");
  }
}

/** Whether waiting can help. A circle among nodes that have lost their root ends when it is back. */
function mends(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof CycleError || error instanceof ShutdownError;
}
