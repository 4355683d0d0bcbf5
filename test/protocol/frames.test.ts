import {
  BodiesBuilder,
  decodeBodies,
  decodeFrame,
  encodeFrame,
  encodeValue,
  type Frame,
  SerializationError,
  unpackBodies,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";

describe("frames", () => {
  it.each<Frame>([
    { t: "recall", max: 5 },
    { t: "cancel", lease: 3, ranges: [0, 2, 5, 6] },
    { t: "noCode", hash: "ab", why: "naïve — 数" },
  ])("come back as they were: $t", (frame) => {
    const { frame: back, payload } = decodeFrame(encodeFrame(frame));
    expect(back).toEqual(frame);
    expect(payload.length).toBe(0);
  });

  it("carry bodies that begin at a multiple of eight", () => {
    const builder = new BodiesBuilder();
    builder.add(encodeValue([1, 2], "args"));
    for (const why of ["", "a", "ab", "abc", "é"]) {
      const bytes = encodeFrame({ t: "noCode", hash: "h", why }, builder.build());
      const { payload } = decodeFrame(bytes);
      expect(payload.byteOffset % 8).toBe(0);
      expect(decodeBodies(unpackBodies(payload))).toEqual([[1, 2]]);
    }
  });

  it.each<[string, Uint8Array]>([
    ["too short", Uint8Array.of(1, 2)],
    ["a header longer than the frame", Uint8Array.of(200, 0, 0, 0, 1)],
    ["a header that is not JSON", Uint8Array.of(2, 0, 0, 0, 123, 123)],
    ["a header without a type", encodeFrame({} as Frame)],
    ["a header that is no object", Uint8Array.of(1, 0, 0, 0, 53)],
  ])("that are none are refused: %s", (_name, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(SerializationError);
    expect(() => decodeFrame(bytes)).toThrow(/^Malformed frame: /);
  });
});
