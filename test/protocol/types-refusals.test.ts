import {
  decodeValue,
  encodeArguments,
  encodeGraph,
  encodeValue,
  Kind,
  openGraph,
  registerType,
  SerializationError,
  Types,
  typeOfInstance,
  typeOfName,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import { Base, Box, Derived, Odd, refusal, thrownBy, trip, Vector } from "./types-classes.js";
import { forged } from "./values-forged.js";

describe("what cannot be packed or unpacked", () => {
  it("is refused with its path", () => {
    const error = refusal(new Odd(() => ({ x: () => 1 })));
    expect(error.message).toBe(
      'args[0] (packed by "odd").x: a function. Functions are no data. Instead of passing it, have the submitted function capture it: (x) => f(x); instead of returning it, return what it gives.',
    );
    expect(error.path).toBe('args[0] (packed by "odd").x');
    expect(refusal(1, { a: new Box(new Odd(() => Symbol("s"))) }).message).toMatch(
      /^args\[1\]\.a \(packed by "box"\) \(packed by "odd"\): a symbol\. /,
    );
  });

  it("is refused with what pack threw", () => {
    const cause = new RangeError("no");
    const error = refusal(
      new Odd(() => {
        throw cause;
      }),
    );
    expect(error.message).toBe(
      'args[0] (packed by "odd"): pack threw. The cause says why: make it return a value that can travel.',
    );
    expect(error.cause).toBe(cause);
  });

  it("is refused when it contains itself", () => {
    const remedy =
      "unpack makes the instance only when all that pack returned is there: leave that reference out of it, and set it in unpack.";
    const direct: Odd = new Odd(() => direct);
    expect(refusal(direct).message).toBe(
      `args[0] (packed by "odd"): it refers back to args[0], which is packed by "odd". ${remedy}`,
    );
    const error = refusal(1, ...twoThatNeedEachOther());
    expect(error.message).toBe(
      `args[1] (packed by "odd").list[0].back (packed by "odd").get("a"): it refers back to args[1], which is packed by "odd". ${remedy}`,
    );
    expect(error.path).toBe('args[1] (packed by "odd").list[0].back (packed by "odd").get("a")');
    // By way of an object that was found elsewhere before, and of an error's field.
    const o: { odd?: Odd } = {};
    o.odd = new Odd(() => Object.assign(new Error("e"), { o }));
    expect(refusal(o, o.odd).message).toBe(
      `args[1] (packed by "odd").o.odd: it refers back to args[1], which is packed by "odd". ${remedy}`,
    );
  });

  function twoThatNeedEachOther(): Odd[] {
    const a: Odd = new Odd(() => ({ list: [{ back: b }] }));
    const b: Odd = new Odd(() => new Map([["a", a]]));
    return [a, b];
  }

  it("is refused with both ends of a long way round", () => {
    let value: unknown = {
      get end() {
        return odd;
      },
    };
    for (let i = 0; i < 20_000; i++) value = { next: value };
    const odd: Odd = new Odd(() => value);
    const { path } = refusal(odd);
    expect(path.startsWith('args[0] (packed by "odd").next.next')).toBe(true);
    expect(path.endsWith(".next.end")).toBe(true);
    expect(path.length).toBeLessThan(400);
  });

  it("but not when it is only near a cycle", () => {
    const list: unknown[] = [new Vector(1, 2)];
    list.push(list, new Box(new Vector(3, 4)));
    const arrived = trip(list);
    expect(arrived[1]).toBe(arrived);
    expect(arrived[2]).toBeInstanceOf(Box);
  });

  it("at the other end is refused by name", () => {
    const types = new Types();
    types.register(Derived, { name: "derived", pack: () => 0, unpack: () => new Derived() });
    const { bytes } = encodeValue([new Derived()], "value", { types });
    const error = thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array));
    expect(error).toBeInstanceOf(SerializationError);
    expect(error.message).toBe(
      'A value of the registered type "derived" arrived, and no such type is registered here. Call registerType(Class, { name: "derived", pack, unpack }) in this process or worker thread too.',
    );
  });

  it("at the other end is refused with what unpack threw", () => {
    const types = new Types();
    const cause = new RangeError("no x");
    const unpack = () => {
      throw cause;
    };
    types.register(Derived, { name: "derived", pack: () => 0, unpack });
    const { bytes } = encodeValue([new Derived()], "value", { types });
    const error = thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array, { types }));
    expect(error).toBeInstanceOf(SerializationError);
    expect(error.message).toBe(
      'unpack of the registered type "derived" threw: no x. The cause says why: it must accept whatever pack returns.',
    );
    expect(error.cause).toBe(cause);
    types.register(Derived, {
      name: "derived",
      pack: () => 0,
      unpack: () => {
        throw "text";
      },
    });
    expect(thrownBy(() => decodeValue(Kind.Rich, bytes as Uint8Array, { types })).message).toBe(
      'unpack of the registered type "derived" threw. The cause says why: it must accept whatever pack returns.',
    );
    const twice = forged([
      [0, [0, 0], [0, 1]],
      [13, [1], [], "vector"],
    ]);
    expect(thrownBy(() => decodeValue(Kind.Rich, twice)).message).toContain("its first node is malformed");
  });
});

