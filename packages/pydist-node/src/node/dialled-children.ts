import { Backoff } from "../links/backoff.js";
import { type DialOptions, dial, type LinkLike } from "../links/index.js";
import { type Logger, messageOf } from "../logger.js";

export interface DialledChildrenOptions {
  readonly addresses: readonly string[];
  readonly dial: () => DialOptions;
  readonly logger: Logger;
  readonly onChild: (link: LinkLike) => void;
}

/**
 * Children that are dialled, because nothing lets them dial out: a link to each, and another one whenever it is lost.
 * Whoever does not answer keeps nobody waiting: it is a child once it does.
 */
export class DialledChildren {
  readonly #options: DialledChildrenOptions;
  readonly #gone = new AbortController();

  constructor(options: DialledChildrenOptions) {
    this.#options = options;
    for (const address of options.addresses) void this.#keep(address);
  }

  async #keep(address: string): Promise<void> {
    const { dial: options, logger, onChild } = this.#options;
    const { signal } = this.#gone;
    const backoff = new Backoff();
    let told: string | undefined;
    while (!signal.aborted) {
      let cause: string;
      try {
        const link = await dial(address, { ...options(), signal });
        const since = performance.now();
        onChild(link);
        ({ detail: cause } = await link.closed);
        if (performance.now() - since >= Backoff.lasting) {
          told = undefined;
          backoff.reset();
        }
      } catch (error) {
        cause = messageOf(error);
      }
      if (signal.aborted) return;
      // The same news again and again is none.
      if (cause !== told) logger.warn({ address, cause }, "No link to a child; dialling it again");
      told = cause;
      await backoff.pause(signal).catch(() => {});
    }
  }

  leave(): void {
    this.#gone.abort(new Error("The node is leaving."));
  }
}
