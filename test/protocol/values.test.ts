import { runInNewContext } from "node:vm";
import { decodeValue, type EncodedValue, encodeValue, isPlain, Kind } from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { difference } from "./values-same.js";

function bytesOf(encoded: EncodedValue): Uint8Array {
  return encoded.bytes ?? new TextEncoder().encode(encoded.text);
}

function roundTrip(value: unknown): unknown {
  const encoded = encodeValue(value, "value");
  return decodeValue(encoded.kind, bytesOf(encoded));
}

function made<T>(make: () => T): T {
  return make();
}

const { Float16Array: Float16 } = globalThis as { Float16Array?: new (items: number[]) => object };
const shared = { x: 1 };
const memory = new ArrayBuffer(16);
const exotic = JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":null},"prototype":[],"a.b":1}') as object;

const plainValues: Record<string, unknown> = {
  null: null,
  true: true,
  zero: 0,
  "a number": -12.5e300,
  "the smallest number": 5e-324,
  "an empty string": "",
  "a string": 'quotes " \\ and \u2028 lines \n',
  emoji: "\u{1f600}",
  "a lone surrogate": "\ud800x\udc00",
  "an empty array": [],
  "an empty object": {},
  "one number": [42],
  "two primitives": ["a", null],
  "three primitives": [1, "b", false],
  "four primitives": [1, 2, 3, 4],
  "an array in an array": [[1], [2, [3]]],
  "objects in objects": { a: { b: { c: [1, { d: null }] } } },
  "keys that are numbers": { 2: "b", 1: "a", x: 0 },
  "own keys named __proto__, constructor and prototype": exotic,
  "equal but not the same objects": [{ x: 1 }, { x: 1 }],
  "many equal objects": Array.from({ length: 50 }, () => ({ x: 1 })),
  "a long array": Array.from({ length: 1000 }, (_, i) => i / 3),
};

const richValues: Record<string, unknown> = {
  "an undefined argument": [undefined],
  "an undefined property": { a: undefined, b: 1 },
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
  "-0": -0,
  "-0 inside": [0, -0, { z: -0 }],
  "one NaN among numbers": [1, 2, Number.NaN, 4, Number.NaN],
  "a Date": new Date(1234567890123),
  "a Date before the year 0": new Date(-1e15),
  "an invalid Date": new Date(Number.NaN),
  "a RegExp": /a\/[b/]\n"\\/giu,
  "an empty RegExp": /(?:)/,
  BigInts: [0n, -1n, 2n ** 200n],
  "a Map": new Map<unknown, unknown>([
    ["a", 1],
    [1, "a"],
    [{ k: 1 }, new Date(1)],
    [Number.NaN, undefined],
    [new Date(2), null],
  ]),
  "a Map in a Map": new Map([["m", new Map([["n", new Map()]])]]),
  "a Set": new Set([1, "1", undefined, { a: 1 }, new Set([new Date(3)]), null]),
  "an empty Map and Set": [new Map(), new Set()],
  "a URL": new URL("https://user@example.com:81/a%20b?c=1#d"),
  URLSearchParams: new URLSearchParams("a=1&a=2&b=%20"),
  "the same object twice": [shared, shared],
  "the same object in a Map, a Set and an array": [new Map([[shared, shared]]), new Set([shared]), [shared]],
  "the same Date twice": made(() => {
    const at = new Date(5);
    return [at, at, new Date(5)];
  }),
  "a cycle through an object": made(() => {
    const o: Record<string, unknown> = { a: 1 };
    o.self = o;
    return o;
  }),
  "a cycle through an array": made(() => {
    const a: unknown[] = [1];
    a.push(a, [a]);
    return a;
  }),
  "a cycle through a Map, as key and value": made(() => {
    const m = new Map<unknown, unknown>();
    m.set(m, m).set("x", [m]);
    return m;
  }),
  "a cycle through a Set": made(() => {
    const s = new Set<unknown>([1]);
    s.add(s).add({ s });
    return s;
  }),
  "a sparse array": made(() => {
    const a: unknown[] = [1];
    a[2] = 3;
    return a;
  }),
  "new Array(3)": new Array(3),
  "a very sparse array": made(() => {
    const a: unknown[] = [];
    a[4e9] = new Date(1);
    return a;
  }),
  "as many properties as holes": made(() => Object.assign([1, 2, 3], { x: 1 })),
  "a hole and a property": made(() => {
    const a = Object.assign([undefined, 2, 3], { x: new Date(1) });
    delete a[0];
    return a;
  }),
  "the result of match": "xabcx".match(/b(c)/),
  "an object without a prototype": Object.assign(Object.create(null) as object, { a: 1, b: undefined, c: new Date(1) }),
  "__proto__ in an object without a prototype": made(() => {
    const descriptor = { value: [new Date(1)], enumerable: true, writable: true, configurable: true };
    return Object.create(null, { ["__proto__"]: descriptor }) as object;
  }),
  "own keys named __proto__ with rich content": { ...exotic, d: new Date(1) },
  "a rich value under __proto__": made(() =>
    Object.defineProperty({}, "__proto__", {
      value: new Date(1),
      enumerable: true,
      writable: true,
      configurable: true,
    }),
  ),
  "keys with dots and backslashes": { "a.b": undefined, "a\\": new Date(1), "": 1n },
  "boxed primitives": [Object(1), Object("ab"), Object(false), Object(-0), Object(Number.NaN), Object(7n)],
  "a Float64Array with NaN and -0": new Float64Array([Number.NaN, -0, 1.5]),
  "a Float32Array with NaN and -0": new Float32Array([Number.NaN, -0, 1.5]),
  "other typed arrays": [
    new Int8Array([-1]),
    new Uint8Array([255]),
    new Uint8ClampedArray([255]),
    new Int16Array([-1, 2]),
    new Uint16Array([1]),
    new Int32Array([-1]),
    new Uint32Array([4294967295]),
    new BigInt64Array([-5n, 2n ** 62n]),
    new BigUint64Array([1n]),
    // Newer than Node 20.
    ...(Float16 === undefined ? [] : [new Float16([1.5, -0])]),
  ],
  "an empty typed array": new Float64Array(0),
  "an ArrayBuffer": new Uint8Array([1, 2, 3]).buffer,
  "a DataView": new DataView(new Uint8Array([1, 2, 3, 4, 5]).buffer, 1, 3),
  "a Buffer": Buffer.from("some bytes"),
  "two views on one ArrayBuffer": [new Uint8Array(memory), new Float64Array(memory)],
  "an ArrayBuffer and a view on it": [memory, new Uint16Array(memory, 4, 2)],
  "the same view twice": made(() => {
    const view = new Uint8Array([1]);
    return [view, view];
  }),
  "typed arrays as keys": new Map([[new Uint8Array([1]), new Uint8Array([2])]]),
  "deeper than JSON should go": made(() => {
    let list: unknown = null;
    for (let i = 0; i < 300; i++) list = [list];
    return list;
  }),
};

