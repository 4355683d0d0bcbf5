import { InvalidStateError } from "@pydist/protocol";

// Registered, not unique: a task may ask through another copy of this package than the one that runs it.

/** Property of `globalThis` of a worker thread: a function that returns the running task's {@link TaskContext}. */
export const CONTEXT_PROVIDER: unique symbol = Symbol.for("pydist.context");

/** Property of `globalThis` of a worker thread: true once something was loaded there that can ask for a context. */
export const CONTEXT_WANTED: unique symbol = Symbol.for("pydist.context.wanted");

/** Property of what every node supplies itself: what is captured of it is this name. */
export const SUPPLIED: unique symbol = Symbol.for("pydist.supplied");

/** What a running task may know and do. `E` is the executor: what it can do is not this room's business. */
export interface TaskContext<E = unknown> {
  /** Aborted when the task is to stop; `reason` says why. What goes on after the executor's `abortGrace` is killed. */
  readonly signal: AbortSignal;
  /** 1 for the first time that the task is tried. */
  readonly attempt: number;
  /** The id of the node that it runs on. */
  readonly node: string;
  /** How many links between nodes it has travelled. */
  readonly hops: number;
  /** Lines for the logger of the executor that owns the task; at most 100 a second. */
  readonly log: TaskLog;
  /** Tells whoever submitted the task how much of it is done, from 0 to 1. */
  progress(fraction: number): void;
  /** Submits to the tree that the task came from. A task that awaits what it submitted gives its slot back meanwhile. */
  readonly executor: E;
  /**
   * Sends a value to whoever submitted the task, whose `onMessage` is given it. Await it: it resolves when the value has
   * left, with at most 4 MiB under way that were not taken.
   * @throws SerializationError if the value cannot travel; what the task is stopped with; InvalidStateError once it is over
   */
  send(value: unknown): Promise<void>;
  /**
   * The next value that `future.send` sends to this task, in order. A task that waits for one keeps its slot.
   * @throws as `send`
   */
  receive(): Promise<unknown>;
  /**
   * A value as the bytes in which it would travel, for whoever passes it on and need not look inside.
   * @throws SerializationError
   */
  encode(value: unknown): Uint8Array<ArrayBuffer>;
  /** The reverse of `encode`. @throws SerializationError for other bytes */
  decode(bytes: Uint8Array): unknown;
}

/** The four levels of a task's log. */
export interface TaskLog {
  debug(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
}

type Place = { readonly [CONTEXT_PROVIDER]?: () => TaskContext | undefined };

/** The context of the task that is running. @throws InvalidStateError outside of one. */
export function currentContext(): TaskContext {
  const context = (globalThis as Place)[CONTEXT_PROVIDER]?.();
  if (context !== undefined) return context;
  throw new InvalidStateError(
    "task.context() was called outside of a task: there is a context only while a submitted function runs. Call it " +
      "inside the function, before the function returns.",
  );
}

Object.defineProperty(currentContext, SUPPLIED, { value: "context" });
