import { namedAtSender } from "../trees/copies.js";
import { errorsIn } from "./errors.js";

// Frames, and what Node puts before the stack of a syntax error.
const namesFile = /^\s+at |^(?:file:\/\/|\/|[A-Za-z]:[\\/]).*:\d+(?::\d+)?$/;

// A file that was edited since this thread first imported it is imported under another URL.
const version = /\?version=[0-9a-f]{16}(?=:\d+:\d+\)?$)/;

/**
 * On a node, before it travels: makes the stacks of what a task threw name the submitter's own files, not the copies of
 * them that were brought here. Never throws: a stack that cannot be changed stays.
 */
export function nameAsWritten(failure: unknown): void {
  try {
    for (const error of errorsIn(failure)) {
      // Newer versions of V8 have it as an accessor.
      const { stack } = error;
      if (typeof stack !== "string") continue;
      const value = stack.split("\n").map(named).join("\n");
      if (value !== stack) Object.defineProperty(error, "stack", { value });
    }
  } catch {
    // The failure itself is what the user needs.
  }
}

function named(line: string): string {
  return namesFile.test(line) ? namedAtSender(line.replace(version, "")) : line;
}
