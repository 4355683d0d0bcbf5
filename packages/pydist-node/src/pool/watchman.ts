import { AsyncLocalStorage } from "node:async_hooks";
import type { BatchHeader } from "@pydist/protocol";
import { WORKER_MARK } from "@pydist/shipping/runtime";
import { currentCall } from "./call.js";
import { Flood, MOST_LINES } from "./flood.js";
import { post } from "./gathering.js";
import { Guilt, type SharedRun } from "./messages.js";
import { endOutput, takeOutput, type Writer, writerOf } from "./output.js";

/*
 * Knows what runs on this thread, so that an error that nobody awaited and what is written are told with a name, and so
 * that whoever ends the thread is blamed for it and not a neighbour.
 */

Object.defineProperty(globalThis, WORKER_MARK, { value: true });

/** Most characters that are told of an error. */
const LONGEST = 16 * 1024;

interface Guest extends Writer {
  /** While its code is loaded, or its executor's initializer runs, all its tasks are the cause of what happens. */
  phase: "loading" | "running";
}

const runs = new Map<SharedRun, Guest>();
let last: Guest | undefined;
const flood = new Flood();
/** The run whose task has the thread at this moment; undefined while all wait. */
let inside: SharedRun | undefined;

/** The run that came when there was no other; what is known of none of those that came later is its doing. */
let first: SharedRun | undefined;
/** Runs that came when there were others. A thread that does one after the other is spared what it costs. */
const later = new AsyncLocalStorage<SharedRun>();

/** A run has come: its code is loaded first. */
export function accompany<T>(run: SharedRun, lease: number, head: BatchHeader, work: () => Promise<T>): Promise<T> {
  const { name, executor } = head;
  last = { ...writerOf(lease, name, executor), phase: "loading" };
  inside = run;
  const alone = runs.size === 0;
  runs.set(run, last);
  if (!alone) return later.run(run, work);
  first = run;
  return work();
}

/** Its tasks begin. */
export function runBegan(run: SharedRun): void {
  const guest = runs.get(run);
  if (guest !== undefined) guest.phase = "running";
}

export function runEnded(run: SharedRun): void {
  runs.delete(run);
  if (first === run) first = undefined;
}

/** One of its tasks is over. */
export function taskEnded(run: SharedRun): void {
  endOutput(runs.get(run));
}

/** All are. @returns how many messages with what they wrote have left */
export function outputEnded(run: SharedRun): number {
  taskEnded(run);
  return runs.get(run)?.wrote ?? 0;
}

/** A task's own code begins to run here, or has stopped to. */
export function synchronous(run: SharedRun | undefined): void {
  inside = run;
}

/** The run whose task is the cause of what happens at this moment, if that can be told. */
function culprit(): SharedRun | undefined {
  return currentCall.getStore()?.site.shared ?? inside ?? later.getStore() ?? first;
}

/** Whose doing it is what happens at this moment: at the latest the newest guest's. */
function guestNow(): Guest | undefined {
  const run = culprit();
  return (run && runs.get(run)) ?? last;
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
  const guest = guestNow();
  if (next === "last") message = `more than ${MOST_LINES} errors in a second; others are left out`;
  post({ kind: "stray", task: guest?.name ?? "", executor: guest?.executor, message: message.slice(0, LONGEST) });
}
process.on("uncaughtException", reportStray);
process.on("unhandledRejection", reportStray);
takeOutput(guestNow);

const exit = process.exit.bind(process);
process.exit = (code) => {
  const run = culprit();
  for (const guest of runs.values()) endOutput(guest);
  if (run !== undefined) run.guilt[0] = runs.get(run)?.phase === "loading" ? Guilt.Code : Guilt.Task;
  return exit(code);
};
