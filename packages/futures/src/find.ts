import type { Dispatcher } from "./dispatcher.js";
import type { Found, Future } from "./future.js";

/**
 * Where the task of a future is, as its dispatcher knows; undefined if it is settled.
 * @throws TypeError for one that was submitted elsewhere
 */
export function findTask(
  future: Future<unknown>,
  dispatcher: Dispatcher,
): Exclude<Found, { readonly is: "gathering" }> | undefined {
  dispatcher.leave();
  const found = future.find();
  if (found === undefined || found.is === "held") return found;
  if (found.is === "sent" && dispatcher.sentOut(found)) return found;
  throw new TypeError("explain was given a future of another executor; ask the one that it was submitted to.");
}
