import {
  decodeFailure,
  decodeValue,
  type Extension,
  encodeArguments,
  encodeFailure,
  encodeGraph,
  encodeValue,
  isPlain,
  Kind,
  openGraph,
  registerType,
  Types,
} from "@pydist/protocol";
import { describe, expect, it } from "vitest";
import {
  Base,
  Box,
  Derived,
  Ids,
  Odd,
  packings,
  Quota,
  refusal,
  Secret,
  thrownBy,
  trip,
  Vector,
} from "./types-classes.js";

class Callable extends Function {}

describe("instances of a registered class", () => {
  it("arrive as instances, private fields included", () => {
    const vector = trip(new Vector(1, -2));
    expect(vector).toBeInstanceOf(Vector);
    expect([vector.x, vector.y]).toEqual([1, -2]);
    expect(isPlain(new Vector(1, 2))).toBe(false);
    expect(trip(Secret.of("s")).text).toBe("s");
  });

  it("are packed once and stay one object, wherever they are", () => {
    packings.count = 0;
    const v = new Vector(1, 2);
    const [a, { b }, set, map] = trip([v, { b: v }, new Set([v]), new Map([[v, v]])] as const);
    expect(packings.count).toBe(1);
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
    const graph = encodeGraph([odd], "captured", { extension });
    const { value, objects } = openGraph(graph.bytes).read({ extension });
    const arrived = (value as [Odd])[0];
    expect(arrived.pack()).toMatchObject({ inner: { name: "inner" } });
    const args = encodeArguments([odd], { known: graph.objects });
    expect(decodeValue(args.kind, args.bytes as Uint8Array, { known: objects })).toEqual([arrived]);
    expect((decodeValue(args.kind, args.bytes as Uint8Array, { known: objects }) as unknown[])[0]).toBe(arrived);
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
