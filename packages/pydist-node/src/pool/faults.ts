import { BrokenExecutorError, TimeoutError, WorkerExitError, WorkerMemoryError } from "@pydist/protocol";

/** A thread ended by itself: the error of the task that is to blame. */
export function faultOf(name: string, node: string, error: unknown): Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === "ERR_WORKER_OUT_OF_MEMORY") {
    return new WorkerMemoryError(
      `Task "${name}" used up the heap of its worker thread on node ${node}. Give it smaller pieces, or start Node ` +
        `with a larger --max-old-space-size.`,
    );
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
