import type { DownNote } from "@pydist/protocol";
import { Mark, type Note, wakes } from "./messages.js";
import type { Run } from "./run.js";
import type { Thread } from "./thread.js";

/**
 * Tasks that wait for tasks of their own, without a slot: running -> suspended -> ready -> running. A note that brings a
 * result or a message wakes such a task, but only with a slot.
 */
export class Sleeping {
  /**
   * The worker says that a task waits.
   * @param seen notes that had arrived there: later ones wake it again, so that it does not wait
   * @returns whether it does
   */
  suspend(run: Run, thread: Thread, index: number, seen: number): boolean {
    if (run.state !== "running" || run.told[index] !== 0 || run.shared.running !== index) return false;
    if (run.speaker?.index !== index || seen < run.speaker.woken) return false;
    run.state = "suspended";
    thread.active.delete(run.lease);
    thread.suspended.add(run.lease);
    return true;
  }

  /**
   * A note for the task that speaks. One that is to stop does not wait for a slot: it may be about to end.
   * @returns whether the task wants a slot for it, and did not before
   */
  tell(run: Run, thread: Thread, note: Note<DownNote>): boolean {
    if (run.sleeper === undefined || !wakes(note.note)) {
      this.#send(run, thread, [note]);
      return false;
    }
    run.mail.push(note);
    if (run.shared.marks[run.sleeper] === Mark.Stopping) this.wake(run, thread);
    else if (run.state === "suspended") {
      run.state = "ready";
      return true;
    }
    return false;
  }

  /** It goes on, and hears what came meanwhile. */
  wake(run: Run, thread: Thread): void {
    const { mail } = run;
    this.#awake(run, thread);
    if (mail.length > 0) this.#send(run, thread, mail);
  }

  /** Results came in. A task that ended although it waited is among them, perhaps. */
  settled(run: Run, thread: Thread, from: number, to: number): void {
    const { sleeper } = run;
    if (sleeper !== undefined && sleeper >= from && sleeper < to) this.#awake(run, thread);
  }

  #awake(run: Run, thread: Thread): void {
    run.state = "running";
    run.mail = [];
    thread.suspended.delete(run.lease);
    thread.active.add(run.lease);
  }

  #send(run: Run, thread: Thread, notes: readonly Note<DownNote>[]): void {
    const { speaker, lease } = run;
    if (speaker === undefined) return;
    for (const { note } of notes) if (wakes(note)) speaker.woken++;
    thread.control({ kind: "tell", lease, index: speaker.index, notes });
  }
}
