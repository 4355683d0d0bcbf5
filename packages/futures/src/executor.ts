import { resolve } from "node:path";
import { inspect } from "node:util";
import type { Types } from "@pydist/protocol";
import { markStaying, ship } from "@pydist/shipping";
import { EventEmitter } from "eventemitter3";
import type { AnyFunction, Items, SubmitRest } from "./arguments.js";
import { Checkpoint } from "./checkpoint/checkpoint.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Future } from "./future.js";
import { MapResult } from "./map-result.js";
import { MapRun } from "./map-run.js";
import { sourceOf, splitMapArguments } from "./map-source.js";
import { checkMapOptions, checkSubmitOptions, type MapOptions } from "./options.js";
import { watcherOf } from "./progress.js";

/**
 * Whatever runs calls: `concurrent.futures.Executor`. The program's own is `ClusterExecutor`; a running task is handed
 * another, which leads to the same tree.
 */
export abstract class Executor<Events extends EventEmitter.ValidEventTypes = string> extends EventEmitter<Events> {
  static {
    markStaying(this.prototype, {
      what: "is an executor, which belongs to the process that made it",
      remedy:
        "Use task.context().executor inside the function (task is imported from pydist): it leads to the same nodes.",
    });
  }

  /** Where calls go. */
  protected abstract readonly dispatcher: Dispatcher;

  /** Registered types that functions may be shipped with, beside those of the process. */
  protected readonly types?: Types | undefined;

  /** @throws when no more calls are taken */
  protected abstract checkOpen(): void;

  /**
   * Runs `fn(...args)` somewhere in the tree.
   * @throws TypeError or RangeError for a wrong argument; ShippingError if the function uses what cannot follow it;
   *   SerializationError if an argument cannot travel, naming it by its path; ShutdownError after `shutdown`
   */
  submit<F extends AnyFunction>(fn: F, ...rest: SubmitRest<F>): Future<Awaited<ReturnType<F>>> {
    const [args, options] = rest;
    this.checkOpen();
    const given: unknown = args === undefined ? [] : args;
    if (!Array.isArray(given)) {
      throw new TypeError(`submit's args is ${inspect(given)}; it must be the array of the function's arguments.`);
    }
    if (options !== undefined) checkSubmitOptions(options);
    const code = ship(checkFunction("submit", fn), "submit", { args: given, types: this.types });
    return this.dispatcher.submit(code, given, options) as Future<Awaited<ReturnType<F>>>;
  }

  /**
   * Calls `fn` with the items of the iterables, zipped as Python's `map`; the shortest ends it. Await the answer for an
   * array in input order, or iterate over it. Work begins at once.
   * @throws as `submit`
   */
  map<A, R>(fn: (a: A) => R, a: Items<A>, options?: MapOptions): MapResult<Awaited<R>>;
  map<A, B, R>(fn: (a: A, b: B) => R, a: Items<A>, b: Items<B>, options?: MapOptions): MapResult<Awaited<R>>;
  map<A, B, C, R>(
    fn: (a: A, b: B, c: C) => R,
    a: Items<A>,
    b: Items<B>,
    c: Items<C>,
    options?: MapOptions,
  ): MapResult<Awaited<R>>;
  map<A, B, C, D, R>(
    fn: (a: A, b: B, c: C, d: D) => R,
    a: Items<A>,
    b: Items<B>,
    c: Items<C>,
    d: Items<D>,
    options?: MapOptions,
  ): MapResult<Awaited<R>>;
  map<A, B, C, D, E, R>(
    fn: (a: A, b: B, c: C, d: D, e: E) => R,
    a: Items<A>,
    b: Items<B>,
    c: Items<C>,
    d: Items<D>,
    e: Items<E>,
    options?: MapOptions,
  ): MapResult<Awaited<R>>;
  map(fn: AnyFunction, ...rest: unknown[]): MapResult<unknown> {
    this.checkOpen();
    const { iterables, options } = splitMapArguments(rest);
    checkMapOptions(options as MapOptions);
    const {
      chunksize = "auto",
      buffersize,
      ordered = true,
      progress,
      timeout,
      taskTimeout,
      signal,
      checkpoint,
      ...others
    } = options as MapOptions;
    const code = ship(checkFunction("map", fn), "map", { types: this.types });
    const host = this.dispatcher.mapHost(
      code,
      taskTimeout === undefined ? others : { ...others, timeout: taskTimeout },
    );
    const watcher = watcherOf(progress);
    const source = sourceOf(iterables);
    const keeper = checkpoint === undefined ? undefined : new Checkpoint(host, resolve(checkpoint));
    const run = new MapRun(keeper ?? host, source, { chunksize, buffersize, ordered, timeout, signal, watcher });
    keeper?.serve(run);
    this.dispatcher.addMap(run);
    return new MapResult(run);
  }
}

/** @throws TypeError naming the call */
function checkFunction<F>(where: string, fn: F): F {
  if (typeof fn !== "function" && !(typeof fn === "object" && fn !== null)) {
    throw new TypeError(`${where}'s fn is ${inspect(fn)}; it must be a function or a task() reference.`);
  }
  return fn;
}
