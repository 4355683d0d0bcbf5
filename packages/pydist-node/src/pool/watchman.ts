import { currentCall } from "./call.js";
import { post } from "./gathering.js";
import { type SharedRun, WORKER_MARK } from "./messages.js";

/*
 * Knows what runs on this thread, so that an error that nobody awaited is told with a name, and so that whoever ends the
 * thread is blamed for it and not a neighbour.
 */

Object.defineProperty(globalThis, WORKER_MARK, { value: true });

const runs = new Map<SharedRun, string>();
let lastName = "";
/** The run whose task has the thread at this moment; undefined while all wait. */
let inside: SharedRun | undefined;

export function runStarted(run: SharedRun, name: string): void {
  runs.set(run, name);
  lastName = name;
}

export function runEnded(run: SharedRun): void {
  runs.delete(run);
}

/** A task's own code begins to run here, or has stopped to. */
export function synchronous(run: SharedRun | undefined): void {
  inside = run;
}

/** The run whose task is the cause of what happens at this moment, if that can be told. */
function culprit(): SharedRun | undefined {
  const asking = currentCall.getStore()?.site.shared;
  if (asking !== undefined || inside !== undefined) return asking ?? inside;
  return runs.size === 1 ? runs.keys().next().value : undefined;
}

/** An error that nobody awaited must not hit whichever innocent task runs now. */
function reportStray(error: unknown): void {
  let message = "a value that cannot be read";
  try {
    message = error instanceof Error ? `${error.stack ?? error.message}` : String(error);
  } catch {
    // It has no text, or its text throws; an error here would end the thread.
  }
  const run = culprit();
  post({ kind: "stray", name: (run && runs.get(run)) ?? lastName, message });
}
process.on("uncaughtException", reportStray);
process.on("unhandledRejection", reportStray);

const exit = process.exit.bind(process);
process.exit = (code) => {
  const run = culprit();
  if (run !== undefined) run.guilt[0] = 1;
  return exit(code);
};
