import { ShippingError } from "@pydist/protocol";
import { base64, type Captured } from "./code.js";

/** What an executor's workers run first: the text of a code, what it captured, and its packed arguments in base64. */
export interface Initializer {
  readonly code: string;
  readonly args: string;
  readonly captured?: Captured | undefined;
}

/** The text under which an initializer travels, as any code does. */
export function initializerText({ code, args, captured }: Initializer): string {
  return JSON.stringify({ kind: "initializer", code, args, captured: captured && written(captured) });
}

function written({ hash, bytes, state }: Captured): Record<string, string> {
  return { hash, state, bytes: base64(bytes) };
}

/** @throws ShippingError when the text is no initializer, as from another version of pydist */
export function parseInitializer(text: string): Initializer {
  try {
    const { kind, code, args, captured } = JSON.parse(text) as Record<string, unknown>;
    if (kind === "initializer" && typeof code === "string" && typeof args === "string") {
      return captured === undefined ? { code, args } : { code, args, captured: read(captured) };
    }
  } catch {
    // Told below.
  }
  const remedy = "Run the same version of pydist at the executor and on every node.";
  throw new ShippingError(`The executor's initializer cannot be read by this version of pydist. ${remedy}`, { remedy });
}

/** @throws what the caller does not look at */
function read(value: unknown): Captured {
  const { hash, state, bytes } = value as Record<string, unknown>;
  if (typeof hash !== "string" || typeof bytes !== "string") throw new TypeError();
  if (state !== "fresh" && state !== "shared") throw new TypeError();
  return { hash, state, bytes: new Uint8Array(Buffer.from(bytes, "base64")) };
}
