import { type Bodies, packBodiesInto, packedLengthOf } from "./bodies.js";
import { SerializationError } from "./errors.js";
import type { FilePart } from "./file-part.js";
import type { OutputNews } from "./output.js";

/** Half-open ranges of task indices, flattened: `[from, to, from, to, ...]`, ascending. */
export type Ranges = readonly number[];

/** A node on which a task was running when it was lost, and why. */
export interface Loss {
  readonly node: string;
  readonly cause: string;
}

/** What befell a task's earlier attempts. */
export interface History {
  /** The attempt that is next, from 1. */
  readonly attempt: number;
  readonly losses: readonly Loss[];
}

/** Most bytes of captured values that ride in a header; more travel by their hash, as code does. */
export const MOST_INLINE_BYTES = 4096;

/** The values that a batch's function sees besides its arguments: bytes that only a worker decodes. */
export interface CapturedHead {
  /** SHA-256 of the bytes, in hex. */
  readonly hash: string;
  /** Whether each task gets values of its own, or all of a run may have the same because none of them can be changed. */
  readonly state: "fresh" | "shared";
  /** The bytes in base64, if they are few; otherwise whoever lacks them asks for them by their hash. */
  readonly inline?: string;
}

/** What every task of a batch shares. The header is all that a node between submitter and worker reads. */
export interface BatchHeader {
  /** SHA-256 of the shipped function, in hex. */
  readonly code: string;
  /** Absent for a function that captured nothing. */
  readonly captured?: CapturedHead;
  /** For people: the function's name or the `name` option. */
  readonly name: string;
  /** The submitting executor, by which nodes share themselves out fairly. */
  readonly executor: string;
  /** With `first`, the identity of task i: (executor, batch, first + i). */
  readonly batch: number;
  readonly first: number;
  /** The only node that may run them, by its id; by default any may. */
  readonly node?: string;
  /** Links between nodes that the tasks may still travel. */
  readonly hops: number;
  /** Links between nodes travelled so far. */
  readonly travelled: number;
  /** Higher runs first, within one executor. */
  readonly priority: number;
  /** How many attempts a task has in all. */
  readonly attempts: number;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** The nodes that earlier attempts were lost with. */
  readonly losses?: readonly Loss[];
  /**
   * Levels of tasks that these were submitted from; 0 for a program's own. Of one priority, deeper ones go first: what a
   * waiting task needs must not queue behind more that will wait.
   */
  readonly depth: number;
  /** Most milliseconds that one attempt of one task may run. */
  readonly timeout?: number;
  /** Milliseconds between asking a task to stop and ending its thread. */
  readonly grace: number;
  /** Code, by its hash, that each worker runs once before the first task of this executor. */
  readonly initializer?: string;
}

/** Tasks of one batch that have begun under a parent that is gone, for whoever above still wants them. */
export interface Offer {
  /** The sender's name for it. */
  readonly offer: number;
  /** Of what batch they are, with the number of its first task; `ranges` count from there. */
  readonly executor: string;
  readonly batch: number;
  readonly code: string;
  readonly first: number;
  readonly count: number;
  readonly ranges: Ranges;
}

/** Of tasks that are handed down, those that were offered: they go on where they run. The others are not meant. */
export interface Adoption {
  readonly offer: number;
  readonly ranges: Ranges;
}

/** How tasks that have begun are stopped. */
export interface Stop {
  /** Milliseconds that a task has, from the moment its signal is aborted, before its thread is ended. */
  readonly grace: number;
  /** One body: the reason that its signal is given. Only the worker decodes it. */
  readonly reason: Bodies;
}

/** What a task that submits tasks of its own sets for a batch of them; the rest of the header is its executor's. */
export type NestedHeader = Pick<
  BatchHeader,
  "code" | "captured" | "name" | "node" | "hops" | "priority" | "attempts" | "attempt" | "depth" | "timeout" | "grace"
>;

/** What a running task says to the executor that owns it. Batches are numbered by the task itself. */
export type UpNote =
  /** Submits a batch; the bodies are its arguments, `text` is its code. */
  | { readonly kind: "submit"; readonly batch: number; readonly head: NestedHeader; readonly text: string }
  /** Captured values that batches after this name by their hash; the body is their bytes. */
  | { readonly kind: "captured"; readonly hash: string }
  /** ... which no batch will name any more, unless they are sent again. */
  | { readonly kind: "forget"; readonly hash: string }
  /** Cancels tasks that have not begun; with `grace`, also stops those that have, and the body is the reason. */
  | { readonly kind: "cancel"; readonly batch: number; readonly ranges: Ranges; readonly grace?: number }
  /** To a task that it has submitted, and that is heard. */
  | ({ readonly kind: "reply" } & Passed)
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly text: string;
      /** Id of the node that the task runs on. */
      readonly node: string;
    }
  /** How far the task is, from 0 to 1. */
  | { readonly kind: "progress"; readonly fraction: number; readonly node: string }
  | ChannelNote;