describe("plain values", () => {
  it.each(Object.entries(plainValues))("%s travels as JSON", (_, value) => {
    expect(isPlain(value)).toBe(true);
    const { kind, text, bytes } = encodeValue(value, "value");
    expect({ kind, text, bytes }).toEqual({ kind: Kind.Plain, text: JSON.stringify(value), bytes: undefined });
    expect(difference(value, roundTrip(value))).toBeUndefined();
  });
});

describe("rich values", () => {
  it.each(Object.entries(richValues))("%s arrives as it was", (_, value) => {
    expect(isPlain(value)).toBe(false);
    expect(encodeValue(value, "value").kind).toBe(Kind.Rich);
    expect(difference(value, roundTrip(value))).toBeUndefined();
    expect(difference([1, { value }], roundTrip([1, { value }]))).toBeUndefined();
  });

  it("undefined is a kind of its own, with a text that may stand among plain ones", () => {
    expect(encodeValue(undefined, "value")).toEqual({ kind: Kind.Undefined, text: "null", bytes: undefined });
    expect(decodeValue(Kind.Undefined, new TextEncoder().encode("null"))).toBe(undefined);
  });

  it("a list of 20,000 links arrives without using the stack", () => {
    let list: { next: unknown } | null = null;
    for (let i = 0; i < 20_000; i++) list = { next: list };
    expect(difference(list, roundTrip(list))).toBeUndefined();
  });

  it("a getter is asked once, and its value travels", () => {
    let asked = 0;
    const value = {
      get fresh() {
        return new Date(++asked);
      },
    };
    expect(roundTrip(value)).toEqual({ fresh: new Date(asked) });
    const counter = {
      n: 0,
      get next() {
        return this.n++;
      },
    };
    expect(roundTrip(counter)).toEqual({ n: expect.any(Number), next: expect.any(Number) });
  });

  it("what another realm made arrives as if made here", () => {
    const foreign: unknown = runInNewContext(
      "({ a: [1, , new Date(4)], m: new Map([[1, new Set([2])]]), r: /x/g, b: new Uint16Array([7]), e: new RangeError('far') })",
    );
    const { a, m, r, b, e } = roundTrip(foreign) as Record<string, unknown>;
    // biome-ignore lint/suspicious/noSparseArray: the hole is the point
    expect(difference([1, , new Date(4)], a)).toBeUndefined();
    expect(difference([new Map([[1, new Set([2])]]), /x/g, new Uint16Array([7])], [m, r, b])).toBeUndefined();
    expect(e).toBeInstanceOf(RangeError);
  });

  it("bytes may begin anywhere, lie in shared memory or be a Buffer", () => {
    const value = { at: new Date(1), numbers: new Float64Array([1, Number.NaN]) };
    const bytes = bytesOf(encodeValue(value, "value"));
    for (let offset = 0; offset < 9; offset++) {
      for (const buffer of [new ArrayBuffer(bytes.length + 9), new SharedArrayBuffer(bytes.length + 9)]) {
        const view = new Uint8Array(buffer, offset, bytes.length);
        view.set(bytes);
        expect(difference(value, decodeValue(Kind.Rich, view))).toBeUndefined();
      }
    }
    expect(difference(value, decodeValue(Kind.Rich, Buffer.from(bytes)))).toBeUndefined();
    const text = new Uint8Array(new SharedArrayBuffer(4));
    text.set(Buffer.from("[42]"));
    expect(decodeValue(Kind.Plain, text)).toEqual([42]);
  });
});
