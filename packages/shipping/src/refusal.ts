import { ShippingError } from "@pydist/protocol";
import { callerLocation } from "./caller.js";

/** Who refuses what: the user's call (`submit`) and the function as it is called in messages. */
export interface Subject {
  readonly what: string;
  readonly name: string;
  readonly source: string;
}

/** What is known of a refusal beside its words. */
export interface Circumstances {
  /** How the function reaches what cannot travel. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** The error for a function that cannot travel. */
export function refuseKind(subject: Subject, reason: string, remedy: string, more: Circumstances = {}): ShippingError {
  return refusal(`${subject.what}: ${called(subject)} ${reason}.`, remedy, more);
}

/** The same for what is said in a sentence of its own: it goes on with what to do, and where the user's call is. */
export function refusal(sentence: string, remedy: string, more: Circumstances = {}): ShippingError {
  const location = callerLocation();
  const where = location === undefined ? "" : ` Called at ${location}.`;
  return new ShippingError(`${sentence} ${remedy}${where}`, {
    remedy,
    ...more,
    ...(location === undefined ? {} : { location }),
  });
}

function called({ name, source }: Subject): string {
  if (name !== "") return `function "${name}"`;
  if (source === "") return "the function";
  const [firstLine = ""] = source.split("\n", 1);
  const excerpt = firstLine.length > 50 ? `${firstLine.slice(0, 49)}…` : firstLine;
  return `function \`${excerpt}\``;
}
