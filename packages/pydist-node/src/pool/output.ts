import { StringDecoder } from "node:string_decoder";
import type { OutputStream } from "@pydist/protocol";
import { post } from "./gathering.js";
import { LONGEST_LINE } from "./messages.js";

/*
 * What tasks write to stdout and stderr is for the program that submitted them: it leaves the thread line by line, in
 * messages that come before the results of whatever wrote it. The node's own streams are not a task's to write to.
 */

/** What all tasks of a thread may write in a second; the rest is counted. */
const MOST_LINES = 1000;
const MOST_CHARACTERS = 1024 * 1024;
const SECOND = 1000;

/** Whoever writes: all tasks of one run. */
export interface Writer {
  readonly lease: number;
  readonly name: string;
  readonly executor: string;
  /** Of each stream, what has no end of line yet. */
  readonly open: Record<OutputStream, string>;
  /** Messages that left. */
  wrote: number;
  /** Lines that nobody was told of. */
  leftOut: number;
}

export function writerOf(lease: number, name: string, executor: string): Writer {
  return { lease, name, executor, open: { stdout: "", stderr: "" }, wrote: 0, leftOut: 0 };
}

/** Those with a line that has not ended. */
const unfinished = new Set<Writer>();
/** Those that have left something out, and have not said so. */
const owing = new Set<Writer>();
let windowEnds = 0;
let lines = 0;
let characters = 0;
/** Whether something was said of what is left out in this second. */
let said: "nothing" | "something" = "nothing";

function write(writer: Writer, stream: OutputStream, text: string): void {
  const whole = `${writer.open[stream]}${text}`.split("\n");
  const rest = whole.pop() as string;
  const cut = rest.length - (rest.length % LONGEST_LINE);
  writer.open[stream] = rest.slice(cut);
  if (writer.open[stream] === "") unfinished.delete(writer);
  else unfinished.add(writer);
  const all = whole.flatMap((line) => pieces(line.endsWith("\r") ? line.slice(0, -1) : line));
  if (cut > 0) all.push(...pieces(rest.slice(0, cut)));
  if (all.length > 0) send(writer, stream, all);
}

function pieces(line: string): string[] {
  if (line.length <= LONGEST_LINE) return [line];
  const count = Math.ceil(line.length / LONGEST_LINE);
  return Array.from({ length: count }, (_, i) => line.slice(i * LONGEST_LINE, (i + 1) * LONGEST_LINE));
}

function send(writer: Writer, stream: OutputStream, whole: readonly string[]): void {
  const now = performance.now();
  if (now >= windowEnds) nextWindow(now);
  const kept = whole.filter(({ length }) => mayLeave(length));
  if (kept.length > 0) told(writer, stream, kept);
  const left = whole.length - kept.length;
  if (left === 0) return;
  writer.leftOut += left;
  if (owing.size === 0) setTimeout(tellAllLeftOut, windowEnds - now).unref();
  owing.add(writer);
}

function nextWindow(now: number): void {
  tellAllLeftOut();
  windowEnds = now + SECOND;
  [lines, characters, said] = [0, 0, "nothing"];
}

function mayLeave(length: number): boolean {
  if (lines >= MOST_LINES || characters + length > MOST_CHARACTERS) return false;
  lines++;
  characters += length;
  return true;
}

function told(writer: Writer, stream: OutputStream, whole: readonly string[]): void {
  const { lease, name: task, executor } = writer;
  post({ kind: "output", lease, task, executor, stream, lines: whole });
  writer.wrote++;
}

function tellLeftOut(writer: Writer): void {
  owing.delete(writer);
  const { leftOut } = writer;
  writer.leftOut = 0;
  said = "something";
  const limit = `a worker may write ${MOST_LINES} lines or 1 MiB a second`;
  told(writer, "stderr", [`(pydist left out ${leftOut} ${leftOut === 1 ? "line" : "lines"}: ${limit})`]);
}

function tellAllLeftOut(): void {
  for (const writer of owing) tellLeftOut(writer);
}

/** A task is over: what it wrote is as well, with or without an end of line. */
export function endOutput(writer: Writer | undefined): void {
  if (unfinished.size + owing.size === 0 || writer === undefined) return;
  if (unfinished.delete(writer)) {
    for (const stream of ["stdout", "stderr"] as const) {
      const { [stream]: rest } = writer.open;
      writer.open[stream] = "";
      if (rest !== "") send(writer, stream, [rest]);
    }
  }
  // Once in a second, so that many short tasks do not flood the tree with how much they flood it.
  if (owing.has(writer) && said === "nothing") tellLeftOut(writer);
}

type Done = (error?: Error | null) => void;

/** Has what is written to this thread's streams told by whoever writes at that moment. */
export function takeOutput(whoWrites: () => Writer | undefined): void {
  for (const stream of ["stdout", "stderr"] as const) {
    const decoder = new StringDecoder();
    const original = process[stream].write.bind(process[stream]);
    const taking = (chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean => {
      const writer = whoWrites();
      // What is neither is refused as ever; what nobody wrote is not a task's.
      if (writer === undefined || (typeof chunk !== "string" && !(chunk instanceof Uint8Array))) {
        return original(chunk, encoding as BufferEncoding, done);
      }
      const [coding, callback] = typeof encoding === "function" ? ["utf8" as const, encoding] : [encoding, done];
      const isText = typeof chunk === "string" && (coding === undefined || coding === "utf8" || coding === "utf-8");
      const bytes = typeof chunk === "string" ? (isText ? undefined : Buffer.from(chunk, coding)) : Buffer.from(chunk);
      write(writer, stream, bytes === undefined ? (chunk as string) : decoder.write(bytes));
      if (callback !== undefined) process.nextTick(callback, null);
      return true;
    };
    process[stream].write = taking;
  }
}
