import { encodeFailure, HopLimitError, Outcome, repeatBody } from "@pydist/protocol";
import type { UpstreamId } from "./events.js";
import type { State } from "./state.js";

/** Fails what waits here for an upstream and has no hop left, because the node that it is stuck at has no workers. */
export function refuseStuck(state: State, upstream: UpstreamId, node: string): void {
  for (const { batch, from, to } of state.queue.takeLast(upstream, state.queue.count, 1)) {
    const error = new HopLimitError(
      `Node ${node} has no workers and task "${batch.head.name}" has no hop left to travel further. ` +
        `Raise hopLimit, or give the node workers.`,
    );
    const info = { node, hops: batch.head.travelled, attempt: batch.attemptOf(from) };
    state.report(batch, from, repeatBody(encodeFailure(error), to - from, Outcome.Failed), info);
  }
}

/**
 * An attached executor sends tasks only where they can run, so those that are stuck at its node would wait for ever in
 * its own queue: whether a node has workers never changes. Those of a drained one may come back.
 */
export function refuseAtAttachment(state: State): void {
  if (state.config.routesOnly !== true || state.queue.count === 0) return;
  let stuckAt: string | undefined;
  for (const receiver of state.receivers.values()) {
    if (receiver === state.pool || receiver.credit.slots.length === 0) continue;
    if (receiver.reach(0) > 0 || receiver.credit.pool === "drained") return;
    stuckAt = receiver.node;
  }
  if (stuckAt === undefined) return;
  for (const upstream of state.upstreams.values()) refuseStuck(state, upstream.id, stuckAt);
}
