import { type BatchHeader, type Bodies, countOf, type DownNote, type Ranges } from "@pydist/protocol";
import { appendIndex, eachIndex } from "@pydist/scheduler";
import type { Countdown } from "../countdown.js";
import { clock, Mark, type Note, SharedRun } from "./messages.js";
import type { Thread } from "./thread.js";

/** A task whose signal was aborted, and the timer that ends its thread. */
export interface Stopping {
  readonly index: number;
  readonly why: "aborted" | "overtime";
  /** In `clock()`'s milliseconds. */
  readonly due: number;
  readonly timer: Countdown | undefined;
}

/** A batch, or part of one, that one worker goes through. */
export class Run {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly shared: SharedRun;
  /** When it came, in `clock()`'s milliseconds. */
  readonly since = clock();
  /** Tasks whose result, return or cancellation was told. */
  readonly told: Uint8Array;
  /** Tasks up to here were told to have begun, the last of them at about this time of `clock()`. */
  #reported = 0;
  #began = 0;
  /** Undefined while the code is on its way. */
  thread: Thread | undefined;
  /** Whether it holds a slot, or its task waits for tasks of its own, or could go on and wants a slot. */
  state: "running" | "suspended" | "ready" = "running";
  /** Notes that wait until the task has a slot again. */
  mail: Note<DownNote>[] = [];
  /** The execution that says something: its task, its name, and how many notes that wake it were sent to it. */
  speaker: { readonly index: number; readonly call: string; woken: number } | undefined;
  stopping: Stopping | undefined;
  /** What its task fails with whose thread is being ended because it uses too much memory. */
  overweight: Error | undefined;
  /** How often its tasks have said or written something, and who waits for more of it. */
  said = 0;
  #whenSaid: { readonly count: number; readonly resolve: () => void } | undefined;
  /** Whether files are on their way that its code needs: its thread has nothing to do with it meanwhile. */
  fetching = false;
  /** Ends its thread, unless it stops loading in time. */
  loading: Countdown | undefined;
  /** Looks at the time that its tasks take. */
  watch: Countdown | undefined;

  constructor(lease: number, head: BatchHeader, bodies: Bodies) {
    this.lease = lease;
    this.head = head;
    this.shared = SharedRun.of(countOf(bodies));
    this.told = new Uint8Array(countOf(bodies));
  }

  hear(index: number, call: string): void {
    if (this.speaker?.call !== call) this.speaker = { index, call, woken: 0 };
    this.heardOne();
  }

  /** Something that its tasks said or wrote has come. */
  heardOne(): void {
    this.said++;
    if (this.#whenSaid !== undefined && this.said >= this.#whenSaid.count) this.#whenSaid.resolve();
  }

  /** Resolves when everything that its tasks said and wrote has come. */
  async heard(count: number): Promise<void> {
    if (this.said >= count) return;
    await new Promise<void>((resolve) => {
      this.#whenSaid = { count, resolve };
    });
  }

  /** The task that waits for its own, if its run is suspended or ready. */
  get sleeper(): number | undefined {
    return this.state === "running" ? undefined : this.speaker?.index;
  }

  get waiting(): boolean {
    return this.shared.marks.includes(Mark.Waiting);
  }

  /** How many tasks have not begun. */
  countWaiting(): number {
    let count = 0;
    for (const mark of this.shared.marks) if (mark === Mark.Waiting) count++;
    return count;
  }

  /** Takes back up to `max` tasks that have not begun, from the end. */
  takeBack(max = Number.POSITIVE_INFINITY): Ranges {
    const back: number[] = [];
    for (let i = this.told.length - 1; i >= 0 && back.length < max; i--) {
      if (!this.shared.change(i, Mark.Recalled, Mark.Waiting)) continue;
      this.told[i] = 1;
      back.push(i);
    }
    const ranges: number[] = [];
    for (const index of back.reverse()) appendIndex(ranges, index);
    return ranges;
  }

  /** Those of these tasks that have not begun never will. */
  cancel(ranges: Ranges): Ranges {
    const caught: number[] = [];
    eachIndex(ranges, this.told.length, (index) => {
      if (!this.shared.change(index, Mark.Cancelled, Mark.Waiting)) return;
      this.told[index] = 1;
      appendIndex(caught, index);
    });
    return caught;
  }

  /** Tasks that have begun since this was asked last, and are not over. */
  begun(): Ranges {
    const { marks } = this.shared;
    const begun: number[] = [];
    let i = this.#reported;
    for (; i < marks.length; i++) {
      const mark = Atomics.load(marks, i);
      if (mark === Mark.Waiting) break;
      if (this.told[i] !== 1 && mark !== Mark.Recalled && mark !== Mark.Cancelled) appendIndex(begun, i);
    }
    if (i > this.#reported) this.reported(i);
    return begun;
  }

  reported(upTo: number): void {
    this.#reported = upTo;
    this.#began = clock();
  }

  /** Milliseconds for which this task, which runs, has done so; those of a task without a `timeout` are seen by `begun`. */
  ranFor(index: number): number {
    const exact = this.shared.began[0] as number;
    if (exact === 0 && index >= this.#reported) return 0;
    return clock() - (exact === 0 ? this.#began : exact);
  }
}
