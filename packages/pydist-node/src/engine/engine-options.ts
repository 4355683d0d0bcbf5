import type { Ancestor, NodeDescription, Order, OutputNews } from "@pydist/protocol";
import type { LinkLike } from "../links/link-like.js";
import type { Logger } from "../logger.js";
import type { CacheOptions } from "../store/cache-folder.js";

export interface EngineOptions {
  /** Id of this node or executor; results name it. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Worker threads; 0 for none. */
  readonly workers: number;
  readonly tasksPerWorker: number;
  /** Tasks after which a worker thread is replaced. Default: never. */
  readonly maxTasksPerWorker?: number | undefined;
  /** Most MiB that a worker thread may have on its heap, and as many outside. Default: what Node gives it, and no limit. */
  readonly workerMemory?: number | undefined;
  /** Whether tasks may run programs for others, as `exec` of @pydist/exec does. Default: they may not. */
  readonly allowExec?: boolean | undefined;
  /** Of worker threads: "low" lets others on the machine go first. Default: as others. */
  readonly priority?: "low" | undefined;
  readonly hopLimit: number;
  /** An attached executor: no slots, and its links cost no hop. */
  readonly routesOnly: boolean;
  /** This node as others are told of it, those at the other end of a link if there is one; absent for an executor that is no node. */
  readonly self?: (to?: LinkLike) => NodeDescription;
  /** Does as a peer above orders, or throws an error for people. */
  readonly obey?: (order: Exclude<Order, "dump">) => void;
  readonly logger?: Logger;
  /** Where files are kept that tasks need. */
  readonly cache?: CacheOptions;
}

export interface EngineEvents {
  nodeJoined: (node: NodeDescription) => void;
  nodeLost: (node: NodeDescription, cause: string) => void;
  /** The parent says what it knows of its own way up. */
  ancestry: (chain: readonly Ancestor[], settled: boolean) => void;
  /** A task left something behind that threw after it was over. */
  stray: (name: string, message: string) => void;
  /** Tasks have written whole lines. */
  output: (news: OutputNews) => void;
  /** Nothing runs any more that the last duty was to be rid of. */
  drained: () => void;
}
