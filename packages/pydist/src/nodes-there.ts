import { after } from "@pydist/futures";
import { TimeoutError } from "@pydist/protocol";
import type { ClusterExecutor } from "./executor.js";

/**
 * Resolves once there are so many nodes.
 * @param here how many there are now
 * @param ended tells, with the reason, that nothing is to be expected any more
 */
export function nodesThere(
  executor: ClusterExecutor,
  here: () => number,
  count: number,
  { timeout, ended }: { readonly timeout: number | undefined; readonly ended: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (here() >= count) return resolve();
    if (ended.aborted) return reject(ended.reason);
    const over = (): void => {
      clearTimeout(timer);
      executor.off("nodeJoined", joined);
      ended.removeEventListener("abort", gone);
    };
    const joined = (): void => {
      if (here() < count) return;
      over();
      resolve();
    };
    const late = (): void => {
      over();
      reject(new TimeoutError(`${here()} of ${count} nodes had joined after ${timeout} ms.`));
    };
    const gone = (): void => {
      over();
      reject(ended.reason);
    };
    const timer = after(timeout, late);
    executor.on("nodeJoined", joined);
    ended.addEventListener("abort", gone);
  });
}
