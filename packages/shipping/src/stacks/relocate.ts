import { isWorkerOfPydist } from "../worker-mark.js";
import { opening } from "../wrapping.js";
import { type Located, locatedAt } from "./origins.js";
import { filePlace } from "./place.js";

/** So many errors of one failure are looked at: itself, its causes, and what they gather. */
const MOST_ERRORS = 1000;

const frame = /^\s+at /;
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
  // In a worker all functions are texts that came from elsewhere: whoever submitted the task knows from where.
  if (isWorkerOfPydist()) return;
  try {
    for (const error of errorsIn(failure)) relocateOne(error);
  } catch {
    // The failure itself is what the user needs.
  }
}

function errorsIn(failure: unknown): Set<Error> {
  const errors = new Set<Error>();
  const open = [failure];
  for (let next = open.pop(); next !== undefined || open.length > 0; next = open.pop()) {
    if (!(next instanceof Error) || errors.has(next)) continue;
    if (errors.size >= MOST_ERRORS) break;
    errors.add(next);
    const gathered = fieldOf(next, "errors");
    if (Array.isArray(gathered)) open.push(...gathered.slice(0, MOST_ERRORS));
    open.push(fieldOf(next, "cause"), fieldOf(next, "error"), fieldOf(next, "suppressed"));
  }
  return errors;
}

function relocateOne(error: Error): void {
  const stack = fieldOf(error, "stack");
  if (typeof stack === "string") replace(error, "stack", stack, relocated(withoutRunner(stack)));
  const remote = fieldOf(error, "remote");
  if (typeof remote !== "object" || remote === null) return;
  const remoteStack = fieldOf(remote, "stack");
  if (typeof remoteStack === "string") replace(remote, "stack", remoteStack, relocated(remoteStack));
}

/** Runs no getter: what a task threw may have any. */
function fieldOf(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function replace(object: object, key: string, before: string, after: string): void {
  if (before !== after) Object.defineProperty(object, key, { value: after });
}

function withoutRunner(stack: string): string {
  if (!runnerFrame.test(stack)) return stack;
  const lines = stack.split("\n");
  const first = lines.findIndex((line) => frame.test(line) && runnerFrame.test(line));
  return first === -1 ? stack : lines.slice(0, first).join("\n");
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
  const text = line.replace(textPlace, (whole, url: string, row: string, column: string) => {
    const [first, ...rest] = placesFor(url, Number(row) - 1, Number(column) - 1);
    if (first === undefined) return whole;
    found = true;
    for (const other of rest) others.add(other);
    return first;
  });
  if (!found) return line;
  // V8 calls a function without a name "eval" where it came from a text; in the user's file it has none.
  const named = text.replace(/^(\s+at (?:async )?)eval \((?!eval at )(.*)\)$/, "$1$2");
  return others.size === 0 ? named : `${named} [or ${[...others].join(", or ")}: the text is the same]`;
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
