import { encodeFailure, HopLimitError, NodeLostError, Outcome, type PydistError, repeatBody } from "@pydist/protocol";
import type { Batch } from "./batch.js";
import type { EventOf, ReceiverId } from "./events.js";
import { PREFETCH, RUN_BYTES } from "./fill.js";
import type { FairQueue } from "./queue.js";
import type { Receiver } from "./receiver.js";
import type { State } from "./state.js";

/*
 * Tasks for one node take the way that leads to it, and no other. A node that knows none gives them back; so it is the
 * program's own scheduler, which hears of every node below, that waits for one that is away and says when it was too long.
 */

/** How a node below is reached, and how much it can run at once. */
export interface Way {
  readonly receiver: ReceiverId;
  readonly slots: number;
}

export function nodesJoined(state: State, { child, nodes }: EventOf<"nodesJoined">): void {
  for (const { id, slots } of nodes) state.ways.set(id, { receiver: child, slots });
}

/** One that is reached by another way meanwhile is not lost. */
export function nodesLost(state: State, { child, ids }: EventOf<"nodesLost">): void {
  for (const id of ids) if (state.ways.get(id)?.receiver === child) state.ways.delete(id);
}

/**
 * Sends tasks on to the nodes that they are for, and settles those that cannot get there.
 * @returns when to look again, or Infinity.
 */
export function sendPlaced(state: State, now: number): number {
  refuseHere(state);
  let later = Number.POSITIVE_INFINITY;
  for (const [node, queue] of state.queues.elsewhere) {
    const way = wayTo(state, node);
    if (queue.count > 0 && way === undefined) later = Math.min(later, missed(state, node, queue, now));
    else state.absent.delete(node);
    if (way !== undefined) send(state, node, queue, way, now);
    if (queue.count === 0) state.queues.elsewhere.delete(node);
  }
  return later;
}

/** The child through which a node is reached, and its slots. */
function wayTo(state: State, node: string): { readonly receiver: Receiver; readonly slots: number } | undefined {
  const way = state.ways.get(node);
  const receiver = way === undefined ? undefined : state.receivers.get(way.receiver);
  if (way === undefined || receiver === undefined || receiver.gone !== undefined) return undefined;
  return { receiver, slots: way.slots };
}

/** Nobody else can run what is for a node that takes no tasks: it would wait for as long as that takes. */
function refuseHere(state: State): void {
  const { config, duty, queues } = state;
  if (queues.here.count === 0) return;
  if (config.slots === 0) refuse(state, queues.here, notTaken(config.node, "it has no workers"));
  else if (duty === "leaving") refuse(state, queues.here, notTaken(config.node, "it is about to leave"));
  else if (duty === "drained") refuse(state, queues.here, notTaken(config.node, "it is drained"));
}

/** Nobody knows where the node is: those above may, and the program's own scheduler waits for it for some time. */
function missed(state: State, node: string, queue: FairQueue, now: number): number {
  for (const upstream of state.upstreams.values()) {
    if (upstream.own) continue;
    for (const run of queue.takeLast(upstream.id, queue.count)) state.giveBack(run.batch, run.from, run.to);
  }
  if (queue.count === 0) return Number.POSITIVE_INFINITY;
  // A program that looks for its cluster has lost all nodes at once; that has a time limit of its own.
  if (state.config.routesOnly === true && !isAttached(state)) {
    state.absent.delete(node);
    return Number.POSITIVE_INFINITY;
  }
  const patience = state.patience.forNode;
  const until = state.absent.get(node) ?? now + patience;
  state.absent.set(node, until);
  if (now < until) return until;
  state.absent.delete(node);
  refuse(state, queue, notTaken(node, `it is not in the tree, and has not come within ${patience} ms`));
  return Number.POSITIVE_INFINITY;
}

function isAttached({ receivers, pool }: State): boolean {
  for (const receiver of receivers.values()) if (receiver !== pool && receiver.gone === undefined) return true;
  return false;
}

/** As many as keep the node at work, and some ahead; the rest waits as near to its submitter as it can. */
function send(
  state: State,
  node: string,
  queue: FairQueue,
  { receiver, slots }: { readonly receiver: Receiver; readonly slots: number },
  now: number,
): void {
  if (receiver.kind === "child") refuse(state, queue, outOfHops(state.config.node, node), 1);
  const wanted = { minHops: 0, except: state.clogged };
  for (;;) {
    const next = queue.peek(wanted);
    if (next === undefined) return;
    // One without workers is sent some all the same, for it is who can say so.
    const places = Math.max(1, slots);
    const chunk = Math.min(state.estimates.chunkOf(next.batch.head.code), Math.ceil(queue.count / places));
    const most = Math.min(places * chunk * (1 + PREFETCH) - receiver.placedOn(node), receiver.room);
    const run = most > 0 ? queue.take(wanted, most, Math.min(RUN_BYTES, receiver.roomBytes)) : undefined;
    if (run === undefined) return;
    state.lend(receiver, run.batch, run.from, run.to, now);
  }
}

type Refusal = (batch: Batch, index: number) => PydistError;

/** Fails what waits there. @param below if given, only tasks with fewer hops left */
function refuse(state: State, queue: FairQueue, errorOf: Refusal, below?: number): void {
  const { node } = state.config;
  for (const upstream of [...state.upstreams.values()]) {
    for (const { batch, from, to } of queue.takeLast(upstream.id, queue.count, below)) {
      for (let start = from; start < to; ) {
        const end = batch.runEnd(start, to);
        const failed = repeatBody(encodeFailure(errorOf(batch, start)), end - start, Outcome.Failed);
        const info = { node, hops: batch.head.travelled, attempt: batch.attemptOf(start) };
        state.report(batch, start, failed, info);
        start = end;
      }
    }
  }
}

function notTaken(node: string, cause: string): Refusal {
  return (batch, index) => {
    const losses = [...batch.lossesOf(index), { node, cause }];
    return new NodeLostError(
      `Task "${batch.head.name}" is for node ${node} alone, which does not take it: ${cause}. ` +
        `Give the task to a node that executor.nodes() lists as ready, or leave out "node" and any may run it.`,
      {
        nodes: losses.map((each) => each.node),
        causes: losses.map((each) => each.cause),
        attempts: batch.attemptOf(index),
      },
    );
  };
}

function outOfHops(self: string, node: string): Refusal {
  return ({ head }) =>
    new HopLimitError(
      `Task "${head.name}" is for node ${node}, which is below node ${self}, and has no hop left to travel further. ` +
        `Raise hopLimit.`,
    );
}