/** Either end of a channel to the other. */
export type ChannelNote =
  /** The body is one value. */
  | { readonly kind: "message" }
  /** So many bytes of messages were taken, which makes room for as many. With 0, a task says that it listens. */
  | { readonly kind: "taken"; readonly bytes: number };

/** What an executor says to a running task: news of a batch that the task submitted, or what its submitter sends. */
export type DownNote =
  | ChannelNote
  /** The bodies are the results of the tasks from `from` on. */
  | ({ readonly kind: "results"; readonly batch: number; readonly from: number } & ResultInfo)
  | { readonly kind: "started"; readonly batch: number; readonly ranges: Ranges }
  /** Tasks that had begun have lost their node and wait again. */
  | { readonly kind: "waiting"; readonly batch: number; readonly ranges: Ranges }
  /** One of them says something by its channel. */
  | ({ readonly kind: "heard" } & Passed);

/** A word between a task and another that it has submitted, by way of the executor of both. */
export interface Passed {
  /** The submitter's number, and which task of the batch. */
  readonly batch: number;
  readonly index: number;
  /** Names the one execution of that task. */
  readonly call: string;
  readonly note: ChannelNote;
}

/** Where and how a range of results came about. */
export interface ResultInfo {
  /** Id of the node that ran the tasks. */
  readonly node: string;
  /** Links between nodes that the tasks travelled. */
  readonly hops: number;
  /** The attempt that gave the results, from 1. */
  readonly attempt: number;
}

/** What a receiver grants the peer above it. Told when it changes; the newest replaces all before. */
export interface Credit {
  /** Slots of this node, of its children, of theirs ...: by depth. */
  readonly slots: readonly number[];
  /**
   * How many of those slots other upstreams' tasks keep busy, less the tasks that are on slots of nodes that are drained or
   * about to leave, which are not among those: below 0 if they are the peer's own.
   */
  readonly busyElsewhere: number;
  /** Most tasks that the peer may have outstanding here (invariant I6). */
  readonly window: number;
  /** Most bytes of bodies that it may have outstanding here; a single larger body may still travel alone. */
  readonly bytes: number;
  /** Present while this node's own slots are missing only because it is drained. */
  readonly pool?: "drained";
}

/** One step of the way from a node to its root. */
export interface Ancestor {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** When its process began, in milliseconds since 1970 by its own clock. */
  readonly since?: number;
}

/** What is known of a node without asking it. */
export interface NodeDescription {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly parent: string | null;
  readonly workers: number;
  readonly slots: number;
  readonly os: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly version: string;
  readonly pid: number;
  readonly host: string;
  /** Whether it runs programs for others. */
  readonly allowExec: boolean;
}

/** A note from or to a running task. Its bodies, if it has any, are the frame's payload. */
export interface Mail<Note> {
  readonly lease: number;
  readonly index: number;
  /** Names one execution of the task. */
  readonly call: string;
  readonly note: Note;
}

/** What a node can be told to do: finish what it runs and take nothing new; work again; finish and leave; tell all of itself. */
export type Order = "drain" | "resume" | "stop" | "dump";

/** Frames from a submitter towards the workers. */
export type DownFrame =
  | { readonly t: "tasks"; readonly lease: number; readonly head: BatchHeader; readonly adopts?: Adoption }
  /** Nobody above wants what was offered. */
  | { readonly t: "declined"; readonly offer: number }
  /** With `grace`, tasks that have begun are stopped, too; the payload is the reason. */
  | { readonly t: "cancel"; readonly lease: number; readonly ranges: Ranges; readonly grace?: number }
  /** For one running task; `call` names its execution, so that a later one does not take it for its own. */
  | ({ readonly t: "told" } & Mail<DownNote>)
  | { readonly t: "recall"; readonly max: number }
  /** As with `trace`, there is an answer in time; unless somebody asks who waits for as long as it takes. */
  | { readonly t: "ask"; readonly id: number; readonly what: string; readonly time?: number }
  /** Where a task is that was handed down; there is an `answer` within `time` milliseconds, whoever below is silent. */
  | {
      readonly t: "trace";
      readonly id: number;
      readonly lease: number;
      readonly index: number;
      readonly time: number;
    }
  /** For the node with this id or name, which is the receiver or below it; null for the receiver. */
  | { readonly t: "order"; readonly id: number; readonly order: Order; readonly node: string | null }
  /** What a task names by its hash: a text, or captured values. Long ones are the payload, the text then as UTF-8. */
  | { readonly t: "code"; readonly hash: string; readonly text: string }
  | { readonly t: "code"; readonly hash: string; readonly payload: "text" | "bytes" }
  | { readonly t: "noCode"; readonly hash: string; readonly why: string }
  /** What was asked for by that key; the payload is the tree's manifest. */
  | { readonly t: "tree"; readonly key: string }
  | { readonly t: "noTree"; readonly key: string; readonly why: string }
  /** The answer to one `needFiles`: those parts of it that could be had, side by side in the payload. */
  | { readonly t: "files"; readonly parts: readonly FilePart[] }
  /** Before the `files` that lacks it. */
  | { readonly t: "noFile"; readonly hash: string; readonly why: string }
  | { readonly t: "ancestry"; readonly chain: readonly Ancestor[]; readonly settled: boolean };

