import { inspect } from "node:util";
import { CancelledError, InvalidStateError, type ResultInfo, TimeoutError } from "@pydist/protocol";
import { after } from "./timer.js";

/** pending -> running -> finished, or pending/running -> cancelled. As CPython's, without its CANCELLED_AND_NOTIFIED. */
export type FutureState = "pending" | "running" | "finished" | "cancelled";

/** What a future needs of whoever made it. */
export interface FutureOwner {
  /** Tells the tree that nobody wants this task any more. */
  cancelTask(index: number): void;
}

const nothing = (): void => {};

/**
 * The outcome of a submitted call: a Promise that can also be asked, as `concurrent.futures.Future`.
 *
 * A Future by itself never raises an unhandled rejection; promises made from it by `then` or `await` do as any.
 */
export class Future<T> extends Promise<T> {
  /** Promises made by `then`, `catch` and `finally` are plain ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  readonly #resolve: (value: T | PromiseLike<T>) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #owner: FutureOwner | undefined;
  readonly #index: number;
  #state: FutureState = "pending";
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  #callbacks: ((future: Future<T>) => void)[] | undefined;
  #info: ResultInfo | undefined;
  #duration: number | undefined;

  /** Made by `submit`, not by hand. @internal */
  constructor(owner?: FutureOwner, index = 0) {
    let resolve: (value: T | PromiseLike<T>) => void = nothing;
    let reject: (reason: unknown) => void = nothing;
    super((onValue, onError) => {
      resolve = onValue;
      reject = onError;
    });
    this.#resolve = resolve;
    this.#reject = reject;
    this.#owner = owner;
    this.#index = index;
  }

  get state(): FutureState {
    return this.#state;
  }

  /** Id of the node that ran the task; undefined until it settled, or if it never ran. */
  get node(): string | undefined {
    return this.#info?.node;
  }

  /** Links between nodes that the task travelled; undefined until it settled. */
  get hops(): number | undefined {
    return this.#info?.hops;
  }

  /** How many attempts there were: 1 when nothing went wrong; undefined until it settled. */
  get attempts(): number | undefined {
    return this.#info?.attempt;
  }

  /** How long the call ran, in milliseconds; undefined until it settled. */
  get duration(): number | undefined {
    return this.#duration;
  }

  /** Whether the task was cancelled. */
  cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /** Whether the task is known to have begun and has not settled. Nodes tell within about 50 ms. */
  running(): boolean {
    return this.#state === "running";
  }

  /** Whether the task finished or was cancelled. */
  done(): boolean {
    return this.#state === "finished" || this.#state === "cancelled";
  }

  /**
   * Cancels the task unless it is known to have begun.
   * @returns true if the future is cancelled (now or before), false if the task runs or finished (CPython's rule).
   */
  cancel(): boolean {
    if (this.#state === "cancelled") return true;
    if (this.#state !== "pending") return false;
    this.#owner?.cancelTask(this.#index);
    this.#settle("cancelled", { error: new CancelledError("The task was cancelled before it ran.") });
    return true;
  }

  /**
   * The result, as awaiting the future gives it, but waited for at most `timeout` milliseconds.
   * @throws TimeoutError if the task is not done by then; it runs on.
   */
  async result(timeout?: number): Promise<T> {
    await this.#doneWithin(timeout);
    return await (this as Promise<T>);
  }

  /**
   * What the task threw, or null if it returned.
   * @throws TimeoutError as `result`; CancelledError if the task was cancelled.
   */
  async exception(timeout?: number): Promise<unknown> {
    await this.#doneWithin(timeout);
    const outcome = this.#outcome;
    if (outcome === undefined || "value" in outcome) return null;
    if (this.#state === "cancelled") throw outcome.error;
    return outcome.error;
  }

  /** Calls `callback` with this future once it is done, in the order added; at once, in a microtask, if it is. */
  addDoneCallback(callback: (future: Future<T>) => void): void {
    if (typeof callback !== "function") {
      throw new TypeError(`addDoneCallback takes a function, not ${inspect(callback)}`);
    }
    if (this.done()) queueMicrotask(() => this.#call(callback));
    else if (this.#callbacks === undefined) this.#callbacks = [callback];
    else this.#callbacks.push(callback);
  }

  /** @internal Takes a callback back that was added. */
  removeDoneCallback(callback: (future: Future<T>) => void): void {
    this.#callbacks = this.#callbacks?.filter((each) => each !== callback);
  }

  /** @internal Whether the task ran and threw. */
  get raised(): boolean {
    return this.#state === "finished" && this.#outcome !== undefined && "error" in this.#outcome;
  }

  async #doneWithin(timeout: number | undefined): Promise<void> {
    if (timeout !== undefined && (typeof timeout !== "number" || !(timeout >= 0))) {
      throw new RangeError(`timeout is in milliseconds and not negative, not ${inspect(timeout)}`);
    }
    if (this.done()) return;
    const settled = this.then(nothing, nothing);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((_, reject) => {
      timer = after(timeout, () => reject(new TimeoutError(`The task was not done within ${timeout} ms.`)));
    });
    try {
      await Promise.race([settled, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** @internal */
  markRunning(): void {
    if (this.#state === "pending") this.#state = "running";
  }

  /** @internal The node on which it ran is gone; the task waits for another one. */
  markPending(): void {
    if (this.#state === "running") this.#state = "pending";
  }

  /** @internal */
  finish(outcome: { value: T } | { error: unknown }, info: ResultInfo, duration: number): void {
    if (this.done()) throw new InvalidStateError(`The future is ${this.#state} already.`);
    this.#info = info;
    this.#duration = duration;
    this.#settle("finished", outcome);
  }

  /** @internal The task never ran and never will. */
  abandon(error: unknown): void {
    if (!this.done()) this.#settle(error instanceof CancelledError ? "cancelled" : "finished", { error });
  }

  #settle(state: "finished" | "cancelled", outcome: { value: T } | { error: unknown }): void {
    this.#state = state;
    this.#outcome = outcome;
    if ("value" in outcome) this.#resolve(outcome.value);
    else {
      // A handler of our own: whoever awaits the future is told all the same, and nobody else need be.
      super.then(undefined, nothing);
      this.#reject(outcome.error);
    }
    const callbacks = this.#callbacks ?? [];
    this.#callbacks = undefined;
    for (const callback of callbacks) this.#call(callback);
  }

  /** A callback that throws is reported and stops neither the next one nor the program. */
  #call(callback: (future: Future<T>) => void): void {
    try {
      callback(this);
    } catch (error) {
      process.emitWarning(`A done callback threw: ${inspect(error)}`, "PydistWarning");
    }
  }

  [inspect.custom](): string {
    const outcome = this.#outcome;
    if (this.#state !== "finished" || outcome === undefined) return `Future { <${this.#state}> }`;
    if ("value" in outcome) return `Future { <finished> ${inspect(outcome.value)} }`;
    const { error } = outcome;
    return `Future { <finished> raised ${error instanceof Error ? error.name : inspect(error)} }`;
  }
}

/*
 * `await`, `Promise.all` and `Promise.resolve` ask a promise for its constructor, and wrap every one that is not plain in
 * another promise: a third more time and allocation for each task. `instanceof Future` does not look at it.
 */
Object.defineProperty(Future.prototype, "constructor", { value: Promise, writable: true, configurable: true });
