import { inspect } from "node:util";
import { looksLikeMapOptions } from "./options.js";

/** Anything that `map` takes its arguments from. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

/** Arguments of one call, or the end. */
export type Next = { readonly args: unknown[] } | "end";

/** Where a map's calls come from: taken one by one, at once where that is possible. */
export interface MapSource {
  /** Calls in all, if that can be known beforehand. */
  readonly total: number | undefined;
  /** The next call's arguments; a promise only where an asynchronous iterable makes it necessary. */
  next(): Next | Promise<Next>;
  /** Nobody wants more: iterators are told, so that they can clean up. */
  close(): void;
}

/**
 * Zips the iterables; the shortest ends it, as Python's `zip`. Arrays are copied now, so that what happens to them later
 * changes nothing.
 * @throws TypeError naming what cannot be iterated.
 */
export function sourceOf(iterables: readonly AnyIterable<unknown>[]): MapSource {
  if (iterables.length === 0) return { total: 0, next: () => "end", close: () => {} };
  const sized = iterables.map(sizedCopy);
  if (sized.every((each) => each !== undefined)) return new ArraySource(sized as ArrayLike<unknown>[]);
  return new IteratorSource(iterables);
}

/** Arrays and typed arrays, and what else knows its size, hold all their items already. */
function sizedCopy(iterable: AnyIterable<unknown>): ArrayLike<unknown> | undefined {
  if (Array.isArray(iterable) || (ArrayBuffer.isView(iterable) && "length" in iterable)) {
    return Array.from(iterable as unknown as ArrayLike<unknown>);
  }
  if (typeof iterable === "string" || iterable instanceof Set || iterable instanceof Map) return Array.from(iterable);
  return undefined;
}

class ArraySource implements MapSource {
  readonly total: number;
  readonly #columns: readonly ArrayLike<unknown>[];
  #at = 0;

  constructor(columns: readonly ArrayLike<unknown>[]) {
    this.#columns = columns;
    this.total = Math.min(...columns.map((column) => column.length));
  }

  next(): Next {
    if (this.#at >= this.total) return "end";
    const at = this.#at++;
    const first = this.#columns[0] as ArrayLike<unknown>;
    return { args: this.#columns.length === 1 ? [first[at]] : this.#columns.map((column) => column[at]) };
  }

  close(): void {
    this.#at = this.total;
  }
}

/** One of the sources of a zip. */
interface Column {
  readonly iterator: Iterator<unknown> | AsyncIterator<unknown>;
  /** What an asynchronous one gives is awaited, be it a promise or only something like it. */
  readonly gives: "at once" | "later";
}

/** @throws TypeError if what it makes is no iterator */
function columnOf(iterable: AnyIterable<unknown>): Column {
  const copy = sizedCopy(iterable);
  if (copy !== undefined) return { iterator: Array.prototype.values.call(copy), gives: "at once" };
  const later = isMethod(iterable, Symbol.asyncIterator);
  const iterator = later
    ? (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    : (iterable as Iterable<unknown>)[Symbol.iterator]();
  if (typeof Object(iterator).next !== "function") {
    throw new TypeError(
      `map was given ${inspect(iterable)}, whose iterator is ${inspect(iterator)}: it has no next().`,
    );
  }
  return { iterator, gives: later ? "later" : "at once" };
}

type Step = IteratorResult<unknown>;

class IteratorSource implements MapSource {
  readonly total = undefined;
  readonly #columns: readonly Column[];
  #state: "open" | "ended" = "open";

  constructor(iterables: readonly AnyIterable<unknown>[]) {
    this.#columns = iterables.map(columnOf);
  }

  next(): Next | Promise<Next> {
    if (this.#state === "ended") return "end";
    const steps: (Step | Promise<Step>)[] = [];
    for (const { iterator, gives } of this.#columns) {
      const step = iterator.next();
      if (gives === "later") return this.#nextLater([...steps, step]);
      steps.push(step);
      // As zip: once one has ended, the later ones are not asked.
      if ((step as Step).done === true) break;
    }
    return this.#joined(steps as Step[]);
  }

  async #nextLater(begun: (Step | Promise<Step>)[]): Promise<Next> {
    const steps: Step[] = [];
    for (const [i, { iterator }] of this.#columns.entries()) {
      const step = await (i < begun.length ? (begun[i] as Step | Promise<Step>) : iterator.next());
      steps.push(step);
      if (step.done === true) break;
    }
    return this.#joined(steps);
  }

  #joined(steps: Step[]): Next {
    if (steps.some((step) => step.done === true)) {
      this.close();
      return "end";
    }
    return { args: steps.map((step) => step.value) };
  }

  close(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    for (const { iterator } of this.#columns) {
      // What a generator's finally does or throws is its own affair: the map is over.
      try {
        void Promise.resolve(iterator.return?.()).catch(() => {});
      } catch {}
    }
  }
}

function isMethod(value: object, key: symbol): boolean {
  return typeof (value as Record<symbol, unknown>)[key] === "function";
}

/** Whether a value can be mapped over; strings can, as in Python. */
function isIterable(value: unknown): value is AnyIterable<unknown> {
  if (typeof value === "string") return true;
  if (typeof value !== "object" || value === null) return false;
  return isMethod(value, Symbol.iterator) || isMethod(value, Symbol.asyncIterator);
}

/** Iterables have these properties, and options do not, whatever they are worth. */
function looksIterable(value: object): boolean {
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

/** Splits `map`'s arguments after the function into iterables and options. @throws TypeError */
export function splitMapArguments(given: readonly unknown[]): {
  iterables: AnyIterable<unknown>[];
  options: Record<string, unknown>;
} {
  // Options that are undefined are none.
  const rest = given.length > 1 && given.at(-1) === undefined ? given.slice(0, -1) : given;
  const last = rest[rest.length - 1];
  const hasOptions = rest.length > 0 && typeof last === "object" && last !== null && !looksIterable(last);
  // As in Python, no iterables make no calls; but whoever gives something else than options has forgotten one.
  if (hasOptions && rest.length === 1 && !looksLikeMapOptions(last)) {
    throw new TypeError(
      `map's argument 2 is ${inspect(last)}, which is not iterable: an iterable of the function's arguments is missing.`,
    );
  }
  const iterables = hasOptions ? rest.slice(0, -1) : rest;
  iterables.forEach((iterable, i) => {
    if (!isIterable(iterable)) {
      throw new TypeError(`map's argument ${i + 2} is ${inspect(iterable)}; it must be an iterable or async iterable.`);
    }
  });
  return {
    iterables: iterables as AnyIterable<unknown>[],
    options: hasOptions ? (last as Record<string, unknown>) : {},
  };
}
