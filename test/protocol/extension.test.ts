import {
  decodeFailure,
  decodeGraph,
  decodeValue,
  type EncodedValue,
  type EncodeOptions,
  type Extension,
  encodeArguments,
  encodeFailure,
  encodeGraph,
  encodeValue,
  Kind,
  type Parts,
  SerializationError,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { forged } from "./values-forged.js";

type Fn = ((...args: never[]) => unknown) & Record<string, unknown>;
const own = new WeakMap<object, Record<string, unknown>>();

/** A function as this file's extension knows it: it has variables. */
function fn(name: string, variables: Record<string, unknown> = {}): Fn {
  const made = Object.defineProperty(() => name, "name", { value: name }) as unknown as Fn;
  own.set(made, variables);
  return made;
}

/** A class that cannot be made before its superclass. */
function subclass(name: string, base: unknown, statics: Record<string, unknown> = {}): Fn {
  const made = fn(name, statics);
  made.base = base;
  return made;
}

function variablesOf(value: unknown): Record<string, unknown> {
  return own.get(value as object) as Record<string, unknown>;
}

const offered: unknown[] = [];

/** Knows functions, classes with superclasses, and symbols. */
const extension: Extension = {
  lower(value, path) {
    offered.push(value);
    if (typeof value === "symbol") return { type: "symbol", parts: [value.description] };
    if (typeof value !== "function") return undefined;
    const { name } = value;
    if (name === "refused") throw new RangeError(`refused at ${path()}`);
    if (name === "unknown") return undefined;
    const variables = variablesOf(value);
    const names = Object.keys(variables);
    const base = (value as unknown as Fn).base;
    return {
      type: base === undefined ? "function" : "class",
      parts: [name, base, names, ...names.map((key) => variables[key])],
      ...(name === "plain" ? {} : { step: (i: number) => (i === 1 ? " extends" : ` variable ${names[i - 3]}`) }),
    };
  },
  create(type, parts) {
    if (type === "symbol") return Symbol(String(parts.get(0)));
    if (type === "bad create") throw new RangeError("bad create");
    if (type === "class") {
      const base = parts.get(1) as Fn;
      return subclass(`${String(parts.get(0))}<${base.name}`, base);
    }
    if (type !== "function" && type !== "bad fill") throw new RangeError(`no ${type}`);
    return fn(String(parts.get(0)));
  },
  fill(type, value, parts) {
    if (type === "bad fill") throw new RangeError("bad fill");
    if (type === "symbol") return;
    const names = parts.get(2) as string[];
    names.forEach((key, i) => {
      variablesOf(value)[key] = parts.get(i + 3);
    });
  },
};

function back({ kind, text, bytes }: EncodedValue, known?: readonly unknown[]): unknown {
  return decodeValue(kind, bytes ?? new TextEncoder().encode(text), { extension, known });
}

function trip(value: unknown): unknown {
  return back(encodeValue(value, "value", { extension }));
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it threw nothing");
}

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
    expect(thrownBy(() => encodeGraph({ at: [fn("refused")] }, "g", extension))).toEqual(
      new RangeError("refused at g.at[0]"),
    );
    for (const what of ["bad create", "bad fill"]) {
      const bytes = forged([
        [0, [0], [0, 1]],
        [11, ["f", 0, []], [], what],
      ]);
      expect(thrownBy(() => decodeValue(Kind.Rich, bytes, { extension }))).toEqual(new RangeError(what));
      expect(thrownBy(() => decodeGraph(bytes, extension))).toEqual(new RangeError(what));
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
    expect(error.message.startsWith(`${path}: a function. Functions travel only`)).toBe(true);
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

describe("a graph", () => {
  const shared = { n: 1 };
  const at = new Date(1);
  const symbol = Symbol("s");
  const bytes = new Uint8Array([1, 2]);
  const f = fn("f", { shared, at, symbol, bytes, u: undefined, big: 1n });
  const graph = encodeGraph({ f }, "captured", extension);
  const decoded = decodeGraph(graph.bytes, extension);
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
    const other = encodeGraph({ args }, "captured", extension);
    const there = decodeGraph(other.bytes, extension);
    const arrived = back(encodeArguments(args, { known: other.objects }), there.objects) as unknown[];
    expect(arrived).toEqual(args);
    expect(arrived).not.toBe((there.value as { args: unknown }).args);
    expect(arrived[0]).toBe((there.value as { args: unknown[] }).args[0]);
  });

  it("can be decoded again, each time with objects and memory of its own", () => {
    const large = encodeGraph(new Float64Array(2 ** 18).fill(1), "captured", extension);
    const first = decodeGraph(large.bytes, extension).value as Float64Array;
    first.fill(2);
    expect((decodeGraph(large.bytes, extension).value as Float64Array)[0]).toBe(1);
    expect(decodeGraph(graph.bytes, extension).objects[1]).not.toBe(decoded.objects[1]);
  });

  it("works without an extension", () => {
    const plain = encodeGraph([shared], "captured");
    expect(decodeGraph(plain.bytes).value).toEqual([shared]);
    expect(thrownBy(() => encodeGraph([f], "captured"))).toBeInstanceOf(SerializationError);
  });
});

