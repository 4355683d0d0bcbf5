import { styleText } from "node:util";

interface Stream {
  readonly isTTY?: boolean | undefined;
}
type Style = Parameters<typeof styleText>[0];

/** Control characters in what other machines sent would steer the terminal. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

function coloured(stream: Stream): boolean {
  // https://no-color.org: present and not empty, whatever its value.
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
}

/** The text in a style where the stream is a terminal and the user did not say NO_COLOR. */
export function styled(style: Style, text: string, stream: Stream = process.stdout): string {
  // Newer versions of Node would look at stdout by themselves.
  return coloured(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** Whoever reads may stop doing so, as `head` does. That is no failure. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints, and tells whether anybody is there to read it. */
export function wasRead(text: string): Promise<boolean> {
  return new Promise((resolve) => process.stdout.write(`${text}\n`, (error) => resolve(!error)));
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** One sentence for people on stderr; line ends within are taken out, so that one failure is one line. */
export function complain(message: string): void {
  process.stderr.write(`pydist-node: ${plain(message)}\n`);
}

/** Rows as columns, each as wide as its widest cell. Numbers look best with `right`. */
export function columns(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[]): string[] {
  const widths = align.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return align[column] === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Milliseconds as people say them: `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 10 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const tenths = Math.round(milliseconds / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
