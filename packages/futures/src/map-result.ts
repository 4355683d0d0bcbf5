import type { MapRun } from "./map-run.js";

/** A map that nobody can read any more would wait for its reader for ever. Runs do not hold their results. */
const collected = new FinalizationRegistry<MapRun>((run) => run.forsaken());

/**
 * The results of a `map`: await it for an array in input order, or iterate over it for each result as it is there.
 */
export class MapResult<R> implements PromiseLike<R[]>, AsyncIterableIterator<R> {
  readonly #run: MapRun;
  #all: Promise<R[]> | undefined;

  /** Made by `map`, not by hand. @internal */
  constructor(run: MapRun) {
    this.#run = run;
    collected.register(this, run);
  }

  /** Calls in all; undefined while the source's end is not known. */
  get total(): number | undefined {
    return this.#run.total;
  }

  /** Calls that are settled. */
  get done(): number {
    return this.#run.done;
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting a map is how one gets its array.
  then<A = R[], B = never>(
    onValues?: ((values: R[]) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#all ??= this.#run.all() as Promise<R[]>;
    return this.#all.then(onValues, onError);
  }

  catch<B = never>(onError?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<R[] | B> {
    return this.then(undefined, onError);
  }

  finally(onDone?: (() => void) | null): Promise<R[]> {
    return this.then().finally(onDone);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next result. Rejects for an item that failed; the next call goes on with the item after it. */
  async next(): Promise<IteratorResult<R, undefined>> {
    const outcome = await this.#run.next();
    if (outcome === undefined) return { done: true, value: undefined };
    if ("error" in outcome) throw outcome.error;
    return { done: false, value: outcome.value as R };
  }

  /** Leaving a loop early cancels the rest. */
  async return(): Promise<IteratorResult<R, undefined>> {
    this.#run.leave();
    return { done: true, value: undefined };
  }

  /** Cancels every call that has not begun. */
  cancel(): void {
    this.#run.cancel();
  }

  /**
   * Cancels every call, those that run as `future.abort` does. Who awaits the map gets a CancelledError with the reason
   * as its `cause`, unless a call failed before.
   */
  abort(reason?: unknown): void {
    this.#run.abort(reason);
  }
}
