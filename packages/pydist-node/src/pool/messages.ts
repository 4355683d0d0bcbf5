import type { Bodies } from "@pydist/protocol";

/** One run: tasks of one batch that a worker goes through in order. */
export interface RunRequest {
  readonly lease: number;
  readonly code: string;
  /** The code's text, unless every worker has it by now. */
  readonly text: string | undefined;
  readonly name: string;
  readonly node: string;
  /** Packed bodies; transferred. */
  readonly bodies: Uint8Array<ArrayBuffer>;
  /** A `Mark` per task, in shared memory: whoever changes a waiting one first, owns the task. */
  readonly marks: Uint8Array<SharedArrayBuffer>;
}

/** Results of consecutive tasks. Small ones are packed, one buffer to clone; a large one moves as it is, uncopied. */
export interface Results {
  readonly lease: number;
  readonly from: number;
  readonly bodies: Uint8Array<ArrayBuffer> | Bodies;
}

/** Results that are posted while their run goes on. */
export interface Flush extends Results {
  readonly kind: "flush";
}

/** Something that a task left behind threw after its task was over. */
export interface Stray {
  readonly kind: "stray";
  readonly name: string;
  readonly message: string;
}

/** How a run ended. The last results come along, which spares short runs a message of their own. */
export type RunReply =
  | { readonly kind: "done"; readonly thread: number; readonly last: Results | undefined }
  | { readonly kind: "needCode" };

/** A property of `globalThis` that only worker threads of pydist have, whichever copy of the package looks for it. */
export const WORKER_MARK = Symbol.for("pydist.worker");

/**
 * What became of a task of a run. Worker and node race for it with one compare-and-exchange, so a task that was taken
 * back or cancelled has certainly not begun, and one that has begun is certainly not taken back.
 */
export const Mark = { Waiting: 0, Started: 1, Recalled: 2, Cancelled: 3 } as const;
