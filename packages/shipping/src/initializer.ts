import { ShippingError } from "@pydist/protocol";

/** What an executor's workers run first: the text of a code, and its packed arguments in base64. */
export interface Initializer {
  readonly code: string;
  readonly args: string;
}

/** The text under which an initializer travels, as any code does. */
export function initializerText({ code, args }: Initializer): string {
  return JSON.stringify({ kind: "initializer", code, args });
}

/** @throws ShippingError when the text is no initializer, as from another version of pydist */
export function parseInitializer(text: string): Initializer {
  try {
    const { kind, code, args } = JSON.parse(text) as Record<string, unknown>;
    if (kind === "initializer" && typeof code === "string" && typeof args === "string") return { code, args };
  } catch {
    // Told below.
  }
  const remedy = "Run the same version of pydist at the executor and on every node.";
  throw new ShippingError(`The executor's initializer cannot be read by this version of pydist. ${remedy}`, { remedy });
}
