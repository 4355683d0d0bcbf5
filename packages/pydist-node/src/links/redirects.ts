import { ConnectionError, PydistError } from "@pydist/protocol";
import type { Redirect } from "./hello.js";
import type { LinkLike } from "./link-like.js";

/** Attempts to find a place, after which there is none. */
const MOST_ATTEMPTS = 64;

export type Answer = { readonly link: LinkLike } | { readonly redirect: Redirect };

/** Dials once. @param unreached nodes to which this address has sent us, and that we did not reach */
export type Ask = (address: string, unreached: readonly string[], whose: "given" | "told") => Promise<Answer>;

/**
 * The way of a newcomer down the tree: a node that has enough children sends it on to one of them. If that one cannot be
 * reached from here, the node that named it is asked again, which names another one or has room after all.
 */
export class Journey {
  readonly #ask: Ask;
  readonly #onRedirect: ((redirect: Redirect, from: string) => void) | undefined;
  /** Who has been asked on the way here, so that it never leads round. */
  readonly #passed = new Set<string>();
  #attempts = 0;

  constructor(ask: Ask, onRedirect?: (redirect: Redirect, from: string) => void) {
    this.#ask = ask;
    this.#onRedirect = onRedirect;
  }

  /** @throws what the node at the address is dialled with; what comes further down is for the node that led there */
  async settle(address: string, sentTo?: Redirect): Promise<LinkLike> {
    const unreached: string[] = [];
    for (;;) {
      if (++this.#attempts > MOST_ATTEMPTS) throw this.#lost(address);
      const answer = await this.#ask(address, unreached, sentTo === undefined ? "given" : "told");
      if ("link" in answer) return this.#checked(answer.link, sentTo);
      const { redirect } = answer;
      this.#onRedirect?.(redirect, address);
      const link = await this.#follow(redirect);
      if (link !== undefined) return link;
      unreached.push(redirect.id);
    }
  }

  async #follow(redirect: Redirect): Promise<LinkLike | undefined> {
    if (this.#passed.has(redirect.id)) return undefined;
    this.#passed.add(redirect.id);
    try {
      return await this.settle(redirect.address, redirect);
    } catch (error) {
      // Where an address leads to from here is not sure; whoever else is found there is none that was meant.
      if (!(error instanceof PydistError) || this.#attempts > MOST_ATTEMPTS) throw error;
      return undefined;
    } finally {
      this.#passed.delete(redirect.id);
    }
  }

  #checked(link: LinkLike, sentTo: Redirect | undefined): LinkLike {
    if (sentTo === undefined || link.peer.id === sentTo.id) return link;
    link.terminate("another node was meant");
    throw new ConnectionError(`${sentTo.address} is not the node "${sentTo.name}" from here.`, {
      address: sentTo.address,
    });
  }

  #lost(address: string): ConnectionError {
    return new ConnectionError(
      `No place was found in the tree after ${MOST_ATTEMPTS} attempts, the last of them at ${address}. ` +
        "Start its root with a larger --max-children, or give this node another --parent.",
      { address },
    );
  }
}
