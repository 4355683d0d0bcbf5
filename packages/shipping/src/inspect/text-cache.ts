import { Lru } from "../lru.js";

/** Remembers texts up to a number of characters in all, and forgets what was used longest ago. */
export class TextCache {
  readonly #limit: number;
  readonly #texts: Lru<string, string>;

  constructor(limit: number) {
    this.#limit = limit;
    this.#texts = new Lru(limit, (text) => text.length);
  }

  get(key: string): string | undefined {
    return this.#texts.get(key);
  }

  set(key: string, text: string): void {
    this.#texts.set(key, text);
    // Longer than all may be together.
    if (text.length > this.#limit) this.#texts.delete(key);
  }
}
