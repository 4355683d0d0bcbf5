import type { Loss } from "@pydist/protocol";
import { type Batch, QUEUED, SETTLED } from "./batch.js";
import type { ReceiverId, UpstreamId } from "./events.js";
import type { Scheduler } from "./scheduler.js";
import type { State } from "./state.js";

/** Why a task that waits here is not handed out. */
export type Hindrance =
  /** Results for its upstream wait in such numbers that none of its tasks are started. */
  | { readonly why: "clogged" }
  /** An executor that has no link to its cluster. */
  | { readonly why: "noNode" }
  /** Neither here nor below is a slot: `drained` if only because nodes are drained, or leave. */
  | { readonly why: "noSlots" | "drained" }
  /** It is for a node alone that is not in the tree. */
  | { readonly why: "absent"; readonly node: string }
  /** It has fewer hops left than the nearest slot takes. */
  | { readonly why: "hops"; readonly left: number; readonly needed: number }
  /** Others have the slots that it could reach, or are in front of it: so many tasks wait here, itself included. */
  | { readonly why: "busy"; readonly slots: number; readonly waiting: number };

/** How often a task was tried. */
export interface Tries {
  /** Which attempt is next or under way, from 1. */
  readonly attempt: number;
  readonly attempts: number;
  /** With which nodes earlier attempts were lost. */
  readonly losses: readonly Loss[];
}

/** Where a task is, as far as this scheduler knows. */
export type Whereabouts =
  /** It was never here, or its result or the task itself has gone back up. */
  | { readonly is: "gone" }
  | ({ readonly is: "queued"; readonly because: Hindrance } & Tries)
  | ({
      readonly is: "lent";
      readonly receiver: ReceiverId;
      /** What the receiver calls it. */
      readonly lease: number;
      readonly index: number;
      /** Milliseconds since it was handed out. */
      readonly for: number;
    } & Tries);

/** Where the task at `index` of an upstream's batch is at the time `now` of `handle`'s clock. */
export function whereabouts(
  { state }: Scheduler,
  task: { readonly upstream: UpstreamId; readonly lease: number; readonly index: number },
  now: number,
): Whereabouts {
  const batch = state.batchOf(task.upstream, task.lease);
  const owner = batch?.owner[task.index];
  if (batch === undefined || owner === undefined || owner === SETTLED) return { is: "gone" };
  const { attempts } = batch.head;
  const tries = { attempt: batch.attemptOf(task.index), attempts, losses: batch.lossesOf(task.index) };
  if (owner === QUEUED) return { is: "queued", because: hindrance(state, batch), ...tries };
  const lease = state.leases.get(owner);
  if (lease === undefined) return { is: "gone" };
  const { id, receiver, from, since } = lease;
  return { is: "lent", receiver, lease: id, index: task.index - from, for: now - since, ...tries };
}

function hindrance(state: State, { upstream, head }: Batch): Hindrance {
  if (state.clogged.has(upstream)) return { why: "clogged" };
  if (state.config.routesOnly === true && state.receivers.size === 1) return { why: "noNode" };
  const { node } = head;
  if (node !== undefined && node !== state.config.node && !state.ways.has(node)) return { why: "absent", node };
  const receivers = [...state.receivers.values()];
  if (state.capacity.total === 0) {
    const rests = state.duty !== "working" || receivers.some(({ credit }) => credit.pool === "drained");
    return { why: rests ? "drained" : "noSlots" };
  }
  const slots = receivers.reduce((sum, receiver) => sum + receiver.reach(head.hops), 0);
  if (slots > 0) return { why: "busy", slots, waiting: state.queues.of(head).count };
  const able = receivers.filter((receiver) => receiver.reach(Number.MAX_SAFE_INTEGER) > 0);
  return { why: "hops", left: head.hops, needed: Math.min(...able.map(({ minHops }) => minHops)) };
}
