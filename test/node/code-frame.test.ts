import { decodeFrame, SerializationError } from "@pydist/protocol";
import { sha256 } from "@pydist/shipping";
import { describe, expect, it } from "vitest";
import { type CodeFrame, contentOf, encodeContent } from "../../packages/pydist-node/dist/engine/code-frame.js";
import { checkFrame } from "../../packages/pydist-node/dist/engine/frame-schema.js";
import { capturedOf } from "../support/captured.js";

/** What arrives of what is sent. */
function arrives(content: string | Uint8Array) {
  const { frame, payload } = decodeFrame(encodeContent({ hash: sha256(content), content }));
  return { frame: checkFrame(frame) as CodeFrame, payload };
}

describe("what a hash names", () => {
  it.each([
    ["a text", "() => 1", "text"],
    ["a text with what JSON escapes", '"\u0000\u2028ä🙂', "text"],
    ["a long text", "ä🙂\u0001".repeat(400_000), "payload"],
    ["bytes", capturedOf(10).bytes, "payload"],
    ["more bytes than are hashed at once", capturedOf(9_000_000).bytes, "payload"],
    ["no bytes", new Uint8Array(0), "payload"],
  ])("arrives as it was: %s", async (_what, content, place) => {
    const { frame, payload } = arrives(content);
    expect(place in frame).toBe(true);
    const given = await contentOf(frame, payload);
    expect(given.hash).toBe(sha256(content));
    if (typeof content === "string") expect(given.content).toBe(content);
    else expect(Buffer.from(given.content as Uint8Array).equals(content)).toBe(true);
  });

  it.each([
    ["bytes", capturedOf(100).bytes],
    ["a text", "() => 2"],
    ["a long text", "y".repeat(2_000_000)],
  ])("is written once for all links that it leaves by at the same time: %s", (_what, content) => {
    const hash = sha256(content);
    expect(encodeContent({ hash, content })).toBe(encodeContent({ hash, content }));
  });

  it("is refused if it is something else", async () => {
    const hash = sha256("another");
    const wrong: [CodeFrame, Uint8Array, string][] = [
      [{ t: "code", hash, text: "text" }, new Uint8Array(0), "the text has another hash"],
      [{ t: "code", hash, payload: "bytes" }, new Uint8Array(9_000_000), "the payload has another hash"],
      [{ t: "code", hash, payload: "text" }, Buffer.from("text"), "the payload has another hash"],
    ];
    for (const [frame, payload, words] of wrong) {
      const error: unknown = await contentOf(frame, payload).catch((reason) => reason);
      expect(error).toBeInstanceOf(SerializationError);
      expect((error as Error).message).toBe(`Malformed frame "code": ${words}`);
    }
  });
});

describe("a header", () => {
  const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 1000 };
  const hash = sha256("x");
  const check = (captured: object) =>
    checkFrame({
      ...{ t: "tasks", lease: 1 },
      head: { code: hash, name: "f", executor: "e", batch: 1, first: 0, ...limits, captured },
    } as never);

  it("may bring 4 KiB of captured values along, and no more", () => {
    const inline = (length: number) => Buffer.alloc(length, 1).toString("base64");
    const most = { hash, state: "fresh", inline: inline(4096) };
    expect(check(most)).toMatchObject({ head: { captured: most } });
    expect(check({ hash, state: "shared" })).toMatchObject({ head: { captured: { hash, state: "shared" } } });
    for (const wrong of [
      { ...most, inline: inline(4100) },
      { ...most, inline: "?" },
      { ...most, state: "old" },
    ]) {
      expect(() => check(wrong)).toThrow('Malformed frame "tasks": head.captured');
    }
  });
});
