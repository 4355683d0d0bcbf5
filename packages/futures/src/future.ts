import { inspect } from "node:util";
import { CancelledError, InvalidStateError, type ResultInfo, TimeoutError } from "@pydist/protocol";
import { cancelledError } from "./cancelled.js";
import { Channel, overError } from "./channel.js";
import { milliseconds } from "./options.js";
import { abortedError, type SentTask } from "./sink.js";
import { after } from "./timer.js";
import { isExpected, type Note, noteFailure } from "./unseen.js";

/** pending -> running -> finished, or pending/running -> cancelled. As CPython's, without its CANCELLED_AND_NOTIFIED. */
export type FutureState = "pending" | "running" | "finished" | "cancelled";

/** Where the task of a future that is not done is, as whoever it is with knows. */
export type Found =
  /** It is about to leave. */
  | { readonly is: "gathering" }
  /** It waits for futures among its arguments: those that are missing, by their paths. */
  | { readonly is: "held"; readonly name: string; readonly missing: readonly Missing[] }
  | ({ readonly is: "sent" } & SentTask);

/** A future that a call waits for, by how a user would write its place among the arguments. */
export interface Missing {
  readonly path: string;
  readonly state: FutureState;
}

/** What a future needs of whoever its task is with. */
export interface FutureOwner {
  findTask(index: number): Found;
  /** Nobody wants this task any more. */
  cancelTask(index: number): void;
  /** ... and if it runs, it is to stop. */
  abortTask(index: number, reason: unknown): void;
}

/** What came of a task. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

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

  /** Promises that are no tasks are made by Promise. */
  declare static readonly resolve: never;
  declare static readonly reject: never;
  declare static readonly all: never;
  declare static readonly allSettled: never;
  declare static readonly any: never;
  declare static readonly race: never;

  readonly #resolve: (value: T | PromiseLike<T>) => void;
  readonly #reject: (reason: unknown) => void;
  #owner: FutureOwner | undefined;
  #index: number;
  #state: FutureState = "pending";
  /** Asked to stop while it ran: whatever comes of it, it is cancelled. */
  #abort: { readonly reason: unknown } | undefined;
  #outcome: Outcome<T> | undefined;
  /** Whether anybody asked what came of it; a failure that nobody sees is noted. */
  #attention: "unseen" | "seen" | Note = "unseen";
  /** To its task, once either has anything to say. */
  #channel: Channel | undefined;
  #callbacks: ((future: Future<T>) => void)[] | undefined;
  #info: ResultInfo | undefined;
  #duration: number | undefined;

  /** @internal Futures are what `submit` gives. */
  static of<T>(owner?: FutureOwner, index = 0): Future<T> {
    return new Future<T>(owner, index);
  }

  private constructor(owner: FutureOwner | undefined, index: number) {
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
    this.#settle("cancelled", { error: cancelledError() });
    return true;
  }

  /**
   * Cancels the task even if it runs: the signal of its `task.context()` is aborted with the reason, and if it has not
   * ended `abortGrace` later, its thread is. The future is cancelled at once if the task is not known to run, else when it
   * has stopped, whatever it returns or throws meanwhile. The CancelledError has the reason as its `cause`.
   * @returns false if the task finished before, else true
   */
  abort(reason?: unknown): boolean {
    switch (this.#state) {
      case "finished":
        return false;
      case "cancelled":
        return true;
      case "pending":
        this.#owner?.abortTask(this.#index, reason);
        this.#settle("cancelled", { error: abortedError(reason) });
        return true;
      case "running":
        if (this.#abort !== undefined) return true;
        this.#abort = { reason };
        this.#owner?.abortTask(this.#index, reason);
        return true;
    }
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

  /**
   * Sends a value to the running task, which gets it by `task.context().receive()`; to one that has not begun, as soon as
   * it receives. Await it: it resolves when the value has left, with at most 4 MiB under way that were not received.
   * @throws SerializationError if the value cannot travel; InvalidStateError if the task is over, or lost its node or
   *   thread before the value had left
   */
  async send(value: unknown): Promise<void> {
    if (this.done()) throw overError(this.#state);
    this.#channel ??= new Channel();
    await this.#channel.send(value);
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

  /** @internal What came of it, for a call that takes it as an argument; undefined if it is not done. */
  look(): Outcome<T> | undefined {
    this.#see();
    return this.#outcome;
  }

  /** @internal Its task is with somebody else now. */
  adopt(owner: FutureOwner, index: number): void {
    this.#owner = owner;
    this.#index = index;
  }

  /** @internal Undefined if it is done. */
  find(): Found | undefined {
    return this.#owner?.findTask(this.#index);
  }

  /** @internal Whether the task ran and threw. */
  get raised(): boolean {
    return this.#state === "finished" && this.#outcome !== undefined && "error" in this.#outcome;
  }

  async #doneWithin(timeout: number | undefined): Promise<void> {
    if (timeout !== undefined) milliseconds("timeout", timeout);
    this.#see();
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

  /** @internal */
  heard(...news: Parameters<Channel["heard"]>): void {
    this.#channel ??= new Channel();
    this.#channel.heard(...news);
  }

  /** @internal The node on which it ran is gone; the task waits for another one. */
  markPending(): void {
    this.#channel?.lost();
    if (this.#state === "running") this.#state = "pending";
  }

  /** @internal */
  finish(outcome: Outcome<T>, info: ResultInfo, duration: number): void {
    if (this.done()) throw new InvalidStateError(`The future is ${this.#state} already.`);
    this.#info = info;
    this.#duration = duration;
    if (this.#abort === undefined) this.#settle("finished", outcome);
    else this.#settle("cancelled", { error: abortedError(this.#abort.reason) });
  }

  /** @internal The task will not settle by itself. */
  abandon(error: unknown): void {
    if (this.done()) return;
    if (this.#abort !== undefined) this.#settle("cancelled", { error: abortedError(this.#abort.reason) });
    else this.#settle(error instanceof CancelledError ? "cancelled" : "finished", { error });
  }

  #settle(state: "finished" | "cancelled", outcome: Outcome<T>): void {
    this.#state = state;
    this.#outcome = outcome;
    this.#owner = undefined;
    this.#channel?.close(state);
    if ("value" in outcome) this.#resolve(outcome.value);
    else this.#fail(state, outcome.error);
    const callbacks = this.#callbacks ?? [];
    this.#callbacks = undefined;
    for (const callback of callbacks) this.#call(callback);
  }

  #fail(state: "finished" | "cancelled", error: unknown): void {
    const attention = this.#attention;
    // A handler of our own: whoever awaits the future is told all the same, and nobody else need be.
    super.then(undefined, nothing);
    // It asked for the constructor, too, and is nobody who would look at the error.
    this.#attention = attention;
    const isFailure = state === "finished" && !isExpected(error);
    if (attention === "unseen" && isFailure) this.#attention = noteFailure(this, error);
    this.#reject(error);
  }

  #see(): void {
    if (typeof this.#attention === "object") this.#attention.text = undefined;
    this.#attention = "seen";
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

  /*
   * `await`, `then`, `Promise.all` and their like ask a promise for its constructor first: so it is known that somebody
   * looks. The answer is that of a plain promise, because they wrap every other one in another promise: a third more time
   * and allocation for each task. `instanceof Future` does not look at it.
   */
  static {
    Object.defineProperty(Future.prototype, "constructor", {
      get(this: object): PromiseConstructor {
        if (#attention in this) this.#see();
        return Promise;
      },
      configurable: true,
    });
  }
}
