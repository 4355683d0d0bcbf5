/** A map that forgets what was used longest ago. */
export class Lru<K, V> {
  readonly #limit: number;
  // A Map iterates in order of insertion, and every use inserts anew: the first key is the stalest.
  readonly #entries = new Map<K, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    for (const stalest of this.#entries.keys()) {
      this.#entries.delete(stalest);
      return;
    }
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** From the stalest on. */
  keys(): K[] {
    return [...this.#entries.keys()];
  }

  values(): V[] {
    return [...this.#entries.values()];
  }

  entries(): [K, V][] {
    return [...this.#entries];
  }
}