describe("nodes that no encoder wrote", () => {
  const root = [0, [0], [0, 1]];
  const names = "its parts";
  it.each<[string, unknown[], string]>([
    ["an extra value without a type", [root, [11, [], []]], "an extra value lacks its type"],
    ["an extra value without parts", [root, [11, "x", [], "function"]], "a node lacks its items"],
    ["links that are none", [root, [11, ["f"], 7, "function"]], "its links are malformed"],
    ["a link from no part", [root, [11, ["f"], [4, 0], "function"]], "a link leads nowhere"],
    ["a link from a name", [root, [11, ["f"], ["length", 0], "function"]], "a link leads nowhere"],
    ["a link to no node", [root, [11, [0], [0, 9], "function"]], "there is no value 9"],
    ["a part that is not there", [root, [11, ["f"], [], "function"]], "a value lacks its part 2"],
    ["a value that needs itself", [root, [11, ["f", 0, []], [1, 1], "class"]], "a value is needed to make itself"],
    [
      "values that need each other",
      [root, [11, ["f", 0, []], [1, 2], "class"], [11, ["g", 0, []], [1, 1], "class"]],
      "a value is needed to make itself",
    ],
    ["an unknown object", [root, [12, 3]], "there is no known value 3"],
    ["an object of a name", [root, [12, "length"]], "there is no known value length"],
    ["an object before the first", [root, [12, -1]], "there is no known value -1"],
    ["an object with links", [root, [12, 0, [0, 0]]], "its links are malformed"],
    ["a registered value without a name", [root, [13, [0]]], "a registered value lacks its type"],
    ["a registered value of two", [root, [13, [0, 0], [], "x"]], "a registered value lacks its type"],
    ["a registered value in itself", [root, [13, [0], [0, 1], "x"]], "a value is needed to make itself"],
    [
      "a registered value around itself",
      [root, [13, [0], [0, 2], "x"], [1, { a: 0 }, ["a", 1]]],
      "a registered value is part of itself",
    ],
    ["no array first", [[12, 0]], "its first node is malformed"],
  ])("%s", (_, nodes, why) => {
    const error = thrownBy(() => decodeValue(Kind.Rich, forged(nodes), { extension, known: [names] }));
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as Error).message).toBe(
      `Malformed value: ${why}. The peer is broken, or writes a version of values that this one cannot read.`,
    );
  });

  it("an extra value where there is no extension", () => {
    const { bytes } = encodeValue(fn("f"), "value", { extension });
    expect(thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array))).toMatchObject({
      message: expect.stringContaining("nobody here knows what to do with a value of type function"),
    });
    expect(thrownBy(() => decodeValue(Kind.Rich, forged([root, [12, 0]])))).toMatchObject({
      message: expect.stringContaining("there is no known value 0"),
    });
  });

  it("more superclasses than the stack has room for", () => {
    const chain = (count: number) => {
      const nodes: unknown[] = [root];
      for (let i = 1; i < count; i++) nodes.push([11, ["C", 0, []], [1, i + 1], "class"]);
      return forged([...nodes, [11, ["C", 0, []], [], "function"]]);
    };
    expect((decodeValue(Kind.Rich, chain(500), { extension }) as Fn).name.startsWith("C<C<")).toBe(true);
    expect(thrownBy(() => decodeValue(Kind.Rich, chain(20_000), { extension }))).toMatchObject({
      message: expect.stringContaining("too many values need one another to be made"),
    });
  });

  it("a part that its owner asks for although it cannot be there: its own mistake is told", () => {
    const asking: Extension = {
      ...extension,
      create: (_type: string, parts: Parts) => {
        try {
          return parts.get(5);
        } catch {
          throw new RangeError("its own words");
        }
      },
    };
    const { bytes } = encodeValue(fn("f"), "value", { extension });
    expect(thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array, { extension: asking }))).toEqual(
      new RangeError("its own words"),
    );
  });

  it("any byte changed is refused or decodes to some value", () => {
    const symbol = Symbol("s");
    const base = fn("Base", { symbol });
    const known = encodeGraph({ symbol }, "captured", extension);
    const value = [subclass("Leaf", base, { base, u: undefined }), new Map([[base, symbol]]), new Uint8Array(3)];
    const options = { extension, known: decodeGraph(known.bytes, extension).objects };
    const body = encodeValue(value, "value", { extension, known: known.objects }).bytes as Uint8Array;
    for (let i = 0; i < body.length; i++) {
      for (const byte of [0, 0x2d, 0x30, 0x31, 0x32, 0x35, 0x5b, 0xff]) {
        const changed = body.slice();
        changed[i] = byte;
        try {
          decodeValue(Kind.Rich, changed, options);
        } catch (error) {
          // This file's extension trusts what it is given, the codec does not.
          if (!(error instanceof SerializationError)) expect((error as Error).stack).toContain("extension.test");
        }
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
