import { inspect } from "node:util";
import type { Progress } from "./progress.js";

/** Options of one `submit`. Times are in milliseconds; Infinity means none. */
export interface SubmitOptions {
  /** Higher runs first among this executor's tasks. Any integer; default 0. */
  readonly priority?: number;
  /**
   * The id of the only node that may run the task, as `executor.nodes()` lists it. If that takes no tasks, or is not in
   * the tree for 10 s, the task fails with a NodeLostError.
   */
  readonly node?: string;
  /** Overrides the executor's. */
  readonly hopLimit?: number;
  /** Overrides the executor's. */
  readonly attempts?: number;
  /** For people and logs; default the function's name. */
  readonly name?: string;
  /** Aborts the task, as `future.abort(signal.reason)` does. */
  readonly signal?: AbortSignal;
  /** How long one attempt may run. One that takes longer is stopped, and fails with a TimeoutError. */
  readonly timeout?: number;
  /** How often a call that failed is made again. Default 0. Lost nodes are counted by `attempts`. */
  readonly retries?: number;
  /** Which failures are worth another call; default: all that the function threw, time limits and lost threads. */
  readonly retryOn?: (error: unknown) => boolean;
  /**
   * Given each value that the running task sends by `task.context().send`, in order. While a promise that it returns is
   * open, the next one waits; the task may have 4 MiB under way until its `send` waits, too.
   */
  readonly onMessage?: (message: unknown) => unknown;
}

/** Options of one `map`. Times are in milliseconds; Infinity means none. */
export interface MapOptions extends Omit<SubmitOptions, "timeout" | "onMessage"> {
  /** Calls that travel together. "auto", the default, follows how long they run. */
  readonly chunksize?: number | "auto";
  /** Pull the source exactly this far ahead of what was read. */
  readonly buffersize?: number;
  /** False: iterating gives results as they complete. Default true. */
  readonly ordered?: boolean;
  /** How long the map may take, from the call of `map`. Then comes a TimeoutError, and the rest is cancelled. */
  readonly timeout?: number;
  /** How long one attempt of one call may run, as `submit`'s `timeout`. */
  readonly taskTimeout?: number;
  /**
   * A folder in which results are kept: the same program started again computes only what is missing there. Another
   * function or other inputs are refused with a CheckpointError. The path is one of the machine that calls `map`.
   */
  readonly checkpoint?: string;
  /** Called as results come in. `true` draws a bar on stderr, if that is a terminal. */
  readonly progress?: boolean | ((progress: Progress) => void);
}

/** Throws unless a value is one that an option may have. */
export type Check = (name: string, value: unknown) => void;

/** @throws RangeError or TypeError that names the option, the value and what is allowed */
export function integer(least: number): Check {
  return (name, value) => {
    if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} is ${inspect(value)}; it must be a whole number of at least ${least}.`);
    }
  };
}

export function ofType(type: string): Check {
  return (name, value) => {
    if (typeof value !== type) throw new TypeError(`${name} is ${inspect(value)}; it must be a ${type}.`);
  };
}

/** Names travel with every batch. */
export const LONGEST_NAME = 200;

export const shortText: Check = (name, value) => {
  ofType("string")(name, value);
  const { length } = value as string;
  if (length > LONGEST_NAME) throw new RangeError(`${name} has ${length} characters; it may have ${LONGEST_NAME}.`);
};

const nodeId: Check = (name, value) => {
  shortText(name, value);
  if (value === "") throw new RangeError(`${name} is ''; it must be the id of a node, as executor.nodes() lists it.`);
};

export const milliseconds: Check = (name, value) => {
  if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
  if (!(value >= 0)) throw new RangeError(`${name} is ${inspect(value)}; it must be milliseconds of at least 0.`);
};

const chunksize: Check = (name, value) => {
  if (value !== "auto") integer(1)(name, value);
};

/** By what it can do, not by its class: there are other realms than this one. */
const abortSignal: Check = (name, value) => {
  const { aborted, addEventListener, removeEventListener } = Object(value) as Partial<AbortSignal>;
  if (
    typeof aborted === "boolean" &&
    typeof addEventListener === "function" &&
    typeof removeEventListener === "function"
  ) {
    return;
  }
  throw new TypeError(`${name} is ${inspect(value, { depth: 0 })}; it must be an AbortSignal.`);
};

const progress: Check = (name, value) => {
  if (typeof value === "function" || typeof value === "boolean") return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be a function, or true for a bar on the terminal.`);
};

const filePath: Check = (name, value) => {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be the path of a folder that map may make.`);
};

const CALL: Readonly<Record<string, Check>> = {
  priority: integer(Number.MIN_SAFE_INTEGER),
  node: nodeId,
  hopLimit: integer(0),
  attempts: integer(1),
  name: shortText,
  signal: abortSignal,
  timeout: milliseconds,
  retries: integer(0),
  retryOn: ofType("function"),
};

const SUBMIT: Readonly<Record<string, Check>> = { ...CALL, onMessage: ofType("function") };

const MAP: Readonly<Record<string, Check>> = {
  ...CALL,
  chunksize,
  buffersize: integer(1),
  ordered: ofType("boolean"),
  taskTimeout: milliseconds,
  checkpoint: filePath,
  progress,
};

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkOptions(what: string, options: unknown, checks: Readonly<Record<string, Check>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${what}'s options are ${inspect(options)}; they must be an object.`);
  }
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (known === undefined) {
      throw new TypeError(`${what} has no option ${inspect(name)}; it has ${Object.keys(checks).join(", ")}.`);
    }
    if (value !== undefined) known(name, value);
  }
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkSubmitOptions(options: SubmitOptions): void {
  checkOptions("submit", options, SUBMIT);
}

/** Whether an object is meant to be options of `map`: one of its names is one of theirs. */
export function looksLikeMapOptions(value: object): boolean {
  return Object.keys(value).some((name) => Object.hasOwn(MAP, name));
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkMapOptions(options: MapOptions): void {
  checkOptions("map", options, MAP);
}
