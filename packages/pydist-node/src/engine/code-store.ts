import type { Content } from "@pydist/futures";
import { Lru } from "@pydist/shipping/runtime";

/** Most characters of code, and bytes of captured values, kept for others. What was dropped is asked for again. */
const MOST_CHARACTERS = 64 * 1024 * 1024;
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Contents by their hash: those that open tasks of this process's own executor name, which nobody else could give, and as
 * much as there is room for of what came from elsewhere.
 */
export class CodeStore {
  readonly #own = new Map<string, { readonly content: Content["content"]; users: number }>();
  readonly #texts: Lru<string, string>;
  readonly #bytes: Lru<string, Uint8Array>;

  constructor(limits: { readonly characters?: number; readonly bytes?: number } = {}) {
    this.#texts = new Lru(limits.characters ?? MOST_CHARACTERS, (text) => text.length);
    this.#bytes = new Lru(limits.bytes ?? MOST_BYTES, (bytes) => bytes.length);
  }

  get(hash: string): Content["content"] | undefined {
    return this.#own.get(hash)?.content ?? this.#texts.get(hash) ?? this.#bytes.get(hash);
  }

  /** Stays until it is let go as often as it was kept. */
  keep({ hash, content }: Content): void {
    const known = this.#own.get(hash);
    if (known === undefined) this.#own.set(hash, { content, users: 1 });
    else known.users++;
  }

  letGo(hash: string): void {
    const known = this.#own.get(hash);
    if (known !== undefined && --known.users === 0) this.#own.delete(hash);
  }

  /** Stays while there is room. */
  add({ hash, content }: Content): void {
    if (typeof content === "string") this.#texts.set(hash, content);
    else this.#bytes.set(hash, content);
  }
}
