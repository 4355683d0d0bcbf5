import type { Batch } from "./batch.js";
import type { Capacity } from "./capacity.js";
import type { ReceiverId, UpstreamId } from "./events.js";

/** A peer above, and what it handed down. */
export interface Upstream {
  readonly id: UpstreamId;
  /** The submitter in this process: what it hands down is its own memory, so it needs no credit. */
  readonly own: boolean;
  /** By the upstream's own name for the batch. */
  readonly batches: Map<number, Batch>;
  /** Tasks accepted from it and not yet reported or given back. */
  held: number;
  /** Batches that it had here when its link broke, while that may come back. */
  away: readonly Batch[];
  /** Those of them that wait for tasks of their own. */
  suspended: number;
  /** The most that ever did at one time: for each of them it was allowed one more. */
  mostSuspended: number;
  granted: { capacity: Capacity; busyElsewhere: number; at: number } | undefined;
  /** The most tasks that it was ever allowed to have here. */
  highestWindow: number;
}

/** A recall that an upstream waits for. */
export interface Owing {
  left: number;
  readonly waitingFor: Set<ReceiverId>;
}
