import {
  decodeFailure,
  decodeValue,
  encodeArguments,
  encodeFailure,
  encodeGraph,
  encodeValue,
  Kind,
  openGraph,
  SerializationError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { extension, type Fn, fn, offered, subclass, thrownBy, trip, variablesOf } from "./extension-functions.js";
import { forged } from "./values-forged.js";

describe("an extension", () => {
  it("supplies functions and symbols, in every place that holds values", () => {
    const symbol = Symbol("s");
    const f = fn("f");
    const value = trip([f, { f, symbol }, new Map<unknown, unknown>([[f, symbol]]), new Set([f])]) as [
      Fn,
      { f: Fn; symbol: symbol },
      Map<unknown, unknown>,
      Set<unknown>,
    ];
    expect(value[0]()).toBe("f");
    expect(value[1].f).toBe(value[0]);
    expect(value[1].symbol.description).toBe("s");
    expect([...value[2]]).toEqual([[value[0], value[1].symbol]]);
    expect([...value[3]]).toEqual([value[0]]);
    expect((trip(f) as Fn).name).toBe("f");
  });

  it("has parts of any kind", () => {
    const g = fn("g");
    const inside = {
      undefined,
      nan: Number.NaN,
      zero: -0,
      big: 1n,
      at: new Date(3),
      map: new Map([[1, g]]),
      g,
      n: null,
    };
    const variables = variablesOf(trip(fn("f", inside)));
    expect(variables).toEqual({ ...inside, map: expect.any(Map), g: expect.any(Function) });
    expect((variables.map as Map<number, unknown>).get(1)).toBe(variables.g);
    expect(Object.is(variables.zero, -0)).toBe(true);
  });

  it("is offered every function, symbol and object once, and nothing else", () => {
    offered.length = 0;
    const f = fn("f");
    const date = new Date(0);
    const symbol = Symbol("s");
    const inner = { f, date, symbol };
    const value = { inner, again: [inner, f, date, symbol], n: 1, u: undefined, big: 1n };
    encodeValue(value, "value", { extension });
    const expected = [value, inner, value.again, f, date, symbol, [] /* the names of f's variables */];
    expect(offered).toHaveLength(expected.length);
    expect(new Set(offered).size).toBe(expected.length);
    for (const one of expected.slice(0, -1)) expect(offered).toContain(one);
  });

  it("is asked before plain data becomes text, and about no primitive", () => {
    offered.length = 0;
    expect(encodeValue({ a: 1 }, "value", { extension }).kind).toBe(Kind.Rich);
    expect(encodeArguments([{ a: 1 }], { extension }).kind).toBe(Kind.Rich);
    expect(offered).toEqual([{ a: 1 }, [{ a: 1 }], { a: 1 }]);
    for (const args of [[], [1], [1, "two", true], [1, 2, 3, 4, null]]) {
      expect(encodeArguments(args, { extension })).toEqual(encodeArguments(args));
    }
    expect(encodeArguments([1, 2, 3, undefined], { extension }).kind).toBe(Kind.Rich);
    expect(encodeValue("text", "value", { extension }).kind).toBe(Kind.Plain);
    expect(encodeValue(undefined, "value", { extension }).kind).toBe(Kind.Undefined);
  });

  it("may close cycles", () => {
    const f = fn("f");
    const g = fn("g", { f, list: [f] });
    Object.assign(variablesOf(f), { g, self: f });
    const made = trip({ g }) as { g: Fn };
    const { f: otherF, list } = variablesOf(made.g) as { f: Fn; list: Fn[] };
    expect(list[0]).toBe(otherF);
    expect(variablesOf(otherF)).toEqual({ g: made.g, self: otherF });
    expect(variablesOf(otherF).g).toBe(made.g);
  });

  it("makes what another value needs first, wherever it stands", () => {
    const base = fn("Base");
    const middle = subclass("Middle", base);
    const leaf = subclass("Leaf", middle, { middle });
    Object.assign(variablesOf(base), { leaf });
    const [first, last] = trip([leaf, base]) as [Fn, Fn];
    expect(first.name).toBe("Leaf<Middle<Base");
    expect((first.base as Fn).base).toBe(last);
    expect(variablesOf(last).leaf).toBe(first);
  });

  it("costs no stack: 20,000 functions and lists within one another", () => {
    let value: unknown = null;
    for (let i = 0; i < 20_000; i++) value = i % 2 === 0 ? { next: value, u: undefined } : fn("f", { next: value });
    let depth = 0;
    for (let at = trip(value); at !== null; depth++) {
      at = typeof at === "function" ? variablesOf(at).next : (at as { next: unknown }).next;
    }
    expect(depth).toBe(20_000);
  });

  it("says nothing about what it throws", () => {
    expect(thrownBy(() => trip([{ f: fn("refused") }]))).toEqual(new RangeError("refused at value[0].f"));
    expect(thrownBy(() => trip(fn("f", { cfg: { logger: fn("refused") } })))).toEqual(
      new RangeError("refused at value variable cfg.logger"),
    );
    expect(thrownBy(() => encodeGraph({ at: [fn("refused")] }, "g", { extension }))).toEqual(
      new RangeError("refused at g.at[0]"),
    );
    for (const what of ["bad create", "bad fill"]) {
      const bytes = forged([
        [0, [0], [0, 1]],
        [11, ["f", 0, 0], [2, 2], what],
        [0, []],
      ]);
      expect(thrownBy(() => decodeValue(Kind.Rich, bytes, { extension }))).toEqual(new RangeError(what));
      expect(thrownBy(() => openGraph(bytes).read({ extension }))).toEqual(new RangeError(what));
    }
    // Through the create of another value, too.
    const nested = forged([
      [0, [0], [0, 1]],
      [11, ["f", 0, []], [1, 2], "class"],
      [11, [], [], "bad create"],
    ]);
    expect(thrownBy(() => decodeValue(Kind.Rich, nested, { extension }))).toEqual(new RangeError("bad create"));
  });

  it.each([
    [{ a: fn("unknown") }, "value.a"],
    [fn("f", { x: [fn("unknown")] }), "value variable x[0]"],
    [fn("plain", { x: fn("unknown") }), "value[3]"],
    [subclass("C", fn("unknown")), "value extends"],
  ])("leaves to the codec what it does not know: %#", (value, path) => {
    const error = thrownBy(() => trip(value)) as SerializationError;
    expect(error).toBeInstanceOf(SerializationError);
    expect(error.message.startsWith(`${path}: a function. Functions are no data.`)).toBe(true);
    expect(error.path).toBe(path);
  });

  it("takes part in failures", () => {
    const { kind, bytes } = encodeFailure(Object.assign(new Error("e"), { f: fn("f") }), { extension });
    const failure = decodeFailure(kind, bytes as Uint8Array, undefined, { extension }) as Error & { f: Fn };
    expect(failure.message).toBe("e");
    expect(failure.f()).toBe("f");
    const half = encodeFailure(Object.assign(new Error("e"), { f: fn("refused"), g: fn("g") }), { extension });
    expect(decodeFailure(half.kind, half.bytes as Uint8Array, undefined, { extension })).toMatchObject({
      message: "e",
      f: "[not sent: a function]",
      g: expect.any(Function),
    });
    const refused = encodeFailure(fn("refused"), { extension });
    expect(decodeFailure(refused.kind, refused.bytes as Uint8Array)).toMatchObject({
      name: "SerializationError",
      message: expect.stringMatching(/^the thrown value: a function/),
    });
  });
});
