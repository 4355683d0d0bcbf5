import type { Part } from "./on-node.js";

/** Characters of each stream that are kept. */
export const MOST_KEPT = 1024 * 1024;
/** Longer lines are cut, so that what has no ends of lines does not gather. */
const LONGEST_LINE = 32 * 1024;

type Streams<T> = Record<Part["stream"], T>;

/** What one program has written: its beginning as it is, and all of it line by line. */
export class Transcript {
  readonly text: Streams<string> = { stdout: "", stderr: "" };
  /** Whether there was more than is kept. */
  cut = false;
  readonly #open: Streams<string> = { stdout: "", stderr: "" };

  /** @returns the lines that it ends, without their ends */
  add({ stream, text }: Pick<Part, "stream" | "text">): string[] {
    const room = MOST_KEPT - this.text[stream].length;
    if (text.length > room) this.cut = true;
    this.text[stream] += text.slice(0, Math.max(0, room));
    const lines = `${this.#open[stream]}${text}`.split("\n");
    let rest = lines.pop() as string;
    for (; rest.length > LONGEST_LINE; rest = rest.slice(LONGEST_LINE)) lines.push(rest.slice(0, LONGEST_LINE));
    this.#open[stream] = rest;
    return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  /** Nothing more comes: what has no end of line is a line, too. */
  end(stream: Part["stream"]): string[] {
    const { [stream]: rest } = this.#open;
    this.#open[stream] = "";
    return rest === "" ? [] : [rest];
  }
}
