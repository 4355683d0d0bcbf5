import { heldBy, heldFor, type Scheduler } from "@pydist/scheduler";
import type { Logger } from "../logger.js";
import type { DownPeer, UpPeer } from "./peer.js";

/*
 * What is lost with a peer is told while the scheduler still knows: what becomes of tasks must not be a guess of whoever
 * reads the log.
 */

/** Of an executor, nobody wants them any more; of a parent, those that have begun go on for whoever is above it. */
export function logDropped(logger: Logger, scheduler: Scheduler, { key, info }: UpPeer, cause: string): void {
  const { id: peer, name, role } = info;
  logger.debug({ peer, name, role, cause }, "Upstream gone");
  const tasks = heldFor(scheduler, key);
  if (tasks > 0) logger.info({ peer, name, role, tasks, cause }, "Upstream lost with tasks here");
}

/** They run again, unless they go on below, or had begun and that was their last attempt. */
export function logLost(logger: Logger, scheduler: Scheduler, { key, info }: DownPeer, cause: string): void {
  const { tasks, begun } = heldBy(scheduler, key);
  const { id: node, name } = info;
  if (tasks > 0) logger.warn({ node, name, tasks, begun, cause }, "Tasks of a lost node wait again");
}
