import { type Bodies, packBodies, type Stop } from "@pydist/protocol";
import { Countdown } from "../countdown.js";
import { clock, Mark } from "./messages.js";
import type { Run, Stopping } from "./run.js";

/** How often, in milliseconds, it is looked whether a task that is not known to have begun has. */
const SOON = 10;

/**
 * Stops tasks that run: first their signal is aborted, and after their grace their thread is ended. Whoever is stopped, and
 * whose time is up, is decided here on the node's own thread, because a task may block its own.
 */
export class Stopper {
  /** Watches the time of a run's tasks, if they have a timeout. */
  watch(run: Run): void {
    const { timeout, grace } = run.head;
    if (timeout === undefined) return;
    const look = (): void => {
      const index = run.shared.running;
      // Read after the mark: it was written before it.
      const left = index === undefined ? timeout : (run.shared.began[0] as number) + timeout - clock();
      if (index !== undefined && left <= 0) this.#begin(run, index, "overtime", grace, undefined);
      // A task that is not over by now is the stopper's; the next one begins, at the earliest, when it is.
      run.watch = countdown(left <= 0 ? SOON : left, look);
    };
    run.watch = countdown(timeout, look);
  }

  /** Stops a task, if it runs now. */
  stop(run: Run, index: number, { grace, reason }: Stop): void {
    this.#begin(run, index, "aborted", grace, reason);
  }

  /**
   * Nobody wants the run's tasks any more, and none has begun: it waits for its thread, or its code or its executor's
   * initializer is being loaded there, which may never end.
   */
  stopLoading(run: Run, grace: number): void {
    if (run.thread === undefined || run.waiting || run.loading !== undefined) return;
    run.loading = countdown(grace, () => {
      const { thread, lease } = run;
      // Behind another one, or for files, it only waits.
      if (thread === undefined || run.fetching || thread.active.size > 1 || run.shared.running !== undefined) return;
      thread.culprits.add(lease);
      thread.kill();
    });
  }

  #begin(run: Run, index: number, why: Stopping["why"], grace: number, reason: Bodies | undefined): void {
    const before = run.stopping?.index === index ? run.stopping : undefined;
    if (run.shared.change(index, Mark.Stopping, Mark.Started)) {
      const packed = reason === undefined ? undefined : packBodies(reason);
      if (grace > 0) run.thread?.control({ kind: "stop", lease: run.lease, index, reason: packed });
    } else if (before === undefined) return; // It is over.
    const due = clock() + grace;
    if (before !== undefined && before.due <= due) return;
    before?.timer?.stop();
    run.stopping = { index, why: before?.why ?? why, due, timer: undefined };
    if (grace === 0) this.#kill(run, index);
    else run.stopping = { ...run.stopping, timer: countdown(grace, () => this.#kill(run, index)) };
  }

  #kill(run: Run, index: number): void {
    if (run.shared.change(index, Mark.Killed, Mark.Stopping)) run.thread?.kill();
  }

  /** Results up to here came in: what they settle need not be stopped. */
  settled(run: Run, from: number, to: number): void {
    if (run.stopping === undefined || run.stopping.index < from || run.stopping.index >= to) return;
    run.stopping.timer?.stop();
    run.stopping = undefined;
  }

  /** The run is over. */
  forget(run: Run): void {
    run.watch?.stop();
    run.loading?.stop();
    run.stopping?.timer?.stop();
  }
}

function countdown(milliseconds: number, onOver: () => void): Countdown {
  return new Countdown(milliseconds, onOver).unref();
}
