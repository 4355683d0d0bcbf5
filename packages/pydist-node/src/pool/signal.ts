const getAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")?.get as (
  this: AbortSignal,
) => boolean;

/**
 * A signal that can be asked in the middle of synchronous work, too: there no message arrives, but shared memory says
 * that the task is to stop, so whoever looks at `aborted` or calls `throwIfAborted` hears of it.
 * @param overdue why the task is to stop; undefined if it is not
 */
export function pollingController(overdue: () => unknown): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  const look = (): boolean => {
    if (getAborted.call(signal)) return true;
    const reason = overdue();
    if (reason === undefined) return false;
    controller.abort(reason);
    return true;
  };
  Object.defineProperty(signal, "aborted", { get: look, configurable: true });
  Object.defineProperty(signal, "throwIfAborted", {
    value: () => {
      if (look()) throw signal.reason;
    },
    configurable: true,
  });
  return controller;
}
