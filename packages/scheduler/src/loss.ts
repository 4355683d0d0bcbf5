import { encodeFailure, type History, type Loss, NodeLostError, Outcome, repeatBody } from "@pydist/protocol";
import { type Batch, goesOn, type Lease } from "./batch.js";
import type { EventOf } from "./events.js";
import { recallOver } from "./recall.js";
import type { Receiver } from "./receiver.js";
import { requeue } from "./requeue.js";
import type { State } from "./state.js";

/**
 * Everything leased to the child runs elsewhere; only a task that was running there has used up an attempt. If others were
 * below the child, what was running waits for them: they may come back with it.
 */
export function childLost(state: State, { child, cause, orphans = 0 }: EventOf<"childLost">, now: number): void {
  const receiver = state.receivers.get(child);
  if (receiver === undefined || receiver.gone !== undefined) return;
  recallOver(state, receiver, now);
  for (const { id, of } of state.offers.values()) {
    if (of.kind === "passed" && of.receiver === child) state.offers.delete(id);
  }
  lose(state, receiver, cause, (lease, index) => orphans === 0 || !goesOn(lease, index));
  if (receiver.leases.size === 0) state.receivers.delete(child);
  else {
    receiver.credit = { slots: [], busyElsewhere: 0, window: 0, bytes: 0 };
    receiver.gone = { until: now + state.patience.forOrphans, cause };
    state.gone.add(receiver);
  }
  state.capacityChanged();
}

/** Nobody came back with the rest. */
export function loseForGood(state: State, receiver: Receiver): void {
  lose(state, receiver, receiver.gone?.cause ?? "", () => true);
  state.receivers.delete(receiver.id);
  state.gone.delete(receiver);
}

function lose(state: State, receiver: Receiver, cause: string, isLost: (lease: Lease, index: number) => boolean): void {
  const { node } = receiver;
  // The oldest lease goes to the front last, so that it is the first to run again.
  for (const lease of [...receiver.leases.values()].reverse()) {
    const { batch, started } = lease;
    const running = new Set(started);
    const histories = new Map<History | undefined, History>();
    const again: number[] = [];
    for (let index = lease.from; index < lease.to; index++) {
      if (batch.owner[index] !== lease.id || !isLost(lease, index)) continue;
      state.release(lease, index);
      const counts = running.has(index) && !batch.orphan && !batch.unwanted.has(index) && !batch.cancelled.has(index);
      if (!counts || countLoss(state, batch, index, { node, cause }, histories)) again.push(index);
    }
    requeue(state, batch, again, running);
  }
}

/** Tasks that had begun, and are owned by nobody now, were lost. */
export function loseBegun(state: State, batch: Batch, indices: readonly number[], loss: Loss): void {
  const histories = new Map<History | undefined, History>();
  const again = indices.filter((index) => countLoss(state, batch, index, loss, histories));
  requeue(state, batch, again, new Set(again));
}

/**
 * A task lost its node while it ran there, which uses up an attempt. Tasks that are lost together share one history.
 * @returns whether the task has an attempt left; if not, it has failed.
 */
function countLoss(
  state: State,
  batch: Batch,
  index: number,
  loss: Loss,
  histories: Map<History | undefined, History>,
): boolean {
  const before = batch.historyOf(index);
  const losses = [...batch.lossesOf(index), loss];
  const attempt = batch.attemptOf(index);
  if (attempt < batch.head.attempts) {
    const shared = histories.get(before) ?? { attempt: attempt + 1, losses };
    histories.set(before, shared);
    batch.setHistory(index, shared);
    return true;
  }
  const told = losses.map((each) => `${each.node} (${each.cause})`).join(", ");
  const error = new NodeLostError(
    `Task "${batch.head.name}" was running on ${losses.length === 1 ? "a node" : `${losses.length} nodes`} that ` +
      `went away, and "attempts" allows no more: ${told}. Look at those nodes' logs, or raise "attempts".`,
    { nodes: losses.map((each) => each.node), causes: losses.map((each) => each.cause), attempts: attempt },
  );
  const info = { node: loss.node, hops: batch.head.travelled, attempt };
  state.report(batch, index, repeatBody(encodeFailure(error), 1, Outcome.Failed), info);
  return false;
}
