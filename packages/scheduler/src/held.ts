import type { ReceiverId, UpstreamId } from "./events.js";
import type { Scheduler } from "./scheduler.js";

/** Tasks that a receiver has, and how many of them are known to have begun: what is lost with it. */
export function heldBy({ state }: Scheduler, receiver: ReceiverId): { readonly tasks: number; readonly begun: number } {
  const found = state.receivers.get(receiver);
  let begun = 0;
  for (const { started } of found?.leases.values() ?? []) begun += started.size;
  return { tasks: found?.tasks ?? 0, begun };
}

/** Tasks that are here, or below, for an upstream. */
export function heldFor({ state }: Scheduler, upstream: UpstreamId): number {
  return state.upstreams.get(upstream)?.held ?? 0;
}
