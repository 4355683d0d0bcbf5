/** Remembers texts up to a number of characters in all, and forgets what was used longest ago. */
export class TextCache {
  readonly #limit: number;
  readonly #texts = new Map<string, string>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): string | undefined {
    const text = this.#texts.get(key);
    if (text !== undefined) {
      // A Map iterates in order of insertion.
      this.#texts.delete(key);
      this.#texts.set(key, text);
    }
    return text;
  }

  set(key: string, text: string): void {
    this.#size += text.length - (this.#texts.get(key)?.length ?? 0);
    this.#texts.delete(key);
    this.#texts.set(key, text);
    for (const [stalest, old] of this.#texts) {
      if (this.#size <= this.#limit) return;
      this.#texts.delete(stalest);
      this.#size -= old.length;
    }
  }
}
