import {
  encodeArguments,
  encodeGraph,
  openGraph,
  type Parts,
  registerType,
  SerializationError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { back, extension, type Fn, fn, subclass, thrownBy, variablesOf } from "./extension-functions.js";
import { forged } from "./values-forged.js";
import { difference } from "./values-same.js";

class Point {
  readonly x: number[];
  constructor(x: number[]) {
    this.x = x;
  }
}
registerType(Point, { name: "reader.Point", pack: ({ x }) => x, unpack: (x) => new Point(x) });

function everything() {
  const buffer = new ArrayBuffer(32);
  const shared = { n: 1, list: [1, [2], { deep: "x" }] as unknown[] };
  const sparse: unknown[] = Object.assign([1], { 2: shared });
  const odd = Object.defineProperty({ a: 1 }, "__proto__", { value: shared, enumerable: true, writable: true });
  const value = {
    shared,
    list: [shared, 1.5, "text", null, undefined, Number.NaN, -0, 1n],
    sparse,
    odd,
    bare: Object.assign(Object.create(null), { shared, x: 1 }) as object,
    map: new Map<unknown, unknown>([
      [shared, new Map([["k", [1]]])],
      ["plain", 1],
    ]),
    set: new Set<unknown>([shared, "x"]),
    date: new Date(5),
    never: new Date(Number.NaN),
    regexp: /a+/gi,
    url: new URL("https://example.com/?q=1"),
    params: new URLSearchParams("a=1"),
    boxed: Object(4) as object,
    error: Object.assign(new TypeError("e", { cause: shared }), { extra: [1] }),
    bytes: new Uint8Array([1, 2, 3]),
    node: Buffer.from("abc"),
    buffer,
    first: new Uint16Array(buffer, 8, 4),
    second: new DataView(buffer, 10, 8),
    point: new Point([1, 2]),
  };
  Object.assign(shared, { back: value });
  return value;
}

/** All memory and all objects in what was read. */
function partsOf(objects: readonly unknown[]): Set<unknown> {
  const parts = objects.filter((part) => (typeof part === "object" && part !== null) || typeof part === "function");
  return new Set([...parts, ...parts.filter((part) => ArrayBuffer.isView(part)).map((view) => view.buffer)]);
}

function areApart(a: readonly unknown[], b: readonly unknown[]): boolean {
  const there = partsOf(b);
  return [...partsOf(a)].every((part) => !there.has(part));
}

describe("a reader", () => {
  const original = everything();
  const reader = openGraph(encodeGraph(original, "captured").bytes);

  it("gives equal values each time, of which no two share anything", () => {
    const [a, b, c] = [reader.read(), reader.read(), reader.read()];
    for (const { value } of [a, b, c]) expect(difference(original, value)).toBeUndefined();
    expect(areApart(a.objects, b.objects)).toBe(true);
    expect(areApart(b.objects, c.objects)).toBe(true);
    expect(partsOf(a.objects).size).toBeGreaterThan(25);
  });

  it("is not touched by what is done to its values", () => {
    const made = reader.read().value as ReturnType<typeof everything>;
    made.shared.n = 2;
    made.shared.list.length = 0;
    made.list.push(1);
    made.sparse[1] = 1;
    Object.assign(made.bare, { x: 2, y: 3 });
    made.map.clear();
    made.set.add(1);
    made.date.setTime(0);
    made.never.setTime(0);
    made.regexp.lastIndex = 3;
    made.url.pathname = "/other";
    made.params.append("b", "2");
    made.error.message = "other";
    (made.error.extra as number[]).push(2);
    made.bytes.fill(9);
    made.node.fill(9);
    new Uint8Array(made.buffer).fill(9);
    made.point.x.push(3);
    for (const part of partsOf(reader.read().objects)) Object.assign(part as object, { added: 1 });
    expect(difference(original, reader.read().value)).toBeUndefined();
  });

  it("lets the views of one read share memory", () => {
    const { buffer, first, second } = reader.read().value as ReturnType<typeof everything>;
    first[1] = 0x0102;
    expect([first.buffer, second.buffer]).toEqual([buffer, buffer]);
    expect(first.buffer).toBe(second.buffer);
    expect(second.getUint16(0, true)).toBe(0x0102);
  });

  it("copies a large view that lies alone in its bytes", () => {
    const large = openGraph(encodeGraph(new Float64Array(2 ** 18).fill(1), "captured").bytes);
    (large.read().value as Float64Array).fill(2);
    expect((large.read().value as Float64Array).every((item) => item === 1)).toBe(true);
    expect(large.byteLength).toBeGreaterThan(2 ** 21);
  });

  it("numbers objects as the encoder did, for arguments that refer to them", () => {
    const shared = { n: 1 };
    const at = new Date(1);
    const f = fn("f", { shared, at });
    const graph = encodeGraph(f, "captured", extension);
    const opened = openGraph(graph.bytes);
    const encoded = encodeArguments([shared, [at], f], { known: graph.objects });
    for (const { value, objects } of [opened.read(extension), opened.read(extension)]) {
      const variables = variablesOf(value);
      const [one, [two] = [], three] = back(encoded, objects) as [unknown, unknown[], unknown];
      expect(one).toBe(variables.shared);
      expect(two).toBe(variables.at);
      expect(three).toBe(value);
    }
  });

  it("makes functions and classes anew, and can be read while it is read", () => {
    const base = fn("Base", { list: [1] });
    const leaf = subclass("Leaf", base, { base });
    const opened = openGraph(encodeGraph({ leaf, again: [leaf] }, "captured", extension).bytes);
    const within: unknown[] = [];
    const reading = {
      ...extension,
      create(type: string, parts: Parts) {
        if (type === "class") within.push(...opened.read(extension).objects);
        return extension.create(type, parts);
      },
    };
    const { value, objects } = opened.read(reading);
    const { leaf: made, again } = value as { leaf: Fn; again: Fn[] };
    expect(again[0]).toBe(made);
    expect(made.name).toBe("Leaf<Base");
    expect(variablesOf(made).base).toBe(made.base);
    expect(within.length).toBe(objects.length);
    expect(areApart(objects, within)).toBe(true);
  });

  it("keeps what create leaves for fill apart for each value and read", () => {
    const opened = openGraph(encodeGraph([fn("f"), fn("g")], "captured", extension).bytes);
    const seen: unknown[] = [];
    const noting = {
      ...extension,
      create(type: string, parts: Parts) {
        const made = extension.create(type, parts);
        seen.push(parts.note);
        parts.note = made;
        return made;
      },
      fill(_type: string, value: unknown, parts: Parts) {
        seen.push(parts.note === value);
      },
    };
    opened.read(noting);
    opened.read(noting);
    const each = [undefined, undefined, true, true];
    expect(seen).toEqual([...each, ...each]);
  });

  it("passes on what an extension throws, and can be read again", () => {
    const opened = openGraph(encodeGraph([fn("f")], "captured", extension).bytes);
    let fails = true;
    const moody = {
      ...extension,
      create(type: string, parts: Parts) {
        if (fails) throw new RangeError("not now");
        return extension.create(type, parts);
      },
    };
    expect(thrownBy(() => opened.read(moody))).toEqual(new RangeError("not now"));
    fails = false;
    expect((opened.read(moody).value as Fn[])[0]?.name).toBe("f");
    expect(thrownBy(() => opened.read())).toMatchObject({
      message: expect.stringContaining("nobody here knows what to do with a value of type function"),
    });
  });
});

describe("bytes that cannot be opened", () => {
  const root = [0, [0], [0, 1]];
  const leafOf = (type: string) => (text: string) =>
    text.replace('"values":{', `"values":{"leaves.0":[${JSON.stringify(type)}],`);
  const withLeaf = (type: string, leaf: unknown): Uint8Array => {
    const text = leafOf(type)(new TextDecoder().decode(forged([[0, [0], [0, -1]]], [leaf]).subarray(12)));
    const bytes = new Uint8Array(12 + text.length);
    bytes.set([0x50, 0x56, 1, 1]);
    new DataView(bytes.buffer).setUint32(4, text.length, true);
    bytes.set(new TextEncoder().encode(text), 12);
    return bytes;
  };

  it.each<[string, Uint8Array, string]>([
    ["no value", new Uint8Array(3), "no rich value begins like this|outside the bounds|Offset"],
    ["no nodes", forged([]), "it has no nodes"],
    ["a node that is none", forged([root, 5]), "a node is malformed"],
    ["a link to no node", forged([root, [0, [0], [0, 9]]]), "there is no value 9"],
    ["a link to no leaf", forged([[0, [0], [0, -1]]]), "there is no value -1"],
    ["a link from nowhere", forged([root, [1, {}, ["a", 0]]]), "a link leads nowhere"],
    ["links that are none", forged([root, [1, {}, 7]]), "its links are malformed"],
    ["an array of a text", forged([root, [0, "x"]]), "a node lacks its items"],
    ["an object of a list", forged([root, [1, []]]), "a node lacks its members"],
    ["a list in a list", forged([root, [0, [[1]]]]), "a node holds what it should have linked"],
    ["an object in an object", forged([root, [1, { a: {} }]]), "a node holds what it should have linked"],
    ["a leaf that is a list", forged([[0, [0], [0, -1]]], [[1]]), "a leaf of an unknown kind"],
    ["a leaf that is a Set", withLeaf("set", [1]), "a leaf of an unknown kind"],
    ["an extra value without a type", forged([root, [11, [], []]]), "an extra value lacks its type"],
    ["a registered value without a name", forged([root, [13, [0]]]), "a registered value lacks its type"],
    [
      "a registered value around itself",
      forged([root, [13, [0], [0, 2], "x"], [1, { a: 0 }, ["a", 1]]]),
      "a registered value is part of itself",
    ],
  ])("%s", (_, bytes, why) => {
    const error = thrownBy(() => openGraph(bytes)) as SerializationError;
    expect(error).toBeInstanceOf(SerializationError);
    expect(error.message).toMatch(new RegExp(`^Malformed value: .*(?:${why})`));
  });

  it.each<[string, unknown[], string]>([
    ["no array first", [[1, {}]], "its first node is malformed"],
    ["an unknown node", [root, [99, 0]], "a node of the unknown kind 99"],
    ["an object of another graph", [root, [12, 3]], "there is no known value 3"],
    ["memory that is not there", [root, [7, 1]], "there is no attachment 1"],
  ])("or not be read: %s", (_, nodes, why) => {
    const opened = openGraph(forged(nodes));
    for (let i = 0; i < 2; i++) {
      const error = thrownBy(() => opened.read(extension)) as SerializationError;
      expect(error).toBeInstanceOf(SerializationError);
      expect(error.message.startsWith(`Malformed value: ${why}.`)).toBe(true);
    }
  });

  it("cut off anywhere, or with any byte changed, are refused or decode to some value", () => {
    const { bytes } = encodeGraph(
      [new Date(1), { a: [1, undefined] }, new Uint8Array(3), new Map([[1, {}]])],
      "captured",
    );
    for (let i = 0; i < bytes.length; i++) {
      expect(() => openGraph(bytes.subarray(0, i)), `${i} bytes`).toThrow(SerializationError);
      for (const byte of [0, 0x2d, 0x30, 0x31, 0x5b, 0xff]) {
        try {
          const opened = openGraph(Uint8Array.from(bytes, (old, at) => (at === i ? byte : old)));
          expect(areApart(opened.read().objects, opened.read().objects)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(SerializationError);
        }
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
