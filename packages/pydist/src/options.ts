import { inspect } from "node:util";
import { type Check, checkOptions, integer, milliseconds, ofType, shortText } from "@pydist/futures";
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
  /** Between asking a task to stop and ending its thread. Default 1,000. */
  readonly abortGrace?: number;
  /** How long to look for the cluster, at first and when it was lost. Default 10,000. */
  readonly connectTimeout?: number;
  /** For people and logs. */
  readonly name?: string;
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

const EXECUTOR: Readonly<Record<string, Check>> = {
  maxWorkers: integer(1),
  tasksPerWorker: integer(1),
  listen: ofType("string"),
  secret: ofType("string"),
  secretFile: ofType("string"),
  cluster: shortText,
  hopLimit: integer(0),
  attempts: integer(1),
  abortGrace: milliseconds,
  connectTimeout: milliseconds,
  name: shortText,
  logger,
};

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkExecutorOptions(options: ExecutorOptions, attached: boolean): void {
  checkOptions("ClusterExecutor", options, EXECUTOR);
  if (!attached) return;
  for (const name of ["listen", "tasksPerWorker", "maxWorkers"] as const) {
    if (options[name] !== undefined) {
      throw new TypeError(`${name} is for an executor of its own; on a cluster it is the business of the nodes.`);
    }
  }
}
