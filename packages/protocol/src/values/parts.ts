import type { Parts } from "./extension.js";
import type { Links } from "./nodes.js";

/** The parts of a node that are found, and made, when they are asked for. @throws TypeError for malformed links. */
export class LinkedParts implements Parts {
  readonly #data: readonly unknown[];
  readonly #targets = new Map<number, unknown>();
  readonly #resolve: (target: unknown) => unknown;

  constructor(data: readonly unknown[], links: Links | undefined, resolve: (target: unknown) => unknown) {
    this.#data = data;
    this.#resolve = resolve;
    if (links === undefined) return;
    if (!Array.isArray(links)) throw new TypeError("its links are malformed");
    for (let i = 0; i < links.length; i += 2) {
      const key: unknown = links[i];
      if (!Number.isInteger(key) || !((key as number) in data)) throw new TypeError("a link leads nowhere");
      this.#targets.set(key as number, links[i + 1]);
    }
  }

  get length(): number {
    return this.#data.length;
  }

  get(i: number): unknown {
    if (this.#targets.has(i)) return this.#resolve(this.#targets.get(i));
    if (!Number.isInteger(i) || !(i in this.#data)) throw new TypeError(`a value lacks its part ${String(i)}`);
    return this.#data[i];
  }
}
