import type { Lease } from "./batch.js";
import type { Receiver } from "./receiver.js";
import type { Scheduler } from "./scheduler.js";
import type { State } from "./state.js";
import type { Upstream } from "./upstream.js";

/** Of a long list the oldest entries are told: those that do not move are among them. */
const MOST_TOLD = 20;

/** All that a scheduler knows at the time `now` of `handle`'s clock, as JSON takes it: counts, no arguments or results. */
export function dump({ state }: Scheduler, now: number): object {
  const { config, duty, queue, queues, capacity, upstreams, receivers } = state;
  return {
    duty,
    slots: config.slots,
    hopLimit: config.hopLimit,
    slotsByDepth: capacity.byDepth,
    queued: queues.count,
    queues: queue.lengths,
    /** What is for one node alone: how many wait for each. */
    placed: [[config.node, queues.here] as const, ...queues.elsewhere]
      .filter(([, { count }]) => count > 0)
      .map(([node, { count }]) => ({ node, tasks: count })),
    ready: state.ready.size,
    upstreams: [...upstreams.values()].map((upstream) => upstreamOf(state, upstream)),
    receivers: [...receivers.values()].map((receiver) => receiverOf(receiver, now)),
  };
}

function upstreamOf(state: State, { id, own, held, suspended, highestWindow, batches }: Upstream) {
  return {
    id,
    own,
    held,
    suspended,
    credit: own ? undefined : highestWindow,
    clogged: state.clogged.has(id),
    /** Tasks that it asked back and that are being fetched from below. */
    owed: state.owing.get(id)?.left ?? 0,
    batches: batches.size,
    oldest: [...batches.values()].slice(0, MOST_TOLD).map(({ upstreamLease, head, count, open, cancelled }) => ({
      lease: upstreamLease,
      task: head.name,
      executor: head.executor,
      code: head.code.slice(0, 12),
      priority: head.priority,
      depth: head.depth,
      hops: head.hops,
      count,
      open,
      cancelled: cancelled.size,
    })),
  };
}

function receiverOf(receiver: Receiver, now: number) {
  const { id, kind, node, tasks, bytes, suspended, credit, recall, leases } = receiver;
  return {
    id,
    kind,
    node,
    tasks,
    bytes,
    suspended,
    slots: credit.slots,
    busyElsewhere: credit.busyElsewhere,
    room: receiver.room,
    recall: recall.state,
    leases: leases.size,
    oldest: [...leases.values()].slice(0, MOST_TOLD).map((lease) => leaseOf(lease, now)),
  };
}

function leaseOf({ id, batch, from, to, since, open, started, suspended }: Lease, now: number) {
  return {
    lease: id,
    /** The batch, as its upstream calls it, and which of its tasks. */
    of: { upstream: batch.upstream, lease: batch.upstreamLease, from, to },
    task: batch.head.name,
    for: Math.round(now - since),
    open,
    started: started.size,
    suspended: suspended.size,
  };
}
