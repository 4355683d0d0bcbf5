/** Grown beyond this, the places of those that left the front are given up. */
const COMPACT = 1024;

/** A line of waiting entries: in and out at both ends at constant cost, which an array's `shift` is not. */
export class Line<T> {
  #items: (T | undefined)[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  at(index: number): T | undefined {
    return this.#items[this.#front + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  unshift(item: T): void {
    if (this.#front > 0) this.#items[--this.#front] = item;
    else this.#items.unshift(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#front];
    this.#items[this.#front++] = undefined;
    if (this.#front >= COMPACT && this.#front * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }

  insert(index: number, item: T): void {
    this.#items.splice(this.#front + index, 0, item);
  }

  /** Takes one out, of the middle at the cost of what there is behind it. */
  remove(index: number): T | undefined {
    if (index === 0) return this.shift();
    return this.#items.splice(this.#front + index, 1)[0];
  }

  /** Keeps what fits, in its order. */
  retain(fits: (item: T) => boolean): void {
    this.#items = (this.#items.slice(this.#front) as T[]).filter(fits);
    this.#front = 0;
  }
}
