import { inspect } from "node:util";
import type { Logger } from "pydist-node";

/** Options of `new ClusterExecutor`. Times are in milliseconds. */
export interface ExecutorOptions {
  /** Embedded: worker threads, by default one for each core. */
  readonly maxWorkers?: number;
  /** Embedded: tasks that a worker runs at once, for tasks that mostly wait. Default 1. */
  readonly tasksPerWorker?: number;
  /** Embedded: also be the root of a tree, that nodes join with `--parent`, at this `host:port`. */
  readonly listen?: string;
  /** The cluster's secret itself; better a file. */
  readonly secret?: string;
  readonly secretFile?: string;
  /** Executors and nodes of different clusters refuse each other. Default "default". */
  readonly cluster?: string;
  /** How many links below the node that the executor is attached to a task may travel. 0 keeps it there. Default 16. */
  readonly hopLimit?: number;
  /** How often a task is tried whose node is lost while it runs. Default 3. */
  readonly attempts?: number;
  /** How long to look for the cluster, at first and when it was lost. Default 10,000. */
  readonly connectTimeout?: number;
  /** For people and logs. */
  readonly name?: string;
  /** pino-shaped; silent by default. */
  readonly logger?: Logger;
}

/** Options of one `submit`. */
export interface SubmitOptions {
  /** Higher runs first among this executor's tasks. Any integer; default 0. */
  readonly priority?: number;
  /** Overrides the executor's. */
  readonly hopLimit?: number;
  /** Overrides the executor's. */
  readonly attempts?: number;
  /** For people and logs; default the function's name. */
  readonly name?: string;
}

/** Where a map is: what its `progress` callback is given. */
export interface Progress {
  readonly done: number;
  /** Undefined while the source's end is not known. */
  readonly total: number | undefined;
  readonly failed: number;
}

/** Options of one `map`. */
export interface MapOptions extends SubmitOptions {
  /** Calls that travel together. "auto", the default, follows how long they run. */
  readonly chunksize?: number | "auto";
  /** Pull the source exactly this far ahead of what was read. */
  readonly buffersize?: number;
  /** False: iterating gives results as they complete. Default true. */
  readonly ordered?: boolean;
  /** Called as results come in. */
  readonly progress?: (progress: Progress) => void;
}

type Check = (name: string, value: unknown) => void;

/** @throws RangeError or TypeError that names the option, the value and what is allowed */
function integer(least: number): Check {
  return (name, value) => {
    if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} is ${inspect(value)}; it must be a whole number of at least ${least}.`);
    }
  };
}

function ofType(type: string): Check {
  return (name, value) => {
    if (typeof value !== type) throw new TypeError(`${name} is ${inspect(value)}; it must be a ${type}.`);
  };
}

/** Names travel with every batch. */
export const LONGEST_NAME = 200;

const shortText: Check = (name, value) => {
  ofType("string")(name, value);
  const { length } = value as string;
  if (length > LONGEST_NAME) throw new RangeError(`${name} has ${length} characters; it may have ${LONGEST_NAME}.`);
};

const milliseconds: Check = (name, value) => {
  if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
  if (!(value >= 0)) throw new RangeError(`${name} is ${inspect(value)}; it must be milliseconds of at least 0.`);
};

const chunksize: Check = (name, value) => {
  if (value !== "auto") integer(1)(name, value);
};

const logger: Check = (name, value) => {
  const methods = ["debug", "info", "warn", "error"] as const;
  if (typeof value === "object" && value !== null) {
    if (methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function")) return;
  }
  throw new TypeError(`${name} is ${inspect(value, { depth: 0 })}; it must have the methods ${methods.join(", ")}.`);
};

const SUBMIT: Readonly<Record<string, Check>> = {
  priority: integer(Number.MIN_SAFE_INTEGER),
  hopLimit: integer(0),
  attempts: integer(1),
  name: shortText,
};

const MAP: Readonly<Record<string, Check>> = {
  ...SUBMIT,
  chunksize,
  buffersize: integer(1),
  ordered: ofType("boolean"),
  progress: ofType("function"),
};

const EXECUTOR: Readonly<Record<string, Check>> = {
  maxWorkers: integer(1),
  tasksPerWorker: integer(1),
  listen: ofType("string"),
  secret: ofType("string"),
  secretFile: ofType("string"),
  cluster: shortText,
  hopLimit: integer(0),
  attempts: integer(1),
  connectTimeout: milliseconds,
  name: shortText,
  logger,
};

function check(what: string, options: unknown, checks: Readonly<Record<string, Check>>): void {
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
  check("submit", options, SUBMIT);
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkMapOptions(options: MapOptions): void {
  check("map", options, MAP);
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkExecutorOptions(options: ExecutorOptions, attached: boolean): void {
  check("ClusterExecutor", options, EXECUTOR);
  if (!attached) return;
  for (const name of ["listen", "tasksPerWorker", "maxWorkers"] as const) {
    if (options[name] !== undefined) {
      throw new TypeError(`${name} is for an executor of its own; on a cluster it is the business of the nodes.`);
    }
  }
}
