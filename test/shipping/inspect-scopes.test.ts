import { createContext, runInContext, runInThisContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { boundPartsOf, privateMembersOf } from "../../packages/shipping/dist/inspect/members.js";
import { locationOf, type Seen, scopesOf } from "../../packages/shipping/dist/inspect/scopes.js";
import { liveScripts, readText, scriptOf, textOf } from "../../packages/shipping/dist/inspect/scripts.js";
import { inspect } from "../../packages/shipping/dist/inspect/session.js";
import { fixture } from "./support.js";

type AnyFunction = (...args: unknown[]) => unknown;
/** Of functions that make functions. */
type Makers = Record<string, (...args: unknown[]) => AnyFunction>;

const sloppy = (await fixture<{ default: Makers }>("inspect/scopes.cjs")).default;
const strict = await fixture<Record<string, unknown>>("inspect/scopes.mjs");
const [major = 0] = process.versions.node.split(".").map(Number);

function seen(fn: unknown, ...names: string[]): Record<string, Seen | undefined> {
  const found = scopesOf(fn as AnyFunction).read(names);
  return Object.fromEntries(names.map((name) => [name, found.get(name)]));
}

function values(fn: unknown, ...names: string[]): unknown[] {
  const found = scopesOf(fn as AnyFunction).read(names);
  return names.map((name) => {
    const one = found.get(name);
    return one?.kind === "value" ? one.value : one;
  });
}

const make = (name: string, ...args: unknown[]): AnyFunction => (sloppy[name] as Makers[string])(...args);

describe("scopesOf", () => {
  test("gives the values themselves, not copies", () => {
    const [a, b, constant] = values((make("nested") as AnyFunction)(), "a", "b", "constant");
    expect([a, b]).toEqual([{ level: 1 }, { level: 2 }]);
    expect(constant).toBe((sloppy.outer as AnyFunction)() && values(sloppy.outer, "constant")[0]);
    expect(((make("nested") as AnyFunction)() as AnyFunction)()).toContain(constant);
  });

  test("tells the kind of scope, how far out it is, and whose", () => {
    expect(seen((make("nested") as AnyFunction)(), "a", "b", "constant")).toMatchObject({
      b: { scope: { type: "Closure", level: 0, name: "" } },
      a: { scope: { type: "Closure", level: 1, name: "exports.nested" } },
      constant: { scope: { type: "Closure", level: 2, name: "" } },
    });
  });

  test("has what a CommonJS module has", () => {
    const [constant, require, exports, filename] = values(sloppy.outer, "constant", "require", "exports", "__filename");
    expect(constant).toEqual({ name: "constant" });
    expect(typeof require).toBe("function");
    expect(exports).toBe(sloppy);
    expect(filename).toMatch(/scopes\.cjs$/);
  });

  test("has what a module imports: named, renamed, default, everything", () => {
    const [named, renamed, fallback, everything] = values(
      strict.imported,
      "named",
      "renamed",
      "fallback",
      "everything",
    );
    expect(named).toBe(strict.named);
    expect(renamed).toBe(strict.named);
    expect(fallback).toBe(strict.fallback);
    expect(everything).toBe(strict.everything);
    expect(seen(strict.imported, "named")).toMatchObject({ named: { scope: { type: "Module", level: 0 } } });
  });

  test("is of the moment: a variable that changes later is what it was", () => {
    const scopes = scopesOf(sloppy.outer as AnyFunction);
    const before = values(sloppy.outer, "changed")[0] as number;
    (sloppy.change as AnyFunction)();
    expect(scopes.read(["changed"]).get("changed")).toMatchObject({ value: before });
    expect(values(sloppy.outer, "changed")).toEqual([before + 1]);
  });

  test("finds the innermost", () => {
    expect(values(make("shadowed"), "constant")).toEqual(["inner"]);
  });

  test("finds variables with names that every object has, and only variables", () => {
    const names = ["toString", "constructor", "__proto__", "hasOwnProperty"];
    expect(values(make("odd"), ...names)).toEqual([1, 2, 3, 4]);
    expect(values(sloppy.outer, ...names, "valueOf")).toEqual(Array(5).fill(undefined));
  });

  test("finds no globals", () => {
    expect(values(sloppy.outer, "process", "globalThis", "Array", "undefined")).toEqual(Array(4).fill(undefined));
  });

  test("of loops, blocks, catch clauses, classes and parameters", () => {
    const loop = make("loop") as unknown as AnyFunction[];
    expect(loop.map((fn) => values(fn, "i")[0])).toEqual([0, 1, 2]);
    expect(values(make("block"), "inBlock")).toEqual(["block"]);
    const caught = make("caught");
    expect(values(caught, "error")).toEqual([caught()]);
    expect(seen(caught, "error")).toMatchObject({ error: { scope: { type: "Catch", level: 0 } } });
    const given = {};
    expect(values(make("parameter", given), "given")[0]).toBe(given);
    const inner = make("inClass") as unknown as Record<string, AnyFunction>;
    expect(values(inner.made, "Inner")).toEqual([inner]);
    expect(values(inner.later, "inStatic", "Inner")).toEqual(["static", inner]);
    expect(values(inner, "Inner")).toEqual([inner]);
    expect(values(strict.Members, "Members")).toEqual([strict.Members]);
  });

  test("has the arguments of the function around it", () => {
    expect([...(values(make("withArguments", 1, 2), "arguments")[0] as number[])]).toEqual([1, 2]);
  });

  test("has not the name that a function expression has for itself: peek has", () => {
    expect(values(make("named"), "self")).toEqual([undefined]);
  });

  test("of eval, strict eval, new Function and scripts", () => {
    expect(values(make("evaluated"), "byEval")).toEqual(["eval"]);
    expect(values(make("strictlyEvaluated"), "byEval")).toEqual(["strict eval"]);
    expect(values(new Function("return constant"), "constant")).toEqual([undefined]);
    const script = runInThisContext("const inScript = { of: 'script' }; () => inScript") as AnyFunction;
    expect(values(script, "inScript")[0]).toBe(script());
    expect(seen(script, "inScript")).toMatchObject({ inScript: { scope: { type: "Script", level: 0 } } });
    const other = runInContext("const elsewhere = 1; var global = 2; () => [elsewhere, global]", createContext({}));
    expect(values(other, "elsewhere", "global", "inScript")).toEqual([1, undefined, undefined]);
  });

  test("tells the globals that a function sees", () => {
    const context = createContext({});
    const other = runInContext("() => 1", context) as AnyFunction;
    expect(scopesOf(other).global).toBe(runInContext("globalThis", context));
    expect(scopesOf(runInThisContext("() => 1") as AnyFunction).global).toBe(runInThisContext("globalThis"));
  });

  test("of with: what its object has, without running anything", () => {
    const object = Object.create(
      { inherited: "inherited" },
      {
        property: { value: "property" },
        hidden: { value: "hidden" },
        getter: {
          get() {
            throw new Error("was run");
          },
        },
        [Symbol.unscopables]: { value: { hidden: true } },
      },
    ) as object;
    const names = ["property", "inherited", "hidden", "getter"];
    expect(seen(make("within", object), ...names)).toEqual({
      property: { kind: "value", value: "property", scope: { type: "With", level: 0, name: "" } },
      inherited: { kind: "value", value: "inherited", scope: { type: "With", level: 0, name: "" } },
      hidden: undefined,
      getter: {
        kind: "unreadable",
        why: "a with statement has a getter for it",
        scope: { type: "With", level: 0, name: "" },
      },
    });
    const proxy = new Proxy(object, {});
    for (const hiding of [proxy, Object.create(proxy)]) {
      expect(seen(make("within", hiding), "property", "constant")).toMatchObject({
        property: { kind: "unreadable", why: "a with statement has a Proxy" },
        constant: { kind: "unreadable", why: "a with statement has a Proxy" },
      });
    }
  });

  test("of a variable that is not initialised: Node 20 cannot tell, newer ones do", async () => {
    const { uninitialised } = await fixture<{ uninitialised(look: (fn: AnyFunction) => void): void }>(
      "inspect/peek.mjs",
    );
    let found: unknown;
    uninitialised((fn) => {
      found = scopesOf(fn).read(["later"]).get("later");
    });
    expect(found).toMatchObject(
      major < 22 ? { kind: "value", value: undefined } : { kind: "unreadable", why: "uninitialised" },
    );
  });

  test("of what has no text there is nothing", () => {
    const nothing = { location: undefined, global: undefined };
    const trap = () => {
      throw new Error("was run");
    };
    const handler = { get: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, apply: trap, getPrototypeOf: trap };
    for (const fn of [Math.max, make("block").bind(1), new Proxy(make("block"), handler)]) {
      expect(scopesOf(fn as AnyFunction)).toMatchObject(nothing);
      expect(locationOf(fn as AnyFunction)).toBeUndefined();
      expect(values(fn, "inBlock")).toEqual([undefined]);
    }
  });
});

describe("scripts", () => {
  const locate = (fn: unknown) => scopesOf(fn as AnyFunction).location as NonNullable<ReturnType<typeof locationOf>>;

  test("are found by the place of a function", () => {
    const { scriptId, line, column } = locate(strict.imported);
    const script = scriptOf(scriptId);
    expect(script).toMatchObject({ sourceMapUrl: "", isModule: true, line: 0, column: 0 });
    expect(script?.url).toMatch(/^file:.*\/scopes\.mjs$/);
    const text = textOf(scriptId) as string;
    expect(text.split("\n")[line]?.slice(column)).toMatch(/^\(\) => \[fallback/);
    expect(readText(scriptId)).toBe(text);
    expect(scriptOf(locate(sloppy.outer).scriptId)).toMatchObject({ isModule: false });
  });

  test("may have no name, or any", () => {
    expect(scriptOf(locate(new Function("return 1")).scriptId)?.url).toBe("");
    const named = runInThisContext("() => 1", { filename: "evalmachine", lineOffset: 3, columnOffset: 5 });
    expect(scriptOf(locate(named).scriptId)).toMatchObject({ url: "evalmachine", line: 3, column: 5 });
    expect(locationOf(named as AnyFunction)).toMatchObject({ line: 3, column: 5 });
  });

  test("that come while one looks are known, too", () => {
    inspect(() => {
      const before = liveScripts().size;
      const fn = new Function("return 'new'");
      expect(textOf(locate(fn).scriptId)).toContain("return 'new'");
      expect(liveScripts().size).toBeGreaterThan(before);
    });
  });

  test("that are not there are undefined", () => {
    expect([scriptOf("1000000"), textOf("1000000"), readText("x")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("boundPartsOf", () => {
  test("tells what a function is bound to, layer by layer", () => {
    const target = function target(..._args: unknown[]) {};
    const [self, symbol, arg] = [{}, Symbol("unique"), { arg: 1 }];
    const inner = target.bind(self, Number.NaN, 12n, undefined, -0, null, "text", symbol, arg);
    const outer = inner.bind("ignored", 1);
    expect(boundPartsOf(outer)).toEqual({ target: inner, thisValue: "ignored", args: [1] });
    const parts = boundPartsOf(boundPartsOf(outer)?.target as AnyFunction);
    expect(parts).toEqual({
      target,
      thisValue: self,
      args: [Number.NaN, 12n, undefined, -0, null, "text", symbol, arg],
    });
    expect(parts?.target).toBe(target);
    expect(parts?.thisValue).toBe(self);
    expect(parts?.args.at(-1)).toBe(arg);
  });

  test("of a native function and of a class that were bound", () => {
    expect(boundPartsOf(Math.max.bind(undefined, 1))).toEqual({ target: Math.max, thisValue: undefined, args: [1] });
    class Some {}
    expect(boundPartsOf(Some.bind(null) as unknown as AnyFunction)).toEqual({
      target: Some,
      thisValue: null,
      args: [],
    });
  });

  test("is undefined of others, also of those that say they are bound", () => {
    const named = Object.defineProperty(() => 1, "name", { value: "bound f" });
    for (const fn of [named, Math.max, new Proxy((() => 1).bind(1), {})]) expect(boundPartsOf(fn)).toBeUndefined();
  });
});

describe("privateMembersOf", () => {
  const { Members, More, Plain } = strict as Record<string, new () => object>;
  const byName = (object: object) => privateMembersOf(object).sort((a, b) => (a.name < b.name ? -1 : 1));

  test("gives the values that fields have, and runs no accessor", () => {
    const members = new (Members as new () => { uses(): unknown })();
    const found = byName(members).filter(({ kind }) => kind === "field");
    expect(found.map(({ name }) => name)).toEqual(["#fn", "#nothing", "#number", "#object", "#symbol", "#text"]);
    expect(found.map(({ value }) => value)).toEqual([
      expect.any(Function),
      undefined,
      Number.NaN,
      { deep: true },
      Symbol.for("symbol"),
      "text",
    ]);
    const accessor = byName(members).find(({ kind }) => kind === "accessor");
    expect(accessor).toEqual({
      name: "#accessor",
      kind: "accessor",
      value: { get: expect.any(Function), set: expect.any(Function) },
    });
    for (const { name, value } of byName(members).filter(({ kind }) => kind === "method")) {
      expect(String(value)).toContain(`${name}(`);
    }
  });

  test("of a subclass there are those of both, even of one name", () => {
    const texts = privateMembersOf(new (More as new () => object)()).filter(({ name }) => name === "#text");
    expect(texts.map(({ value }) => value).sort()).toEqual(["another", "text"]);
  });

  test("of a class there are its statics", () => {
    expect(byName(Members as object).filter(({ kind }) => kind === "field")).toEqual([
      { name: "#count", kind: "field", value: 1n },
    ]);
    expect(privateMembersOf(More as object)).toEqual([]);
  });

  test("of what has none there are none", () => {
    const proxy = new Proxy(new (Members as new () => object)(), {});
    for (const object of [new (Plain as new () => object)(), {}, [], () => 1, new Map(), proxy]) {
      expect(privateMembersOf(object)).toEqual([]);
    }
  });
});
