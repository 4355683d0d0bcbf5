import { formatWithOptions } from "node:util";
import type { TaskContext, TaskLog } from "@pydist/shipping/runtime";
import type { Call } from "./call.js";
import { Flood, MOST_LINES } from "./flood.js";

/** Most characters of a line. */
const LONGEST_LINE = 16 * 1024;
/** How often, in milliseconds, progress is told at most. */
const PROGRESS_INTERVAL = 50;

type Level = keyof TaskLog;

/** What `task.context()` gives. Its functions can be taken out of it. */
export class Context implements TaskContext {
  readonly log: TaskLog;
  readonly #call: Call;
  readonly #flood = new Flood();
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

  readonly progress = (fraction: number): void => {
    if (typeof fraction !== "number")
      throw new TypeError(`progress takes a number from 0 to 1, not ${String(fraction)}.`);
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`progress is ${fraction}; it must be from 0 to 1.`);
    const now = performance.now();
    if (fraction < 1 && now - this.#toldAt < PROGRESS_INTERVAL) return;
    this.#toldAt = now;
    this.#call.say({ kind: "progress", fraction, node: this.node });
  };

  readonly send = (value: unknown): Promise<void> => this.#call.channel.send(value);

  readonly receive = (): Promise<unknown> => this.#call.channel.receive();

  readonly encode = (value: unknown): Uint8Array<ArrayBuffer> => this.#call.channel.encode(value);

  readonly decode = (bytes: Uint8Array): unknown => this.#call.channel.decode(bytes);

  #log(level: Level, parts: readonly unknown[]): void {
    const next = this.#flood.next();
    if (next === "last") this.#say("warn", `More than ${MOST_LINES} lines in a second are left out.`);
    if (next !== "written") return;
    const text = formatWithOptions({ colors: false }, ...parts);
    this.#say(level, text.slice(0, LONGEST_LINE));
  }

  #say(level: Level, text: string): void {
    this.#call.say({ kind: "log", level, text, node: this.node });
  }
}
