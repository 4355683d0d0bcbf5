/** A map that forgets what was used longest ago. What was put in last stays, whatever it weighs. */
export class Lru<K, V> {
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  // A Map iterates in order of insertion, and every use inserts anew: the first key is the stalest.
  readonly #entries = new Map<K, V>();
  #weight = 0;
  /** Whoever is asked for again and again need not be moved. */
  #newest: K | undefined;

  /** @param weigh what a value counts towards the limit; unless told, 1 */
  constructor(limit: number, weigh: (value: V) => number = () => 1) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined && key !== this.#newest) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
      this.#newest = key;
    }
    return value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    this.#newest = key;
    this.#weight += this.#weigh(value);
    for (const stalest of this.#entries.keys()) {
      if (this.#weight <= this.#limit || stalest === key) return;
      this.delete(stalest);
    }
  }

  delete(key: K): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weigh(value);
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
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
