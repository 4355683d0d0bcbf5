import { BrokenExecutorError, CancelledError, type Stop } from "@pydist/protocol";
import { type Ending, stopWith } from "./sink.js";
import { expected } from "./unseen.js";

/** What a task settles with that was cancelled before anybody ran it. */
export function cancelledError(why?: string): CancelledError {
  return new CancelledError(`The task was cancelled before it ran${why === undefined ? "" : `: ${why}`}.`);
}

/** How tasks end when their executor is forcefully shut down: now, without any grace. */
export function termination(): { readonly ending: Ending; readonly stop: Stop } {
  const why = "its executor was forcefully shut down";
  const stopped = (): BrokenExecutorError => new BrokenExecutorError(`The task was stopped: ${why}.`);
  const ending: Ending = (task) => (task === "running" ? expected(stopped()) : cancelledError(why));
  return { ending, stop: stopWith(stopped(), 0) };
}
