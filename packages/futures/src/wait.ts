import { inspect } from "node:util";
import { TimeoutError } from "@pydist/protocol";
import { Future } from "./future.js";
import { type Check, checkOptions, milliseconds } from "./options.js";
import { after } from "./timer.js";

/** What `wait` waits for. Cancelled futures are completed; only what was thrown is an exception. */
export type ReturnWhen = "ALL_COMPLETED" | "FIRST_COMPLETED" | "FIRST_EXCEPTION";

export interface WaitOptions {
  /** Milliseconds; without it, as long as it takes. */
  readonly timeout?: number;
  /** Default "ALL_COMPLETED". */
  readonly returnWhen?: ReturnWhen;
}

// biome-ignore lint/suspicious/noExplicitAny: futures of any results may be waited for together.
type AnyFuture = Future<any>;

/**
 * Waits for futures, of one executor or of several, as `concurrent.futures.wait`. Duplicates count once. Running out of
 * time is no error: whoever is not done by then is in `notDone`.
 * @throws TypeError or RangeError for a wrong argument
 */
export async function wait<F extends AnyFuture>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): Promise<{ done: Set<F>; notDone: Set<F> }> {
  const all = setOf("wait", futures);
  checkOptions("wait", options, { timeout: milliseconds, returnWhen: moment });
  const { timeout, returnWhen = "ALL_COMPLETED" } = options;
  const isEnough = ENOUGH[returnWhen];
  const watch = new Watch(all);
  await watch.until(() => isEnough(watch), timeout);
  watch.stop();
  return { done: watch.done, notDone: watch.waiting };
}

/** How far a wait has come. */
interface Sorted {
  readonly done: ReadonlySet<unknown>;
  readonly waiting: ReadonlySet<unknown>;
  readonly raised: number;
}

const ENOUGH: Readonly<Record<ReturnWhen, (sorted: Sorted) => boolean>> = {
  ALL_COMPLETED: ({ waiting }) => waiting.size === 0,
  FIRST_COMPLETED: ({ waiting, done }) => done.size > 0 || waiting.size === 0,
  FIRST_EXCEPTION: ({ waiting, raised }) => raised > 0 || waiting.size === 0,
};

const moment: Check = (name, value) => {
  if (typeof value === "string" && Object.hasOwn(ENOUGH, value)) return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be one of ${Object.keys(ENOUGH).join(", ")}.`);
};

/**
 * Gives futures as they complete, those that are done already first, each once, as
 * `concurrent.futures.as_completed`. The time counts from the call.
 * @throws TypeError or RangeError at the call for a wrong argument; the iterator throws TimeoutError when the time is over
 */
export function asCompleted<F extends AnyFuture>(
  futures: Iterable<F>,
  options: { readonly timeout?: number } = {},
): Completing<F> {
  const all = setOf("asCompleted", futures);
  checkOptions("asCompleted", options, { timeout: milliseconds });
  return new Completions(all, options.timeout);
}

/**
 * Futures as they complete. The compiler believes that `for await` awaits each item; of an async iterator it does not, so
 * the loop is given futures. `await future` is right for both.
 */
export interface Completing<F> {
  [Symbol.asyncIterator](): Completing<F>;
  next(): Promise<IteratorResult<F, undefined>>;
  return(): Promise<IteratorResult<F, undefined>>;
}

const nothing = (): void => {};

class Completions<F extends AnyFuture> implements Completing<F> {
  readonly #watch: Watch<F>;
  readonly #total: number;
  readonly #deadline: number;
  /** Resolves when those asked for before have been given. */
  #turn: Promise<void> = Promise.resolve();

  constructor(futures: Set<F>, timeout: number | undefined) {
    this.#watch = new Watch(futures);
    this.#total = futures.size;
    this.#deadline = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Several may be asked for at once: they are given in the order of asking, as by an async generator. */
  next(): Promise<IteratorResult<F, undefined>> {
    const next = this.#turn.then(() => this.#next());
    this.#turn = next.then(nothing, nothing);
    return next;
  }

  async #next(): Promise<IteratorResult<F, undefined>> {
    const { done, waiting } = this.#watch;
    // A timer may be early by a fraction of a millisecond.
    while (done.size === 0 && waiting.size > 0) {
      const left = this.#deadline - performance.now();
      if (left <= 0) break;
      await this.#watch.until(() => done.size > 0 || waiting.size === 0, left);
    }
    for (const future of done) {
      // A future that was given is not held here any more.
      done.delete(future);
      return { done: false, value: future };
    }
    const unfinished = waiting.size;
    this.#watch.stop();
    if (unfinished > 0) {
      waiting.clear();
      throw new TimeoutError(`${unfinished} (of ${this.#total}) futures unfinished`);
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<F, undefined>> {
    this.#watch.stop();
    this.#watch.done.clear();
    this.#watch.waiting.clear();
    // Who waits for the next one is told that there is none.
    this.#watch.wake();
    return { done: true, value: undefined };
  }
}

/** Sorts futures into those that are done and those that are not, and tells when that changes. */
class Watch<F extends AnyFuture> implements Sorted {
  readonly done = new Set<F>();
  readonly waiting = new Set<F>();
  /** How many of those that are done threw. */
  raised = 0;
  /** Looks again, for the one who waits. */
  #look: (() => void) | undefined;

  constructor(futures: ReadonlySet<F>) {
    for (const future of futures) {
      if (future.done()) this.#add(future);
      else this.waiting.add(future);
    }
    for (const future of this.waiting) future.addDoneCallback(this.#onDone as (future: AnyFuture) => void);
  }

  #add(future: F): void {
    this.done.add(future);
    if (future.raised) this.raised++;
  }

  readonly #onDone = (future: F): void => {
    if (!this.waiting.delete(future)) return;
    this.#add(future);
    this.wake();
  };

  /** Lets who waits look again. */
  wake(): void {
    this.#look?.();
  }

  /** Resolves when `enough` says so, or when the time is over. One waits at a time. */
  until(enough: () => boolean, timeout: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (enough() || timeout === 0) return resolve();
      const over = (): void => {
        clearTimeout(timer);
        this.#look = undefined;
        resolve();
      };
      const timer = after(timeout, over);
      this.#look = () => {
        if (enough()) over();
      };
    });
  }

  stop(): void {
    for (const future of this.waiting) future.removeDoneCallback(this.#onDone as (future: AnyFuture) => void);
  }
}

function setOf<F extends AnyFuture>(where: string, futures: Iterable<F>): Set<F> {
  if (typeof futures !== "object" || futures === null || !(Symbol.iterator in futures)) {
    throw new TypeError(`${where}'s futures are ${inspect(futures)}; they must be an iterable of futures.`);
  }
  const set = new Set(futures);
  for (const future of set) {
    if (!(future instanceof Future)) {
      throw new TypeError(`${where} was given ${inspect(future)}; it takes futures, as submit returns them.`);
    }
  }
  return set;
}
