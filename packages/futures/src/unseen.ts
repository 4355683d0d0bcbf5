import { inspect } from "node:util";
import { ShutdownError } from "@pydist/protocol";

/** What is told of a failure that nobody looks at. Of the future and its error it holds nothing: both can be collected. */
export interface Note {
  /** Undefined once somebody has looked. */
  text: string | undefined;
}

const registry = new FinalizationRegistry<Note>(({ text }) => {
  if (text === undefined) return;
  if (collected.length === 0) setImmediate(tell);
  collected.push(text);
});
let collected: string[] = [];

/** One warning for all that were collected together: a thousand would hide each other. */
function tell(): void {
  const [first, ...others] = collected;
  collected = [];
  const more = others.length === 0 ? "" : `\n(and ${others.length} more)`;
  process.emitWarning(`A task failed, and nobody looked at its future: ${first}${more}`, "PydistWarning");
}

const expectations = new WeakSet<object>();

/** Marks a failure as the program's own doing: nobody has to look at it. */
export function expected<E extends object>(error: E): E {
  expectations.add(error);
  return error;
}

/** A shutdown is the program's own doing, too, and no failure of the task. */
export function isExpected(error: unknown): boolean {
  return error instanceof ShutdownError || (typeof error === "object" && error !== null && expectations.has(error));
}

/** If the failed future is collected before the note is withdrawn, its failure is warned of. */
export function noteFailure(future: object, error: unknown): Note {
  const note: Note = { text: describe(error) };
  registry.register(future, note);
  return note;
}

/** @returns a text that keeps nothing of the error alive. */
function describe(error: unknown): string {
  try {
    const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : inspect(error);
    return String(text);
  } catch {
    return "an error that cannot be read";
  }
}
