import { decodeValue, encodeValue, Kind } from "@pydist/protocol";
import { describe, expect, it } from "vitest";

function encode(value: unknown): Uint8Array {
  return encodeValue(value, "value").bytes as Uint8Array;
}

function roundTrip<T>(value: T): T {
  return decodeValue(Kind.Rich, encode(value)) as T;
}

describe("binary data", () => {
  it("costs its own bytes and little more", () => {
    expect(encode(new Float64Array(100_000)).length).toBeLessThan(800_000 + 300);
  });

  it("takes along nothing else from a Buffer's pool", () => {
    const secret = Buffer.from("the neighbour's password");
    const own = Buffer.from("own");
    expect(own.buffer).toBe(secret.buffer);
    expect(Buffer.from(encode(own)).includes("password")).toBe(false);
  });

  it("gives a view on part of a buffer a buffer of its own size", () => {
    const part = roundTrip(new Uint16Array(new ArrayBuffer(1000), 8, 3));
    expect([part.byteOffset, part.buffer.byteLength]).toEqual([0, 6]);
  });

  it("keeps overlapping and touching views on one buffer, with their alignment", () => {
    const memory = new ArrayBuffer(64);
    new Uint8Array(memory).forEach((_, i, all) => {
      all[i] = i;
    });
    const before = {
      odd: new Uint8Array(memory, 3, 14),
      wide: new Float64Array(memory, 8, 2),
      after: new Uint8Array(memory, 24, 4),
    };
    const { odd, wide, after } = roundTrip(before);
    expect(odd.buffer).toBe(wide.buffer);
    expect(after.buffer).toBe(wide.buffer);
    expect([odd, wide, after]).toEqual([before.odd, before.wide, before.after]);
    wide[0] = 0;
    expect(odd[5]).toBe(0);
  });

  it("separates views that lie apart, unless their buffer travels too", () => {
    const memory = new ArrayBuffer(64);
    const views = [new Uint8Array(memory, 0, 4), new Uint8Array(memory, 32, 4)] as const;
    const apart = roundTrip(views);
    expect(apart[0].buffer).not.toBe(apart[1].buffer);
    const [whole, together] = roundTrip([memory, views] as const);
    expect(together[0].buffer).toBe(whole);
    expect(together[1].buffer).toBe(whole);
    expect(whole.byteLength).toBe(64);
  });

  it("does not copy a large array out of an aligned body that is its own", () => {
    const large = new Float64Array(200_000).fill(0.5);
    const body = encode([large]);
    const [view] = decodeValue(Kind.Rich, body) as [Float64Array];
    expect(view.buffer).toBe(body.buffer);
    expect(view.every((x) => x === 0.5)).toBe(true);
    // The same body inside other memory, or at an odd address, or with the ArrayBuffer itself as a value: copied.
    const elsewhere = new Uint8Array(body.length + 100_000);
    elsewhere.set(body, 8);
    const odd = new Uint8Array(body.length + 1);
    odd.set(body, 1);
    for (const bytes of [elsewhere.subarray(8, 8 + body.length), odd.subarray(1)]) {
      const [copy] = decodeValue(Kind.Rich, bytes) as [Float64Array];
      expect(copy.buffer.byteLength).toBe(large.byteLength);
      expect(copy.every((x) => x === 0.5)).toBe(true);
    }
    const [first, buffer] = roundTrip([large, large.buffer]);
    expect(first.buffer).toBe(buffer);
    expect(buffer.byteLength).toBe(large.byteLength);
  });

  it("is not connected to the sender's memory once encoded", () => {
    const original = new Uint8Array([1, 2, 3]);
    const body = encode(original);
    original[0] = 9;
    expect(decodeValue(Kind.Rich, body)).toEqual(new Uint8Array([1, 2, 3]));
  });
});
