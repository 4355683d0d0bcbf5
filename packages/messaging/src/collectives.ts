import { inspect } from "node:util";
import type { Wire } from "./wire.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** The rank that gives or gets; default 0. */
export interface Rooted {
  readonly root?: number;
}

/**
 * What all ranks do together. Every rank calls the same ones in the same order, with the same root; otherwise they wait
 * for each other for ever. They go by trees, in as many rounds as the number of ranks has binary digits.
 */
export class Collectives {
  readonly rank: number;
  readonly size: number;
  /** @internal */
  protected readonly wire: Wire;
  /** How many there were: the same number at every rank. */
  #count = 0;

  constructor(wire: Wire) {
    this.rank = wire.rank;
    this.size = wire.size;
    this.wire = wire;
  }

  /** Resolves when every rank has come to it. */
  async barrier(): Promise<void> {
    const tag = this.#next();
    // Dissemination: after each round a rank has heard, directly or not, of twice as many.
    for (let distance = 1; distance < this.size; distance *= 2) {
      await this.wire.send((this.rank + distance) % this.size, tag, null);
      await this.#read((this.rank - distance + this.size) % this.size, tag);
    }
  }

  /** The root's value, at every rank; what the others give does not matter. */
  async broadcast(value?: unknown, options?: Rooted): Promise<unknown> {
    const root = this.#rootOf("broadcast", options);
    const tag = this.#next();
    const bytes = this.rank === root ? this.wire.encode(value) : undefined;
    return this.wire.decode(await this.#spread(tag, root, bytes));
  }

  /** Of the root's list, one value for each rank. What the other ranks give does not matter. */
  async scatter(values?: readonly unknown[], options?: Rooted): Promise<unknown> {
    const root = this.#rootOf("scatter", options);
    const tag = this.#next();
    const own = this.#turned(root);
    const { from, children } = this.#branch(own);
    // Its own first, then those of all below it.
    const dealt =
      own === 0 ? this.#deal(values, root) : ((await this.#readValue(this.#back(from, root), tag)) as Bytes[]);
    for (const child of children) {
      const below = dealt.slice(child - own, child - own + (child & -child));
      await this.wire.send(this.#back(child, root), tag, below);
    }
    return this.wire.decode(dealt[0] as Bytes);
  }

  #deal(values: unknown, root: number): Bytes[] {
    if (!Array.isArray(values)) throw new TypeError(`scatter was given ${inspect(values)}; the root gives an array.`);
    if (values.length !== this.size) {
      throw new RangeError(
        `scatter was given ${values.length} values; the root gives one for each of ${this.size} ranks.`,
      );
    }
    return Array.from({ length: this.size }, (_, turned) => this.wire.encode(values[this.#back(turned, root)]));
  }

  /** Every rank's value at the root, in the order of ranks; undefined at the others. */
  async gather(value: unknown, options?: Rooted): Promise<unknown[] | undefined> {
    const root = this.#rootOf("gather", options);
    const gathered = await this.#collect(this.#next(), root, this.wire.encode(value));
    return gathered?.map((bytes) => this.wire.decode(bytes));
  }

  /** Every rank's value at every rank, in the order of ranks. */
  async allGather(value: unknown): Promise<unknown[]> {
    const tag = this.#next();
    const gathered = await this.#collect(tag, 0, this.wire.encode(value));
    const all = await this.#spread(tag, 0, gathered && this.wire.encode(gathered));
    return (this.wire.decode(all) as Bytes[]).map((bytes) => this.wire.decode(bytes));
  }

  /**
   * All values combined at the root, from that of rank 0 on, in the order of ranks: so a sum of fractions is the same each
   * time, and that of a loop. undefined at the others.
   * @param combine may return a promise; the root alone calls it
   */
  async reduce<T>(value: T, combine: (before: T, next: T) => T | Promise<T>, options?: Rooted): Promise<T | undefined> {
    checkCombine("reduce", combine);
    const root = this.#rootOf("reduce", options);
    const gathered = await this.#collect(this.#next(), root, this.wire.encode(value));
    return gathered === undefined ? undefined : ((await this.#fold(gathered, combine as Combine)) as T);
  }

  /** As `reduce`, with the outcome at every rank. */
  async allReduce<T>(value: T, combine: (before: T, next: T) => T | Promise<T>): Promise<T> {
    checkCombine("allReduce", combine);
    const tag = this.#next();
    const gathered = await this.#collect(tag, 0, this.wire.encode(value));
    const folded = gathered && this.wire.encode(await this.#fold(gathered, combine as Combine));
    return this.wire.decode(await this.#spread(tag, 0, folded)) as T;
  }

  async #fold(gathered: readonly Bytes[], combine: Combine): Promise<unknown> {
    let folded = this.wire.decode(gathered[0] as Bytes);
    for (const bytes of gathered.slice(1)) folded = await combine(folded, this.wire.decode(bytes));
    return folded;
  }

  /** Bytes from the root to all. */
  async #spread(tag: string, root: number, given: Bytes | undefined): Promise<Bytes> {
    const { from, children } = this.#branch(this.#turned(root));
    const bytes = given ?? (await this.#read(this.#back(from, root), tag));
    for (const child of children) await this.wire.sendCopy(this.#back(child, root), tag, bytes);
    return bytes;
  }

  /** Bytes from all to the root, in the order of ranks. */
  async #collect(tag: string, root: number, own: Bytes): Promise<Bytes[] | undefined> {
    const turned = this.#turned(root);
    const { from, children } = this.#branch(turned);
    const collected = [own];
    // The nearest first: so those of each branch follow each other.
    for (const child of children.reverse()) {
      collected.push(...((await this.#readValue(this.#back(child, root), tag)) as Bytes[]));
    }
    if (turned !== 0) return void (await this.wire.send(this.#back(from, root), tag, collected));
    return collected.map((_, rank) => collected[(rank - root + this.size) % this.size] as Bytes);
  }

  /**
   * A rank's place in the binomial tree, counted from the root: each one below it is at a power of two from it, the
   * farthest first.
   */
  #branch(turned: number): { readonly from: number; readonly children: number[] } {
    const step = turned === 0 ? 2 ** Math.ceil(Math.log2(this.size)) : turned & -turned;
    const children: number[] = [];
    for (let distance = step / 2; distance >= 1; distance /= 2) {
      if (turned + distance < this.size) children.push(turned + distance);
    }
    return { from: turned - step, children };
  }

  #turned(root: number): number {
    return (this.rank - root + this.size) % this.size;
  }

  #back(turned: number, root: number): number {
    return (turned + root) % this.size;
  }

  #next(): string {
    return `*${++this.#count}`;
  }

  async #read(from: number, tag: string): Promise<Bytes> {
    return (await this.wire.take(from, (other) => other === tag)).bytes;
  }

  async #readValue(from: number, tag: string): Promise<unknown> {
    return this.wire.decode(await this.#read(from, tag));
  }

  #rootOf(call: string, { root = 0 }: Rooted = {}): number {
    if (Number.isSafeInteger(root) && root >= 0 && root < this.size) return root;
    throw new RangeError(`${call}'s root is ${inspect(root)}; it must be a rank, from 0 to ${this.size - 1}.`);
  }
}

type Combine = (before: unknown, next: unknown) => unknown;

function checkCombine(call: string, combine: unknown): void {
  if (typeof combine === "function") return;
  throw new TypeError(`${call}'s combine is ${inspect(combine)}; it must be a function of two values.`);
}
