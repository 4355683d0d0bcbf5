import { fileURLToPath } from "node:url";
import { ShippingError } from "@pydist/protocol";
import { opening } from "../wrapping.js";
import { errorsIn, fieldOf, frame, replace } from "./errors.js";
import { type Located, locatedAt } from "./origins.js";
import { filePlace } from "./place.js";

const textPlace = /(pydist:\/\/\/\S*?-[0-9a-f]{8}\.js):(\d+):(\d+)/g;
// Of the thread that ran the task. Whatever is below it is ours or Node's.
const runnerFrame = /[\\/]pydist-node[\\/](?:dist|src)[\\/]pool[\\/]/;

/**
 * Makes the stacks of what a task threw name the user's files: frames in the text of a shipped function become those of
 * the place where it was written, through its source map if there is one. `error.stack` ends where our own frames
 * begin; `error.remote.stack` keeps them. Causes and gathered errors likewise. What was found out is remembered; the
 * first time takes tens of milliseconds. Never throws: a stack that cannot be improved stays.
 */
export function relocate(failure: unknown): void {
  try {
    for (const error of errorsIn(failure)) relocateOne(error);
  } catch {
    // The failure itself is what the user needs.
  }
}

function relocateOne(error: Error): void {
  const stack = fieldOf(error, "stack");
  if (typeof stack === "string") replace(error, "stack", stack, relocated(withoutRunner(stack)));
  // What was refused inside of a task names places in the task's text.
  if (error instanceof ShippingError) for (const key of ["message", "location", "stack"]) relocateText(error, key);
  const remote = fieldOf(error, "remote");
  if (typeof remote !== "object" || remote === null) return;
  const remoteStack = fieldOf(remote, "stack");
  if (typeof remoteStack === "string") replace(remote, "stack", remoteStack, relocated(remoteStack));
}

function withoutRunner(stack: string): string {
  if (!runnerFrame.test(stack)) return stack;
  const lines = stack.split("\n");
  const first = lines.findIndex((line) => frame.test(line) && runnerFrame.test(line));
  if (first === -1) return stack;
  // By which the runner calls what may ask for its context.
  const end = /AsyncLocalStorage\.run \(node:/.test(lines[first - 1] ?? "") ? first - 1 : first;
  return lines.slice(0, end).join("\n");
}

function relocated(stack: string): string {
  if (!stack.includes("pydist:///")) return stack;
  return stack
    .split("\n")
    .map((line) => (frame.test(line) ? relocatedFrame(line) : line))
    .join("\n");
}

function relocatedFrame(line: string): string {
  const others = new Set<string>();
  let found = false;
  const replaced = line.replace(textPlace, (whole, url: string, row: string, column: string) => {
    const [first, ...rest] = placesFor(url, Number(row) - 1, Number(column) - 1);
    if (first === undefined) return whole;
    found = true;
    for (const other of rest) others.add(other);
    return first;
  });
  if (!found) return line;
  // Of a task's task, the executor inside that task has looked before.
  const [frame = "", before] = replaced.split(/ \[or (.*): the text is the same\]$/);
  for (const other of before?.split(", or ") ?? []) others.add(other);
  // V8 calls a function without a name "eval" where it came from a text; in the user's file it has none.
  const named = frame
    .replace(/^(\s+at (?:async )?)eval \((?!eval at )(.*)\)$/, "$1$2")
    .replace(/^(\s+at new )eval \(/, "$1<anonymous> (");
  const different = [...others].filter((other) => !named.includes(other));
  return different.length === 0 ? named : `${named} [or ${different.join(", or ")}: the text is the same]`;
}

function relocateText(error: Error, key: string): void {
  const text = fieldOf(error, key);
  if (typeof text !== "string") return;
  const named = text.replace(textPlace, (whole, url: string, row: string, column: string) => {
    const [place = whole] = placesFor(url, Number(row) - 1, Number(column) - 1);
    return place.startsWith("file:") ? fileURLToPath(place) : place;
  });
  replace(error, key, text, named);
}

/** Where a position in a function's text may be in the user's files: one place, unless several have that text. */
function placesFor(url: string, line: number, column: number): string[] {
  const located = locatedAt(url);
  if (located === undefined) return [];
  const offset = offsetIn(located, line, column);
  if (offset === undefined) return [];
  return located.places.map((place) => {
    const found = filePlace(place, offset);
    return `${found.file}:${found.line + 1}:${found.column + 1}`;
  });
}

function offsetIn({ text, replaced, lines }: Located, line: number, column: number): number | undefined {
  const before = line === 0 ? opening(text).length : 0;
  const offset = lines.offsetOf(line, column - before);
  if (offset === undefined || offset < 0) return undefined;
  let shift = 0;
  for (const { start, end, text: replacement } of replaced) {
    if (start + shift + replacement.length > offset) {
      // Inside of what was replaced: its beginning.
      return start + shift > offset ? offset - shift : start;
    }
    shift += replacement.length - (end - start);
  }
  return offset - shift;
}
