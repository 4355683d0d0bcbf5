/** A property of `globalThis` that only worker threads of pydist have, whichever copy of the packages looks for it. */
export const WORKER_MARK: unique symbol = Symbol.for("pydist.worker");

/** Whether this is a thread in which pydist runs tasks. */
export function isWorkerOfPydist(): boolean {
  return WORKER_MARK in globalThis;
}
