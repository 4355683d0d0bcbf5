import {
  type EncodeOptions,
  encodeArguments,
  encodeGraph,
  encodeValue,
  openGraph,
  SerializationError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { back, extension, type Fn, fn, thrownBy, variablesOf } from "./extension-functions.js";

describe("a graph", () => {
  const shared = { n: 1 };
  const at = new Date(1);
  const symbol = Symbol("s");
  const bytes = new Uint8Array([1, 2]);
  const f = fn("f", { shared, at, symbol, bytes, u: undefined, big: 1n });
  const graph = encodeGraph({ f }, "captured", { extension });
  const decoded = openGraph(graph.bytes).read({ extension });
  const made = variablesOf((decoded.value as { f: Fn }).f);
  const options: EncodeOptions = { extension, known: graph.objects };

  it("numbers every object, function and symbol in it", () => {
    for (const object of [f, shared, at, symbol, bytes]) expect(graph.objects.has(object)).toBe(true);
    expect([...graph.objects.keys()].filter((key) => typeof key === "bigint" || key === undefined)).toEqual([]);
    expect(decoded.objects[graph.objects.get(f) as number]).toBe((decoded.value as { f: Fn }).f);
    expect(decoded.objects[graph.objects.get(at) as number]).toBe(made.at);
    expect(Math.min(...graph.objects.values())).toBe(1);
  });

  it("is referred to from later arguments", () => {
    const args = [f, { shared, list: [at, symbol] }, bytes, new Map([[shared, 1]]), shared];
    const [a, b, c, d, e] = back(encodeArguments(args, options), decoded.objects) as [
      unknown,
      { shared: unknown; list: unknown[] },
      unknown,
      Map<unknown, unknown>,
      unknown,
    ];
    expect(a).toBe((decoded.value as { f: Fn }).f);
    expect(b.shared).toBe(made.shared);
    expect(b.list[0]).toBe(made.at);
    expect(b.list[1]).toBe(made.symbol);
    expect(c).toBe(made.bytes);
    expect(d.get(made.shared)).toBe(1);
    expect(e).toBe(made.shared);
    expect(back(encodeValue(shared, "value", { known: graph.objects }), decoded.objects)).toBe(made.shared);
  });

  it("is referred to by items of arguments, never by the array of them", () => {
    const args = [shared, 2];
    const other = encodeGraph({ args }, "captured", { extension });
    const there = openGraph(other.bytes).read({ extension });
    const arrived = back(encodeArguments(args, { known: other.objects }), there.objects) as unknown[];
    expect(arrived).toEqual(args);
    expect(arrived).not.toBe((there.value as { args: unknown }).args);
    expect(arrived[0]).toBe((there.value as { args: unknown[] }).args[0]);
  });

  it("can be decoded again, each time with objects and memory of its own", () => {
    const large = encodeGraph(new Float64Array(2 ** 18).fill(1), "captured", { extension });
    const first = openGraph(large.bytes).read({ extension }).value as Float64Array;
    first.fill(2);
    expect((openGraph(large.bytes).read({ extension }).value as Float64Array)[0]).toBe(1);
    expect(openGraph(graph.bytes).read({ extension }).objects[1]).not.toBe(decoded.objects[1]);
  });

  it("works without an extension", () => {
    const plain = encodeGraph([shared], "captured");
    expect(openGraph(plain.bytes).read().value).toEqual([shared]);
    expect(thrownBy(() => encodeGraph([f], "captured"))).toBeInstanceOf(SerializationError);
  });
});
