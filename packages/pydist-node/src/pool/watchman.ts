import type { BatchHeader } from "@pydist/protocol";
import { WORKER_MARK } from "@pydist/shipping/runtime";
import { currentCall } from "./call.js";
import { Flood, MOST_LINES } from "./flood.js";
import { post } from "./gathering.js";
import { Guilt, type SharedRun } from "./messages.js";

/*
 * Knows what runs on this thread, so that an error that nobody awaited is told with a name, and so that whoever ends the
 * thread is blamed for it and not a neighbour.
 */

Object.defineProperty(globalThis, WORKER_MARK, { value: true });

/** Most characters that are told of an error. */
const LONGEST = 16 * 1024;

interface Guest {
  readonly name: string;
  readonly executor: string;
  /** While its code is loaded, or its executor's initializer runs, all its tasks are the cause of what happens. */
  phase: "loading" | "running";
}

const runs = new Map<SharedRun, Guest>();
let last: Guest | undefined;
const flood = new Flood();
/** The run whose task has the thread at this moment; undefined while all wait. */
let inside: SharedRun | undefined;

/** A run has come: its code is loaded first. */
export function runCame(run: SharedRun, { name, executor }: BatchHeader): void {
  last = { name, executor, phase: "loading" };
  runs.set(run, last);
  inside = run;
}

/** Its tasks begin. */
export function runBegan(run: SharedRun): void {
  const guest = runs.get(run);
  if (guest !== undefined) guest.phase = "running";
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
  const next = flood.next();
  if (next === "left out") return;
  let message = "a value that cannot be read";
  try {
    message = error instanceof Error ? `${error.stack ?? error.message}` : String(error);
  } catch {
    // It has no text, or its text throws; an error here would end the thread.
  }
  const run = culprit();
  const guest = (run && runs.get(run)) ?? last;
  if (next === "last") message = `more than ${MOST_LINES} errors in a second; others are left out`;
  post({ kind: "stray", task: guest?.name ?? "", executor: guest?.executor, message: message.slice(0, LONGEST) });
}
process.on("uncaughtException", reportStray);
process.on("unhandledRejection", reportStray);

const exit = process.exit.bind(process);
process.exit = (code) => {
  const run = culprit();
  if (run !== undefined) run.guilt[0] = runs.get(run)?.phase === "loading" ? Guilt.Code : Guilt.Task;
  return exit(code);
};
