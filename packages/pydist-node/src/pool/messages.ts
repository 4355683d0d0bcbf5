import type { BatchHeader, Bodies, DownNote, OutputStream, UpNote } from "@pydist/protocol";
import type { FoundTrees } from "@pydist/shipping/runtime";

/** What a run names by hash. */
export interface Texts {
  /** Of its function. */
  readonly code: string;
  /** Of the executor's initializer, if it has one. */
  readonly initializer: string | undefined;
  /** What the function captured, if the header does not bring it along. */
  readonly captured: Uint8Array | undefined;
}

/** As much of it as a worker may lack. */
export type Given = { readonly [K in keyof Texts]: Texts[K] | undefined };

/** One run: tasks of one batch that a worker goes through in order. */
export interface RunRequest {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly texts: Given;
  /** Where the trees of files are that the worker asked for. */
  readonly trees: FoundTrees | undefined;
  /** Id of the node. */
  readonly node: string;
  /** Tasks after which the thread is replaced; Infinity for never. */
  readonly maxTasks: number;
  /** Packed bodies; transferred. */
  readonly bodies: Uint8Array<ArrayBuffer>;
  readonly shared: SharedArrayBuffer;
}

/** Results of consecutive tasks. Small ones are packed, one buffer to clone; a large one moves as it is, uncopied. */
export interface Results {
  readonly lease: number;
  readonly from: number;
  readonly bodies: Uint8Array<ArrayBuffer> | Bodies;
}

export interface Stray {
  /** Name of the task, as far as can be told. */
  readonly task: string;
  /** Whose task it was; undefined if it is known to be nobody's. */
  readonly executor: string | undefined;
  /** The error with its stack. */
  readonly message: string;
}

/** Longer lines that tasks write are cut, in characters. */
export const LONGEST_LINE = 32 * 1024;

/** Whole lines that tasks of one run have written. */
export interface Output {
  readonly task: string;
  readonly executor: string;
  readonly stream: OutputStream;
  readonly lines: readonly string[];
}

/** A task can post whatever it likes: what is told on is at least of this form. */
export function outputOf({ task, executor, stream, lines }: Output): Output {
  return {
    task: String(task),
    executor: String(executor),
    stream: stream === "stderr" ? "stderr" : "stdout",
    lines: Array.from(lines, (line) => String(line).slice(0, LONGEST_LINE)),
  };
}

/** What a worker posts while a run goes on. */
export type Post =
  | ({ readonly kind: "results" } & Results)
  /** Something that a task left behind threw after its task was over. */
  | ({ readonly kind: "stray" } & Stray)
  | ({ readonly kind: "output"; readonly lease: number } & Output)
  /** The task waits for tasks of its own. `seen`: how many notes for it had arrived; later ones woke it again. */
  | { readonly kind: "suspended"; readonly lease: number; readonly index: number; readonly seen: number }
  /** The task says something to its executor. */
  | ({ readonly kind: "said"; readonly lease: number; readonly index: number } & Note<UpNote>);

export interface Note<N> {
  /** Names one execution of the task. */
  readonly call: string;
  readonly note: N;
  /** Packed. */
  readonly bodies: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Whether a note has a task go on that waits: then it needs a slot. What its own tasks say to it does not: one of them may
 * have the slot, and wait for the answer.
 */
export function wakes({ kind }: DownNote): boolean {
  return kind === "results" || kind === "message";
}

/** What a node tells a worker while a run goes on. */
export type Control =
  /** Aborts the signal of a running task; `reason` is one packed body, undefined for a task whose time is over. */
  | {
      readonly kind: "stop";
      readonly lease: number;
      readonly index: number;
      readonly reason: Uint8Array<ArrayBuffer> | undefined;
    }
  | {
      readonly kind: "tell";
      readonly lease: number;
      readonly index: number;
      readonly notes: readonly Note<DownNote>[];
    };

/** How a run ended. */
export type RunReply = Done | NeedMore;

/** Nothing of the run has begun: the worker lacks texts, or trees of files with these keys. */
export type NeedMore =
  | { readonly kind: "needTexts"; readonly lacking: readonly (keyof Texts)[] }
  | { readonly kind: "needTrees"; readonly keys: readonly string[] };

export interface Done {
  readonly kind: "done";
  /** A thread that is worn has run as many tasks as it may; what the run had left has not begun. */
  readonly thread: "fresh" | "worn";
  /** The last results come along, which spares short runs a message of their own. */
  readonly last: Results | undefined;
  /** How often its tasks said or wrote something: posts come another way than this, and count before it. */
  readonly said: number;
}

/**
 * What became of a task of a run. Worker and node race for each change with one compare-and-exchange, so a task that was
 * taken back or cancelled has certainly not begun, one that has begun is certainly not taken back, and a thread is ended
 * only while the task that is to blame runs on it.
 *
 *   Waiting -> Started -> Ended
 *      |          |         ^
 *      |          v         |
 *      |       Stopping ----+     its signal was aborted; it has its grace
 *      |          |
 *      v          v
 *   Recalled   Killed             the thread is being ended because of it
 *   Cancelled
 */
export const Mark = { Waiting: 0, Started: 1, Recalled: 2, Cancelled: 3, Ended: 4, Stopping: 5, Killed: 6 } as const;

/** Who of a run called process.exit(): nobody, the task that ran, or the code of all its tasks as it was loaded. */
export const Guilt = { None: 0, Task: 1, Code: 2 } as const;

const MARKS_OFFSET = 16;

/** What a worker and its node share of a run. */
export class SharedRun {
  readonly memory: SharedArrayBuffer;
  /** A `Mark` for each task. */
  readonly marks: Uint8Array<SharedArrayBuffer>;
  /** When the task that runs began, in `clock()`'s milliseconds; written before the task is claimed. */
  readonly began: Float64Array<SharedArrayBuffer>;
  /** A `Guilt`: whether this run ended the thread by itself. */
  readonly guilt: Uint8Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.began = new Float64Array(memory, 0, 1);
    this.guilt = new Uint8Array(memory, 8, 1);
    this.marks = new Uint8Array(memory, MARKS_OFFSET);
  }

  static of(count: number): SharedRun {
    return new SharedRun(new SharedArrayBuffer(MARKS_OFFSET + count));
  }

  /** @returns whether the task was in one of those states, and so is in the new one now */
  change(index: number, to: number, ...from: readonly number[]): boolean {
    return from.some((mark) => Atomics.compareExchange(this.marks, index, mark, to) === mark);
  }

  /** The task that runs: at most one, since a run goes through its tasks in order. */
  get running(): number | undefined {
    const index = this.marks.findLastIndex((mark) => mark === Mark.Started || mark === Mark.Stopping);
    return index < 0 ? undefined : index;
  }
}

/** Milliseconds of a clock that never goes back and is the same in every thread of a process. */
export function clock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
