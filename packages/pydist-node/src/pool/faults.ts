import { BrokenExecutorError, TimeoutError, WorkerExitError, WorkerMemoryError } from "@pydist/protocol";
import type { Weight } from "./memory-watch.js";

/** Where a task ran. */
export interface Site {
  /** Id of the node. */
  readonly node: string;
  /** Most MiB that a thread may have on its heap, and as many outside. Default: what Node gives it, and no limit. */
  readonly workerMemory?: number | undefined;
}

const SMALLER = "Give it smaller pieces, or its thread more by --worker-memory (workerMemory of an embedded executor).";

/** A thread ended by itself: the error of the task that is to blame. */
export function faultOf(name: string, { node, workerMemory }: Site, error: unknown): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    const heap = workerMemory === undefined ? "the heap" : `the ${workerMemory} MiB of heap`;
    return new WorkerMemoryError(`Task "${name}" used up ${heap} of its worker thread on node ${node}. ${SMALLER}`);
  }
  const exit = /exited with code: (-?\d+)/.exec(String(message));
  if (exit !== null) {
    const exitCode = Number(exit[1]);
    return new WorkerExitError(
      `Task "${name}" ended its worker thread on node ${node} with exit code ${exitCode}. ` +
        `A task returns or throws; it must not call process.exit().`,
      { exitCode },
    );
  }
  return new WorkerExitError(`The worker thread of task "${name}" on node ${node} ended: ${String(message)}.`, {
    exitCode: 1,
    cause: error,
  });
}

/** The error of a task whose thread has too much outside its heap. */
export function overweightOf(name: string, node: string, weight: Weight, limit: number): WorkerMemoryError {
  const [heap, outside] = [Math.round(weight.heap), Math.round(weight.outside)];
  return new WorkerMemoryError(
    `Task "${name}" was stopped on node ${node}: its worker thread had ${outside} MiB outside its heap, as buffers have ` +
      `them, and ${heap} MiB on it. It may have ${limit} MiB of either. ${SMALLER}`,
  );
}

/** The error of a task that ran longer than it may. */
export function overtimeOf(name: string, node: string, timeout: number): TimeoutError {
  return new TimeoutError(
    `Task "${name}" ran for more than its timeout of ${timeout} ms on node ${node}, and was stopped.`,
  );
}

/** The error of tasks on a node whose threads end before they can do anything. */
export function noThread(node: string, cause: unknown): BrokenExecutorError {
  return new BrokenExecutorError(
    `A worker thread of node ${node} could not be started. The cause says why; memory or a limit of the system may be used up.`,
    { cause },
  );
}
