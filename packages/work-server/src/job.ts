import { inspect } from "node:util";
import { checkOptions, integer } from "@pydist/futures";

/**
 * The side that knows what is to be done, as Parasnake's server: it hands out blocks of work and merges their results.
 * Its methods may be async; none is called before the one before it is over.
 *
 * @typeParam Init what a node is given before its first block
 * @typeParam Data a block of work
 * @typeParam Result what comes of a block
 */
export abstract class JobServer<Init, Data, Result> {
  /** What a node is to know before its first block. Called once for each node that joins; by default undefined. */
  initData(_node: string): Init | Promise<Init> {
    return undefined as Init;
  }

  /** The next block for a node; undefined if there is none at the moment: then it is asked again after the next result. */
  abstract nextData(node: string): Data | undefined | Promise<Data | undefined>;

  /** Merges the result of a block. Called once for each block, whatever became of the nodes that had it. */
  abstract processResult(node: string, result: Result): void | Promise<void>;

  /** Whether the job is over. What is still being worked on then is stopped. */
  abstract isDone(): boolean | Promise<boolean>;

  /** A node is lost. The blocks that it had are given to others without doing anything here. */
  nodeLost(_node: string): void | Promise<void> {}
}

/** The side that works, one instance for each worker thread of a node. Its class travels there by value. */
export interface JobNode<Init, Data, Result> {
  /** Called once, before the first block of this thread. */
  init?(data: Init): void | Promise<void>;
  process(data: Data): Result | Promise<Result>;
}

/** A class without arguments to its constructor. */
export type JobNodeClass<Init, Data, Result> = new () => JobNode<Init, Data, Result>;

/** Options of `runJob`. */
export interface JobOptions {
  /**
   * Blocks that each slot of a node has ahead of the one that it works on, so that it never waits for the network.
   * Default 1. With 0 each block is made when a slot is free for it, of all that is known by then.
   */
  readonly ahead?: number;
  /** How often a block is tried again on its node when `process` throws, before the job ends with that error. Default 1. */
  readonly retries?: number;
  /** How many nodes may be lost while they work on the same block, before the job ends with a NodeLostError. Default 3. */
  readonly attempts?: number;
}

/** @throws TypeError or RangeError naming what is wrong, its value and what is allowed */
export function checkJob(server: unknown, NodeClass: unknown, options: JobOptions): void {
  checkOptions("runJob", options, { ahead: integer(0), retries: integer(0), attempts: integer(1) });
  for (const method of ["initData", "nextData", "processResult", "isDone", "nodeLost"]) {
    if (typeof (Object(server) as Record<string, unknown>)[method] === "function") continue;
    throw new TypeError(
      `runJob's server is ${inspect(server, { depth: 0 })}, which has no method ${method}; it must be a JobServer.`,
    );
  }
  const { prototype } = Object(NodeClass) as { prototype?: { process?: unknown } };
  if (typeof NodeClass === "function" && typeof prototype?.process === "function") return;
  throw new TypeError(
    `runJob's NodeClass is ${inspect(NodeClass, { depth: 0 })}; it must be a class that has a method process.`,
  );
}
