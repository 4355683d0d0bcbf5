import { inspect } from "node:util";

/** Calls what the user gave us. What it throws is reported; it must not unwind the engine, which is in the middle of work. */
export function callUser(what: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(`A ${what} threw: ${inspect(error)}`, "PydistWarning");
  }
}