/** Frames from the workers towards a submitter. */
export type UpFrame =
  | ({ readonly t: "results"; readonly lease: number; readonly from: number } & ResultInfo)
  | { readonly t: "started"; readonly lease: number; readonly ranges: Ranges }
  | { readonly t: "waiting"; readonly lease: number; readonly ranges: Ranges }
  /** Tasks that wait for tasks of their own have given their slots back. */
  | { readonly t: "suspended"; readonly lease: number; readonly ranges: Ranges }
  /** ... and have slots again. */
  | { readonly t: "resumed"; readonly lease: number; readonly ranges: Ranges }
  | ({ readonly t: "said" } & Mail<UpNote>)
  /** With what befell them there, if anything did. */
  | { readonly t: "returned"; readonly lease: number; readonly ranges: Ranges; readonly history?: History }
  | { readonly t: "recalled" }
  | ({ readonly t: "offer" } & Offer)
  | ({ readonly t: "credit" } & Credit)
  /** For an executor: a task of it left something behind on that node, which went wrong after the task was over. */
  | {
      readonly t: "stray";
      readonly task: string;
      readonly executor: string;
      readonly message: string;
      readonly node: string;
    }
  | ({ readonly t: "output" } & OutputNews)
  | { readonly t: "needCode"; readonly hash: string }
  /** A tree of files: a package by its key, a module by its key, or a tree by its hash. */
  | { readonly t: "needTree"; readonly key: string }
  | { readonly t: "needFiles"; readonly parts: readonly FilePart[] }
  | { readonly t: "answer"; readonly id: number; readonly value: unknown }
  | { readonly t: "nodeJoined"; readonly nodes: readonly NodeDescription[] }
  /** `left`: they said goodbye. */
  | { readonly t: "nodeLost"; readonly ids: readonly string[]; readonly cause: string; readonly left?: true };

export type Frame = DownFrame | UpFrame;

/*
 * A frame is | header length u32 | header as JSON, padded with spaces to a multiple of eight | payload |. The header is
 * JSON so that a peer of another minor version skips what it does not know; the payload, packed bodies or the bytes of
 * what a hash names, is never parsed on the way.
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

export function encodeFrame(frame: Frame, payload?: Bodies | Uint8Array): Uint8Array<ArrayBuffer> {
  const json = JSON.stringify(frame);
  let header = encoder.encode(json);
  const padding = (8 - ((header.length + 4) % 8)) % 8;
  if (padding > 0) header = encoder.encode(json.padEnd(json.length + padding));
  const start = 4 + header.length;
  const bytes = new Uint8Array(start + lengthOf(payload));
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  if (payload instanceof Uint8Array) bytes.set(payload, start);
  else if (payload !== undefined) packBodiesInto(payload, bytes.buffer, start);
  return bytes;
}

function lengthOf(payload: Bodies | Uint8Array | undefined): number {
  if (payload === undefined) return 0;
  return payload instanceof Uint8Array ? payload.length : packedLengthOf(payload);
}

/**
 * The reverse of `encodeFrame`. The payload views the given bytes.
 * @throws SerializationError when the bytes are no frame; whoever reads a link closes it then.
 */
export function decodeFrame(bytes: Uint8Array): { frame: Frame; payload: Uint8Array } {
  if (bytes.length < 4) throw malformed(`${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (length > MAX_HEADER_BYTES || 4 + length > bytes.length) throw malformed(`a header of ${length} bytes`);
  let frame: unknown;
  try {
    frame = JSON.parse(decoder.decode(bytes.subarray(4, 4 + length)));
  } catch (cause) {
    throw malformed("a header that is not JSON", cause);
  }
  if (typeof frame !== "object" || frame === null || typeof (frame as { t?: unknown }).t !== "string") {
    throw malformed("a header without a type");
  }
  return { frame: frame as Frame, payload: bytes.subarray(4 + length) };
}

function malformed(what: string, cause?: unknown): SerializationError {
  return new SerializationError(
    `Malformed frame: ${what}. The peer is broken or speaks another protocol version; the link is closed.`,
    cause === undefined ? { path: "" } : { path: "", cause },
  );
}
