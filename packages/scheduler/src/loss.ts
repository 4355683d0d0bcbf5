import { encodeFailure, type History, type Loss, NodeLostError, Outcome, repeatBody } from "@pydist/protocol";
import type { Batch } from "./batch.js";
import type { State } from "./state.js";

/**
 * A task lost its node while it ran there, which uses up an attempt. Tasks that are lost together share one history.
 * @returns whether the task has an attempt left; if not, it has failed.
 */
export function countLoss(
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
