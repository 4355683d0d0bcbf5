/** Most characters of code that a process keeps. Code that was dropped is asked for again. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** Shipped functions by their hash. */
export class CodeStore {
  readonly #texts = new Map<string, string>();
  #characters = 0;

  get(hash: string): string | undefined {
    return this.#texts.get(hash);
  }

  add(hash: string, text: string): void {
    if (this.#texts.has(hash)) return;
    this.#texts.set(hash, text);
    this.#characters += text.length;
    for (const [old, oldText] of this.#texts) {
      if (this.#characters <= MOST_CHARACTERS || old === hash) break;
      this.#texts.delete(old);
      this.#characters -= oldText.length;
    }
  }
}
