import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Content } from "@pydist/futures";
import { encodeFrame, type Frame } from "@pydist/protocol";
import { Lru, sha256 } from "@pydist/shipping/runtime";
import { malformed } from "./frame-schema.js";

/** The frame that gives a peer what a hash names. */
export type CodeFrame = Extract<Frame, { readonly t: "code" }>;

/** Texts up to this many characters are in the header. */
const LONG_TEXT = 1024 * 1024;
/** Others want the event loop, too: after so many bytes, hashing pauses. */
const HASHED_AT_ONCE = 4 * 1024 * 1024;

/** Frames that may still be on their way to somebody, by the hash that they give: all links send the same bytes. */
const encoded = new Lru<string, WeakRef<Uint8Array>>(1000);

export function encodeContent(given: Content): Uint8Array {
  const known = encoded.get(given.hash)?.deref();
  if (known !== undefined) return known;
  const frame = frameOf(given);
  encoded.set(given.hash, new WeakRef(frame));
  return frame;
}

function frameOf({ hash, content }: Content): Uint8Array {
  if (typeof content !== "string") return encodeFrame({ t: "code", hash, payload: "bytes" }, content);
  if (content.length <= LONG_TEXT) return encodeFrame({ t: "code", hash, text: content });
  return encodeFrame({ t: "code", hash, payload: "text" }, Buffer.from(content, "utf8"));
}

/**
 * What such a frame gives.
 * @throws SerializationError (the promise rejects) if it is not what the hash names: it would be used for everybody who
 *   names that hash
 */
export async function contentOf(frame: CodeFrame, payload: Uint8Array): Promise<Content> {
  const { hash } = frame;
  if ("text" in frame) {
    if (sha256(frame.text) !== hash) throw malformed('"code": the text has another hash');
    return { hash, content: frame.text };
  }
  if ((await hashOf(payload)) !== hash) throw malformed('"code": the payload has another hash');
  return { hash, content: frame.payload === "text" ? utf8(payload) : payload };
}

export function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    if (at > 0) await setImmediate();
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE));
  }
  return hash.digest("hex");
}
