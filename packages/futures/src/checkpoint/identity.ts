import { CheckpointError } from "@pydist/protocol";
import { type ShippedCode, sha256 } from "@pydist/shipping";

/** Shorter than the keys of results, so it is none of theirs. */
export const FUNCTION_KEY = Uint8Array.of(0);

/** What a checkpoint says of its function. */
interface FunctionRecord {
  readonly name: string;
  /** SHA-256 of its code and of what it captured. */
  readonly text: string;
  readonly captured: string;
}

function recordOf({ name, hash, captured }: ShippedCode): FunctionRecord {
  return { name, text: hash, captured: captured?.hash ?? "" };
}

/** What the seals of a function's results have in common. */
export function identityOf(code: ShippedCode): string {
  const { text, captured } = recordOf(code);
  return `${text} ${captured}\n`;
}

export function functionRecord(code: ShippedCode): Uint8Array {
  const text = JSON.stringify(recordOf(code));
  return Buffer.from(`${sha256(text)}${text}`);
}

function readRecord(bytes: Uint8Array | undefined): FunctionRecord | undefined {
  const text = Buffer.from(bytes ?? []).toString();
  const json = text.slice(64);
  // Damaged, it is as if it were not there: no result of another function would hold its seal.
  return sha256(json) === text.slice(0, 64) && json !== "" ? (JSON.parse(json) as FunctionRecord) : undefined;
}

/**
 * Whether a checkpoint is known to belong to this function.
 * @throws CheckpointError if it belongs to another one, saying what differs
 */
export function checkFunction(path: string, code: ShippedCode, bytes: Uint8Array | undefined): boolean {
  const before = readRecord(bytes);
  if (before === undefined) return false;
  const now = recordOf(code);
  const is = (what: string, reason: "function" | "captured values"): CheckpointError =>
    new CheckpointError(
      `The checkpoint ${path} was made by another function: ${what}. Delete it to begin anew, or choose another name.`,
      { path, reason },
    );
  if (before.text !== now.text)
    throw is(`the text of "${before.name}" then is not that of "${now.name}" now`, "function");
  if (before.captured !== now.captured) {
    throw is(`the values that "${now.name}" captured are not those of then`, "captured values");
  }
  return true;
}

/** The inputs of then and now part at this call, counted from 0. */
export function otherInput(path: string, index: number): CheckpointError {
  return new CheckpointError(
    `The checkpoint ${path} was made with other inputs: input ${index} is not what it was then. ` +
      "Delete it to begin anew, or choose another name.",
    { path, reason: "input", input: index },
  );
}
