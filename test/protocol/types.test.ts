import {
  decodeFailure,
  decodeGraph,
  decodeValue,
  type Extension,
  encodeArguments,
  encodeFailure,
  encodeGraph,
  encodeValue,
  isPlain,
  Kind,
  registerType,
  SerializationError,
  Types,
  typeOfInstance,
  typeOfName,
} from "@pydist/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { forged } from "./values-forged.js";

class Vector {
  readonly x: number;
  readonly #y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.#y = y;
  }

  get y(): number {
    return this.#y;
  }
}

/** Holds others, and tells what it was given when it was made. */
class Box {
  readonly content: unknown;
  readonly seen: string;

  constructor(content: unknown) {
    this.content = content;
    this.seen = JSON.stringify(content, (_, value) => (value instanceof Map ? [...value] : value));
  }
}

class Ids extends Map<string, number> {
  prefix = "id";
}

class Quota extends Error {
  override name = "Quota";
  readonly limit: number;

  constructor(limit: number) {
    super(`over ${limit}`);
    this.limit = limit;
  }
}

class Base {
  n = 1;
}
class Derived extends Base {}

/** What `pack` does and gives is decided by each test. */
class Odd {
  pack: () => unknown;

  constructor(pack: () => unknown) {
    this.pack = pack;
  }
}

/** Made by its class only. */
class Secret {
  static of(text: string): Secret {
    return new Secret(text);
  }

  readonly text: string;
  private constructor(text: string) {
    this.text = text;
  }
}

let packings = 0;

beforeAll(() => {
  registerType(Vector, {
    name: "vector",
    pack: ({ x, y }) => {
      packings++;
      return { x, y };
    },
    unpack: ({ x, y }) => new Vector(x, y),
  });
  registerType(Box, { name: "box", pack: ({ content }) => content, unpack: (content) => new Box(content) });
  registerType(Ids, {
    name: "ids",
    pack: (ids) => ({ prefix: ids.prefix, entries: [...ids] }),
    unpack: ({ prefix, entries }) => Object.assign(new Ids(entries), { prefix }),
  });
  registerType(Quota, { name: "quota", pack: ({ limit }) => limit, unpack: (limit) => new Quota(limit) });
  registerType(Base, { name: "base", pack: ({ n }) => n, unpack: (n) => Object.assign(new Base(), { n }) });
  registerType(Odd, { name: "odd", pack: (odd) => odd.pack(), unpack: (given) => new Odd(() => given) });
  registerType(Secret, { name: "secret", pack: ({ text }) => text, unpack: (text) => Secret.of(text) });
});

function trip<T>(value: T): T {
  const { kind, text, bytes } = encodeValue(value, "value");
  return decodeValue(kind, bytes ?? new TextEncoder().encode(text)) as T;
}

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it threw nothing");
}

function refusal(...args: unknown[]): SerializationError {
  const error = thrownBy(() => encodeArguments(args));
  expect(error).toBeInstanceOf(SerializationError);
  return error as SerializationError;
}

