import { decodeFailure, decodeValue, encodeValue, Kind, SerializationError } from "@pydist/protocol";
import { describe, expect, it } from "vitest";

const body = encodeValue(
  {
    at: new Date(1),
    map: new Map([[1, { u: undefined }]]),
    bytes: new Float64Array([1, 2]),
    e: new Error("x"),
    sparse: new Array(2),
  },
  "value",
).bytes as Uint8Array;

function withText(change: (text: string) => string): Uint8Array {
  const plain = encodeValue([undefined, { a: undefined, b: new Error("x") }], "value").bytes as Uint8Array;
  const text = new TextEncoder().encode(change(new TextDecoder().decode(plain.subarray(12))));
  const bytes = new Uint8Array(12 + text.length);
  bytes.set(plain.subarray(0, 12));
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, 12);
  return bytes;
}

function structure(nodes: unknown, leaves: unknown[] = [], more: object = {}): Uint8Array {
  const meta = { values: { structure: [["custom", "structure"]] }, v: 1, ...more };
  return withText(() => JSON.stringify({ json: { structure: nodes, leaves }, meta }));
}

describe("bytes that no encoder wrote", () => {
  it("cut off anywhere are refused", () => {
    for (let length = 0; length < body.length; length++) {
      expect(() => decodeValue(Kind.Rich, body.subarray(0, length)), `${length} bytes`).toThrow(SerializationError);
    }
  });

  it("with any byte changed are refused or decode to some value", () => {
    for (let i = 0; i < body.length; i++) {
      for (const value of [0, 0x30, 0x5b, 0xff]) {
        const changed = body.slice();
        changed[i] = value;
        try {
          decodeValue(Kind.Rich, changed);
        } catch (error) {
          expect(error).toBeInstanceOf(SerializationError);
        }
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it.each([
    ["no text at all", new Uint8Array(0)],
    ["other text", new TextEncoder().encode("hello, this is not a value at all")],
    ["another version", Uint8Array.from(body, (byte, i) => (i === 2 ? 99 : byte))],
    ["the other byte order", Uint8Array.from(body, (byte, i) => (i === 3 ? byte ^ 1 : byte))],
    ["a tail", Uint8Array.from([...body, 0])],
    ["no JSON", withText(() => "{")],
    ["no structure", withText(() => '{"json":{"leaves":[]}}')],
    ["no nodes", structure([])],
    ["nodes that are none", structure([1, 2])],
    ["an unknown kind of node", structure([[99, 0]])],
    ["a link to no node", structure([[0, [0], [0, 5]]])],
    ["a link to no leaf", structure([[0, [0], [0, -1]]])],
    ["a link to half a node", structure([[0, [0], [0, 0.5]]])],
    ["a link to a name", structure([[0, [0], [0, "length"]]])],
    [
      "a link from a key that is not there",
      structure([
        [0, [0], [0, 1]],
        [1, {}, ["x", 0]],
      ]),
    ],
    [
      "a link to a prototype",
      structure([
        [0, [0], [0, 1]],
        [1, {}, ["__proto__", 0]],
      ]),
    ],
    [
      "a link into a text",
      structure([
        [0, [0], [0, 1]],
        [1, "abc", [0, 0]],
      ]),
    ],
    [
      "an attachment that is not there",
      structure([
        [0, [0], [0, 1]],
        [7, 0],
      ]),
    ],
    [
      "a view of no known class",
      structure([
        [0, [0], [0, 1]],
        [8, ["Function", 0, 0, 0]],
      ]),
    ],
    [
      "an error without keys",
      structure([
        [0, [0], [0, 1]],
        [6, [], [], []],
      ]),
    ],
    [
      "a length that no array has",
      structure([
        [0, [0], [0, 1]],
        [3, {}, [], -1],
      ]),
    ],
    ["references between leaves", structure([[0, [1]]], [], { referentialEqualities: { leaves: ["structure"] } })],
    [
      "superjson paths to a prototype",
      structure([[0, [1]]], [], {
        values: { "leaves.__proto__.polluted": ["Date"], structure: [["custom", "structure"]] },
      }),
    ],
  ])("%s is refused", (_, bytes) => {
    expect(() => decodeValue(Kind.Rich, bytes)).toThrow(SerializationError);
    expect(decodeFailure(Kind.Rich, bytes)).toBeInstanceOf(SerializationError);
    expect({}).not.toHaveProperty("polluted");
  });

  it("views reach no memory but their own attachment's", () => {
    const text = (length: number) =>
      JSON.stringify({
        json: {
          structure: [
            [0, [0], [0, 1]],
            [8, ["Uint8Array", 0, 0, length]],
          ],
          leaves: [],
        },
        meta: { values: { structure: [["custom", "structure"]] }, v: 1 },
      });
    const build = (length: number) => {
      const head = new TextEncoder().encode(text(length));
      const start = Math.ceil((16 + head.length) / 8) * 8;
      const bytes = new Uint8Array(start + 4);
      bytes.set([0x50, 0x56, 1, body[3] as number]);
      new DataView(bytes.buffer).setUint32(4, head.length, true);
      new DataView(bytes.buffer).setUint32(8, 1, true);
      new DataView(bytes.buffer).setUint32(12, 4, true);
      bytes.set(head, 16);
      return bytes;
    };
    expect(decodeValue(Kind.Rich, build(4))).toEqual(new Uint8Array(4));
    expect(() => decodeValue(Kind.Rich, build(5))).toThrow(SerializationError);
  });

  it("plain ones and unknown kinds are refused too", () => {
    expect(() => decodeValue(Kind.Plain, new TextEncoder().encode("[1"))).toThrow(SerializationError);
    expect(() => decodeValue(Kind.Plain, new Uint8Array([0x22, 0xff, 0x22]))).toThrow(SerializationError);
    expect(() => decodeValue(9 as Kind, new Uint8Array())).toThrow(SerializationError);
  });
});

describe("nothing is quadratic", () => {
  // Each took seconds when superjson walked the structure; here about 30 ms. The limit leaves room for a busy machine.
  const many = Array.from({ length: 20_000 }, (_, i) => i);
  const shared = { x: 1 };
  it.each([
    ["dates in an array", many.map((i) => new Date(i))],
    ["rows with dates", many.map((i) => ({ i, at: new Date(i), u: undefined }))],
    ["dates in a Map", new Map(many.map((i) => [new Date(i), new Date(i)]))],
    ["objects in a Set", new Set(many.map((i) => ({ i: BigInt(i) })))],
    ["one object in many places", many.map(() => shared)],
    ["small buffers of one pool", many.map((i) => Buffer.from(String(i)))],
  ])("20,000 %s", (_, value) => {
    const start = performance.now();
    decodeValue(Kind.Rich, encodeValue(value, "value").bytes as Uint8Array);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});
