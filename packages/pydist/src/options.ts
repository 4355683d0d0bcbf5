import { inspect } from "node:util";
import { type AnyFunction, type Check, checkOptions, integer, milliseconds, ofType, shortText } from "@pydist/futures";
import { type CacheOptions, LEAST_WORKER_MEMORY, type Logger } from "pydist-node";

import type { OutputOption } from "./output.js";

/** What each worker runs once, before its first task of this executor. */
export interface InitializerOptions<I extends AnyFunction> {
  /** A function, or a `task()` reference. If it throws, the executor is broken: nothing of it runs any more. */
  readonly initializer?: I;
  /** Its arguments. */
  readonly initargs?: Readonly<Parameters<I>>;
}

/** Options of `new ClusterExecutor`. Times are in milliseconds; Infinity means none. */
export interface ExecutorOptions<I extends AnyFunction = AnyFunction> extends InitializerOptions<I>, CacheOptions {
  /**
   * A directory, as a path or a `file:` URL, that is kept on every node: modules in it that tasks refer to are imported
   * from the node's copy of its present version. `node_modules` and folders whose names begin with a dot stay here.
   */
  readonly codeDir?: string | URL;
  /** Embedded: worker threads, by default one for each core. 0 with `listen`: the nodes that join do all the work. */
  readonly maxWorkers?: number;
  /** Embedded: tasks that a worker runs at once, for tasks that mostly wait. Default 1. */
  readonly tasksPerWorker?: number;
  /** Embedded: tasks after which a worker thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number;
  /** Embedded: most MiB that a worker thread may have on its heap, and as many outside it. Default: what Node gives it. */
  readonly workerMemory?: number;
  /**
   * Embedded: whether its own workers run programs, as `exec` of @pydist/exec asks for. Default true without `listen`, when
   * nobody but this program could ask.
   */
  readonly allowExec?: boolean;
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
  /** Between asking a task to stop and ending its thread. Default 1,000. */
  readonly abortGrace?: number;
  /** How long to look for the cluster, at first and when it was lost. Default 10,000. */
  readonly connectTimeout?: number;
  /** For people and logs. */
  readonly name?: string;
  /** What becomes of what tasks write to stdout and stderr. Default "print". */
  readonly output?: OutputOption;
  /** pino-shaped; silent by default. */
  readonly logger?: Logger;
}

const logger: Check = (name, value) => {
  const methods = ["debug", "info", "warn", "error"] as const;
  if (typeof value === "object" && value !== null) {
    if (methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function")) return;
  }
  throw new TypeError(`${name} is ${inspect(value, { depth: 0 })}; it must have the methods ${methods.join(", ")}.`);
};

const taskFunction: Check = (name, value) => {
  if (typeof value === "function") return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be a function or a task() reference.`);
};

const array: Check = (name, value) => {
  if (Array.isArray(value)) return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be the array of the initializer's arguments.`);
};

const place: Check = (name, value) => {
  if ((typeof value === "string" && value !== "") || (value instanceof URL && value.protocol === "file:")) return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be a path or a file: URL.`);
};

const folder: Check = (name, value) => {
  if (typeof value === "string" && value !== "") return;
  throw new TypeError(`${name} is ${inspect(value)}; it must be a path.`);
};

const output: Check = (name, value) => {
  if (value === "print" || value === "ignore" || typeof value === "function") return;
  throw new TypeError(
    `${name} is ${inspect(value)}; it must be "print", "ignore", or a function that is given each line.`,
  );
};

const EXECUTOR: Readonly<Record<string, Check>> = {
  maxWorkers: integer(0),
  tasksPerWorker: integer(1),
  maxTasksPerWorker: integer(1),
  workerMemory: integer(LEAST_WORKER_MEMORY),
  allowExec: ofType("boolean"),
  listen: ofType("string"),
  secret: ofType("string"),
  secretFile: ofType("string"),
  cluster: shortText,
  codeDir: place,
  cacheDir: folder,
  cacheSize: integer(1),
  hopLimit: integer(0),
  attempts: integer(1),
  abortGrace: milliseconds,
  initializer: taskFunction,
  initargs: array,
  connectTimeout: milliseconds,
  name: shortText,
  output,
  logger,
};

/** Whether an executor is attached to a cluster, and by what: its argument, or the variable PYDIST_ADDRESS. */
export type Attached = "not" | "argument" | "variable";

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkExecutorOptions(options: ExecutorOptions, attached: Attached): void {
  checkOptions("ClusterExecutor", options, EXECUTOR);
  if (options.initargs !== undefined && options.initializer === undefined) {
    throw new TypeError(`initargs is ${inspect(options.initargs)}, but there is no initializer to give it to.`);
  }
  if (attached === "not") {
    if (options.maxWorkers !== 0 || options.listen !== undefined) return;
    throw new RangeError(
      "maxWorkers is 0, so nothing would ever run. It must be at least 1, or there must be listen, for nodes to join that do the work.",
    );
  }
  for (const name of [
    "listen",
    "tasksPerWorker",
    "maxTasksPerWorker",
    "workerMemory",
    "maxWorkers",
    "allowExec",
  ] as const) {
    if (options[name] !== undefined) {
      const [by, instead] =
        attached === "variable"
          ? [", because PYDIST_ADDRESS is set", ", or unset PYDIST_ADDRESS to run on this machine"]
          : ["", ", or the address to run on this machine"];
      throw new TypeError(
        `${name} is for an executor with threads of its own, and this one is attached to a cluster${by}. Leave ${name} out: each node has what it was started with (pydist-node spawn)${instead}.`,
      );
    }
  }
}

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /** Default true: resolves when everything is over. */
  readonly wait?: boolean;
  /** Cancels tasks that have not begun. Default false. */
  readonly cancelFutures?: boolean;
  /** With `listen`: the nodes that joined this program finish what they run and end. Default false: they look for it. */
  readonly stopNodes?: boolean;
}

/** @throws TypeError naming the option, its value and what is allowed */
export function checkShutdownOptions(options: ShutdownOptions): void {
  checkOptions("shutdown", options, {
    wait: ofType("boolean"),
    cancelFutures: ofType("boolean"),
    stopNodes: ofType("boolean"),
  });
}