describe("instances of a registered class", () => {
  it("arrive as instances, private fields included", () => {
    const vector = trip(new Vector(1, -2));
    expect(vector).toBeInstanceOf(Vector);
    expect([vector.x, vector.y]).toEqual([1, -2]);
    expect(isPlain(new Vector(1, 2))).toBe(false);
    expect(trip(Secret.of("s")).text).toBe("s");
  });

  it("are packed once and stay one object, wherever they are", () => {
    packings = 0;
    const v = new Vector(1, 2);
    const [a, { b }, set, map] = trip([v, { b: v }, new Set([v]), new Map([[v, v]])] as const);
    expect(packings).toBe(1);
    expect(b).toBe(a);
    expect([...set][0]).toBe(a);
    expect(map.get(a)).toBe(a);
  });

  it("hold others, which are complete when they are needed", () => {
    const v = new Vector(3, 4);
    const box = trip({ last: v, box: new Box(new Box({ v, list: [new Box(new Map([["v", { v }]]))] })) });
    expect(box.box.seen).toBe(
      '{"content":{"v":{"x":3},"list":[{"content":[["v",{"v":{"x":3}}]],"seen":"[[\\"v\\",{\\"v\\":{\\"x\\":3}}]]"}]},' +
        '"seen":"{\\"v\\":{\\"x\\":3},\\"list\\":[{\\"content\\":[[\\"v\\",{\\"v\\":{\\"x\\":3}}]],' +
        '\\"seen\\":\\"[[\\\\\\"v\\\\\\",{\\\\\\"v\\\\\\":{\\\\\\"x\\\\\\":3}}]]\\"}]}"}',
    );
    expect(((box.box.content as Box).content as { v: Vector }).v).toBe(box.last);
  });

  it("may be packed as anything that travels", () => {
    for (const content of [undefined, null, 1n, Number.NaN, "text", new Date(7), [undefined], new Error("e")]) {
      expect(trip(new Odd(() => content)).pack()).toEqual(content);
    }
    const cycle: { self?: unknown; v: Vector } = { v: new Vector(1, 2) };
    cycle.self = [cycle];
    const odd = trip(new Odd(() => cycle)).pack() as typeof cycle;
    expect((odd.self as unknown[])[0]).toBe(odd);
    expect(odd.v).toBeInstanceOf(Vector);
  });

  it("need no stack: 20,000 within one another", () => {
    let value: unknown = null;
    for (let i = 0; i < 20_000; i++) {
      const next = value;
      value = i % 2 === 0 ? { next } : new Odd(() => next);
    }
    let depth = 0;
    for (let at: unknown = trip(value); at !== null; depth++) {
      at = at instanceof Odd ? at.pack() : (at as { next: unknown }).next;
    }
    expect(depth).toBe(20_000);
  });

  it("come before what the codec does by itself", () => {
    const ids = trip(new Ids([["a", 1]]));
    expect(ids).toBeInstanceOf(Ids);
    expect([...ids, ids.prefix]).toEqual([["a", 1], "id"]);
    const quota = trip(new Quota(5));
    expect(quota).toBeInstanceOf(Quota);
    expect(quota.limit).toBe(5);
  });

  it("are direct ones: a subclass registers itself", () => {
    expect(refusal(new Derived()).message).toMatch(/^args\[0\]: an instance of Derived\. /);
    const types = new Types();
    types.register(Derived, { name: "derived", pack: () => 0, unpack: () => new Derived() });
    const { bytes } = encodeValue([new Derived(), new Base()], "value", { types });
    const [derived, base] = decodeValue(Kind.Rich, bytes as Uint8Array, { types }) as [Derived, Base];
    expect(Object.getPrototypeOf(derived)).toBe(Derived.prototype);
    expect(Object.getPrototypeOf(base)).toBe(Base.prototype);
  });

  it("may be functions", () => {
    const callable = Object.setPrototypeOf(() => 1, Callable.prototype) as Callable;
    registerType(Callable, { name: "callable", pack: () => 2, unpack: (n) => Object.assign(() => n) as Callable });
    expect((trip({ callable }).callable as unknown as () => number)()).toBe(2);
  });

  it("travel as failures, and what cannot be packed is told as if it were not registered", () => {
    const failure = (thrown: unknown) => {
      const { kind, text, bytes } = encodeFailure(thrown);
      return decodeFailure(kind, bytes ?? new TextEncoder().encode(text));
    };
    expect(failure(new Quota(3))).toBeInstanceOf(Quota);
    expect(failure(new Vector(1, 2))).toBeInstanceOf(Vector);
    const odd = new Odd(() => {
      throw new Error("no");
    });
    expect((failure(Object.assign(new Error("e"), { odd })) as { odd: unknown }).odd).toEqual({
      notSent: "pack threw",
    });
    const self: Odd = new Odd(() => ({ self }));
    const told = (failure(Object.assign(new Error("e"), { self })) as Error & { self: Odd }).self;
    expect(told.pack()).toEqual({ self: expect.stringMatching(/^\[not sent: it refers back to/) });
    class Unpacked extends Error {}
    registerType(Unpacked, {
      name: "unpacked",
      pack: () => {
        throw new Error("no");
      },
      unpack: () => new Unpacked(),
    });
    expect(failure(new Unpacked("as an error"))).toMatchObject({ message: "as an error" });
  });

  it("take part in graphs, and with values of an extension", () => {
    const extension: Extension = {
      lower: (value) => (typeof value === "symbol" ? { type: "symbol", parts: [[value.description]] } : undefined),
      create: (_, parts) => ({ parts }),
      fill: (_, value, parts) => {
        (value as { name: unknown }).name = (parts.get(0) as unknown[])[0];
      },
    };
    const inner = Symbol("inner");
    const odd = new Odd(() => ({ inner }));
    const graph = encodeGraph([odd], "captured", extension);
    const { value, objects } = decodeGraph(graph.bytes, extension);
    const arrived = (value as [Odd])[0];
    expect(arrived.pack()).toMatchObject({ inner: { name: "inner" } });
    const args = encodeArguments([odd], { known: graph.objects });
    expect(decodeValue(args.kind, args.bytes as Uint8Array, { known: objects })).toEqual([arrived]);
    expect((decodeValue(args.kind, args.bytes as Uint8Array, { known: objects }) as unknown[])[0]).toBe(arrived);
  });
});

class Callable extends Function {}

describe("what cannot be packed or unpacked", () => {
  it("is refused with its path", () => {
    const error = refusal(new Odd(() => ({ x: () => 1 })));
    expect(error.message).toBe(
      'args[0] (packed by "odd").x: a function. Functions travel only as the task itself: send data and call the function inside the task.',
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

describe("random graphs of lists and registered instances", () => {
  /** A list with more: `unpack` sees all of it or none. */
  class Part {
    content: unknown[] = [];
    /** What was there when it was made. */
    seen = "";
  }
  const types = new Types();
  types.register(Part, {
    name: "part",
    pack: ({ content }) => content,
    unpack: (content) => Object.assign(new Part(), { content, seen: drawn(content) }),
  });

  const inside = (value: unknown) => (value instanceof Part ? value.content : (value as unknown[]));

  /** Says of everything that can be reached what it is and what it holds; the same for equal graphs. */
  function drawn(start: unknown): string {
    const found = [start];
    const lines: string[] = [];
    for (const one of found) {
      const members = inside(one).map((member) => {
        if (!found.includes(member)) found.push(member);
        return found.indexOf(member);
      });
      lines.push(`${one instanceof Part ? "part" : "list"} ${members.join()}`);
    }
    return lines.join("; ");
  }

  function reachesItself(part: Part): boolean {
    const found = new Set<unknown>(part.content);
    for (const one of found) for (const member of inside(one)) found.add(member);
    return found.has(part);
  }

  it("are refused if an instance is part of itself, and else arrive as they were", () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed % below;
    };
    const counts = { refused: 0, arrived: 0 };
    for (let round = 0; round < 600; round++) {
      const all = Array.from({ length: 2 + random(10) }, () => (random(3) === 0 ? new Part() : []));
      for (let links = random(2 * all.length); links > 0; links--) {
        inside(all[random(all.length)]).push(all[random(all.length)]);
      }
      const parts = all.filter((one) => one instanceof Part);
      if (parts.some(reachesItself)) {
        counts.refused++;
        expect(thrownBy(() => encodeValue(all, "value", { types })).message).toContain("it refers back to value");
        continue;
      }
      counts.arrived++;
      const { kind, text, bytes } = encodeValue(all, "value", { types });
      const arrived = decodeValue(kind, bytes ?? new TextEncoder().encode(text), { types }) as unknown[];
      expect(drawn(arrived)).toBe(drawn(all));
      arrived.forEach((one, i) => {
        if (one instanceof Part) expect(one.seen).toBe(drawn((all[i] as Part).content));
      });
    }
    expect(Math.min(counts.refused, counts.arrived)).toBeGreaterThan(100);
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
    const graph = encodeGraph(new Base(), "captured", undefined, types);
    expect((decodeGraph(graph.bytes, undefined, types).value as Base).n).toBe(14);
    expect(typeOfInstance(new Base(), types)).toBe(types.byName("base"));
    expect(typeOfInstance(new Vector(1, 2), types)).toBe(typeOfName("vector"));
    expect(typeOfInstance(Object.create(null))).toBeUndefined();
    expect(typeOfName("nothing", types)).toBeUndefined();
  });
});
