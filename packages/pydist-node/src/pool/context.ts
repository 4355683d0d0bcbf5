import { formatWithOptions } from "node:util";
import type { TaskContext, TaskLog } from "@pydist/shipping/runtime";
import type { Call } from "./call.js";

/** Most lines that one task logs in a second, and most characters of one. */
const MOST_LINES = 100;
const LONGEST_LINE = 16 * 1024;
/** How often, in milliseconds, progress is told at most. */
const PROGRESS_INTERVAL = 50;

type Level = keyof TaskLog;

/** What `task.context()` gives. */
export class Context implements TaskContext {
  readonly log: TaskLog;
  readonly #call: Call;
  #windowEnds = 0;
  #lines = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(call: Call) {
    this.#call = call;
    const at =
      (level: Level) =>
      (...parts: unknown[]): void =>
        this.#log(level, parts);
    this.log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get attempt(): number {
    return this.#call.site.head.attempt;
  }

  get node(): string {
    return this.#call.site.node;
  }

  get hops(): number {
    return this.#call.site.head.travelled;
  }

  get executor(): unknown {
    return this.#call.executor;
  }

  progress(fraction: number): void {
    if (typeof fraction !== "number")
      throw new TypeError(`progress takes a number from 0 to 1, not ${String(fraction)}.`);
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`progress is ${fraction}; it must be from 0 to 1.`);
    const now = performance.now();
    if (fraction < 1 && now - this.#toldAt < PROGRESS_INTERVAL) return;
    this.#toldAt = now;
    this.#call.say({ kind: "progress", fraction, node: this.node });
  }

  /** A task that logs without end must not flood the tree: what is too much is left out, and said to be. */
  #log(level: Level, parts: readonly unknown[]): void {
    const now = performance.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + 1000;
      this.#lines = 0;
    }
    this.#lines++;
    if (this.#lines > MOST_LINES) {
      if (this.#lines === MOST_LINES + 1) {
        this.#say("warn", `More than ${MOST_LINES} lines in a second are left out.`);
      }
      return;
    }
    const text = formatWithOptions({ colors: false }, ...parts);
    this.#say(level, text.slice(0, LONGEST_LINE));
  }

  #say(level: Level, text: string): void {
    this.#call.say({ kind: "log", level, text, node: this.node });
  }
}