describe("registering", () => {
  const functions = { pack: () => 0, unpack: () => new Base() };

  it.each<[string, unknown, unknown, string]>([
    ["a function that makes nothing", () => 1, {}, "registerType takes a class, then { name, pack, unpack }"],
    ["no class", "Base", {}, "registerType takes a class, then { name, pack, unpack }"],
    ["no type", Base, undefined, "registerType(Base): name is to be a text that is not empty; types are found by it"],
    [
      "no name",
      Base,
      { ...functions, name: "" },
      "registerType(Base): name is to be a text that is not empty; types are found by it",
    ],
    [
      "a name that is none",
      Base,
      { ...functions, name: 1 },
      "registerType(Base): name is to be a text that is not empty; types are found by it",
    ],
    [
      "no pack",
      Base,
      { name: "x", unpack: functions.unpack },
      "registerType(Base): pack and unpack are to be functions",
    ],
    ["no unpack", Base, { name: "x", pack: functions.pack }, "registerType(Base): pack and unpack are to be functions"],
    ...[Object, Array, Map, Date, Uint8Array, Buffer, Error, TypeError, SerializationError].map(
      (Class) =>
        [
          Class.name,
          Class,
          { ...functions, name: "x" },
          `registerType(${Class.name}): it is built in and travels as it is. Register a class of your own`,
        ] as [string, unknown, unknown, string],
    ),
    [
      "a second name",
      Base,
      { ...functions, name: "other" },
      'registerType(Base): it is registered as "base" and cannot be "other" too',
    ],
    [
      "a name that is taken",
      Derived,
      { ...functions, name: "base" },
      'registerType(Derived): "base" is the name of Base already. Give it another',
    ],
    [
      "a name that an unnamed class has",
      Derived,
      { ...functions, name: "unnamed" },
      'registerType(Derived): "unnamed" is the name of another class already. Give it another',
    ],
  ])("refuses %s", (_, Class, type, message) => {
    const types = new Types();
    types.register(Base, { ...functions, name: "base" });
    types.register(class {}, { name: "unnamed", pack: () => 0, unpack: () => ({}) });
    expect(thrownBy(() => types.register(Class as typeof Base, type as never))).toEqual(new TypeError(message));
  });

  it("again replaces the functions", () => {
    class Twice {}
    registerType(Twice, { name: "twice", pack: () => 1, unpack: () => new Twice() });
    registerType(Twice, { name: "twice", pack: () => 1, unpack: (n) => Object.assign(new Twice(), { n }) });
    expect(trip(new Twice())).toEqual(Object.assign(new Twice(), { n: 1 }));
  });

  it("keeps the functions' own `this`", () => {
    class Versioned {}
    registerType(Versioned, {
      name: "versioned",
      version: 3,
      pack() {
        return this.version;
      },
      unpack(version: number) {
        return Object.assign(new Versioned(), { version, own: this.version });
      },
    } as { name: string; version: number; pack(): number; unpack(version: number): Versioned });
    expect(trip(new Versioned())).toMatchObject({ version: 3, own: 3 });
  });

  it("in a set of one's own comes before the process's, which is asked for the rest", () => {
    const types = new Types();
    types.register(Base, { name: "base", pack: () => 7, unpack: (n) => Object.assign(new Base(), { n: n * 2 }) });
    expect(types.size).toBe(1);
    const { kind, bytes } = encodeArguments([new Base(), new Vector(1, 2)], { types });
    const [base, vector] = decodeValue(kind, bytes as Uint8Array, { types }) as [Base, Vector];
    expect(base.n).toBe(14);
    expect(vector.y).toBe(2);
    expect(((decodeValue(kind, bytes as Uint8Array) as [Base])[0] as Base).n).toBe(7);
    const graph = encodeGraph(new Base(), "captured", { types });
    expect((openGraph(graph.bytes).read({ types }).value as Base).n).toBe(14);
    expect(typeOfInstance(new Base(), types)).toBe(types.byName("base"));
    expect(typeOfInstance(new Vector(1, 2), types)).toBe(typeOfName("vector"));
    expect(typeOfInstance(Object.create(null))).toBeUndefined();
    expect(typeOfName("nothing", types)).toBeUndefined();
  });
});
