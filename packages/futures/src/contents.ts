import { type CapturedHead, MOST_INLINE_BYTES } from "@pydist/protocol";
import { base64, type Captured, type ShippedCode } from "@pydist/shipping";

/** What tasks name by its SHA-256: the text of a code, or the bytes of what a function captured. */
export interface Content {
  readonly hash: string;
  readonly content: string | Uint8Array;
}

/** What a batch of this code names, and whoever submits it has at hand. */
export function contentsOf({ hash, text, captured }: ShippedCode): readonly Content[] {
  const code = { hash, content: text };
  if (captured === undefined || isFew(captured)) return [code];
  return [code, { hash: captured.hash, content: captured.bytes }];
}

/** What a header says of it. */
export function capturedHead(captured: Captured): CapturedHead {
  const { hash, state, bytes } = captured;
  if (!isFew(captured)) return { hash, state };
  return { hash, state, inline: base64(bytes) };
}

function isFew({ bytes }: Captured): boolean {
  return bytes.length <= MOST_INLINE_BYTES;
}
