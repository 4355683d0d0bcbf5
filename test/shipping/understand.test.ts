// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of functions, as strings
import { describe, expect, test } from "vitest";
import { understand } from "../../packages/shipping/dist/analysis/understand.js";
import type { ArgumentsUse } from "../../packages/shipping/src/analysis/arguments-use.js";
import { readable } from "./understand-support.js";

const free = (source: string) => [...readable(source).free.keys()];

// What V8 says, so that no text here is one that no function has.
function textsOf(container: string, ...parts: string[]): string[] {
  const value = new Function(`return (${container})`)();
  return [value, ...parts.map((part) => value[part])].flatMap((object) =>
    Object.values(Object.getOwnPropertyDescriptors(object)).flatMap(({ value, get, set }) =>
      [value, get, set].filter((each) => typeof each === "function" && each !== object.constructor).map(String),
    ),
  );
}

describe("every kind of function is read", () => {
  const plain = { isArrow: false, isAsync: false, isGenerator: false };
  test.each([
    ["function f() {}", { form: "expression", ...plain }],
    ["function () {}", { form: "expression", ...plain }],
    ["async function f() {}", { form: "expression", ...plain, isAsync: true }],
    ["function* f() {}", { form: "expression", ...plain, isGenerator: true }],
    ["async function* f() {}", { form: "expression", ...plain, isAsync: true, isGenerator: true }],
    ["() => 1", { form: "expression", ...plain, isArrow: true }],
    ["async () => 1", { form: "expression", ...plain, isArrow: true, isAsync: true }],
    ["async x => x", { form: "expression", ...plain, isArrow: true, isAsync: true }],
    ["async => async", { form: "expression", ...plain, isArrow: true }],
    ["get => get", { form: "expression", ...plain, isArrow: true }],
    ["class A {}", { form: "class", kind: "class", ...plain }],
    ["class {}", { form: "class", kind: "class", ...plain }],
    ["(){}", { form: "method", ...plain }],
    ["[await 1]() { return 1 }", { form: "method", key: "computed", ...plain }],
    ["class { [await 1]() {} [yield]() {} }", { form: "class", ...plain }],
    ["class extends (await f()) { }", { form: "class", heritage: "expression" }],
  ])("%s", (source, expected) => {
    expect(readable(source)).toMatchObject(expected);
  });

  test.each(
    textsOf(`{
      plain() {}, [1 + "computed"]() {}, "a string"() {}, 1e3() {}, 1n() {}, get() {}, set() {}, static() {}, async() {},
      await() {}, yield() {}, async asynchronous() {}, *generator() {}, async *both() {}, async *[1 + "b"]() {},
      /* a */ commented /* b */ () {}
    }`),
  )("method of an object: %s", (source) => {
    expect(readable(source)).toMatchObject({ form: "method", key: source.includes("[") ? "computed" : "plain" });
  });

  test.each(
    textsOf(`{
      get got() { return 1 }, set got(value) {}, get get() { return 1 }, get static() { return 1 }, get "a b"() { return 1 },
      get /* words */ between() { return 1 }, set async(value) {}, get [1 + "x"]() { return 1 }, get 5() { return 1 }
    }`),
  )("accessor of an object: %s", (source) => {
    expect(readable(source)).toMatchObject({ form: "accessor", key: source.includes("[") ? "computed" : "plain" });
  });

  test.each(
    textsOf(
      `class {
        static plain() {} static static() {} static get() {} static async() {} static async asynchronous() {}
        static *[1 + "x"]() {} static get got() { return 1 } static set got(value) {}
        static /* a */ get /* b */ commented() { return 1 } static async async() {}
        static() {} get get() { return 1 } set static(value) {}
      }`,
      "prototype",
    ),
  )("member of a class: %s", (source) => {
    // Whether a member is static is not in its text.
    expect(source).not.toMatch(/^static [^(]/);
    expect(readable(source).form).toBe(/^[gs]et [^(]/.test(source) ? "accessor" : "method");
  });

  test.each(
    textsOf(
      `class {
        #plain() {} static #fixed() {} async *#both() {} static async #later() {}
        get all() { return 1 } static all = [new this().#plain, this.#fixed, new this().#both, this.#later];
      }`,
      "all",
    ).filter((text) => text.includes("#")),
  )("private method: %s", (source) => {
    expect(readable(source)).toMatchObject({ form: "method", key: "private", strict: true });
  });

  test.each([
    ["function max() { [native code] }", "Unexpected token (1:26)"],
    ["function f() {}, function g() {}", "not one function"],
    ["function f() {})(), (function g() {}", "not one function"],
    ["a(){}, b(){}", "Unexpected token"],
    ["1 + 1", "not one function"],
    ["", "Unexpected token"],
  ])("not a function: %s", (source, reason) => {
    expect(understand(source, { strict: undefined })).toEqual({
      kind: "unreadable",
      reason: expect.stringContaining(reason),
    });
  });

  test("what is nested too deeply is unreadable, and a long chain is not", () => {
    const deep = `() => ${"(".repeat(200_000)}1${")".repeat(200_000)}`;
    expect(understand(deep, { strict: undefined })).toEqual({
      kind: "unreadable",
      reason: "it is nested too deeply",
    });
    expect(free(`() => a${".b()".repeat(20_000)}`)).toEqual(["a"]);
  });
});

describe("strict or sloppy", () => {
  test.each([
    ["() => 1", undefined, true],
    ["() => 1", true, true],
    ["() => 1", false, false],
    ["function f() { return 017 }", undefined, false],
    ["function f() { with (a) b }", undefined, false],
    ["function f(a) { delete a }", undefined, false],
    ["function f(a, a) { }", undefined, false],
    ["function f() { var let = 1, yield_, static; return static }", undefined, false],
    ["function f() { return '\\07' }", true, false],
    ["function f() { <!-- a comment\n return a }", undefined, true],
    ["function f() {\n--> a comment\n return a }", undefined, true],
    ['function f() { "use strict"; return this }', false, false],
    ["get x() { return 017 }", undefined, false],
    ["m() { with (a) b }", undefined, false],
    ["class A {}", false, false],
  ])("%s, known as strict: %s", (source, known, strict) => {
    expect(readable(source, known).strict).toBe(strict);
  });
});

describe("what reaches out of the text without being a variable", () => {
  const reach = (source: string) => {
    const { this: self, super: above, newTarget, arguments: args, meta, privates } = readable(source).lexical;
    return {
      ...(self.length > 0 && { this: self.length }),
      ...(above.length > 0 && { super: above.length }),
      ...(newTarget.length > 0 && { newTarget: newTarget.length }),
      ...(args !== undefined && { arguments: args.at.length }),
      ...(meta.length > 0 && { meta: meta.length }),
      ...(privates.size > 0 && { privates: [...privates.keys()] }),
    };
  };

  test.each<[string, ReturnType<typeof reach>]>([
    ["() => this", { this: 1 }],
    ["(a = this) => () => this", { this: 2 }],
    ["() => function () { return this }", {}],
    ["() => ({ m() { return this } })", {}],
    ["() => ({ [this.x]: 1, [this.y]() {} })", { this: 2 }],
    ["() => class { x = this; static y = this; static { this } [this.k] = 1 }", { this: 1 }],
    ["() => class extends this.A {}", { this: 1 }],
    ["function f() { return () => this }", {}],
    ["m() { return this }", {}],
    ["() => super.x", { super: 1 }],
    ["() => super()", { super: 1 }],
    ["m() { return super.m() }", { super: 1 }],
    ["m() { return () => super.m() }", { super: 1 }],
    ["m() { return { n() { return super.n() } } }", {}],
    ["get x() { return super.x }", { super: 1 }],
    ["class A extends B { constructor() { super() } m() { super.m() } x = super.y }", {}],
    [
      "class A { [this.k]() {} [super.k]() {} [arguments[0]]() {} [new.target]() {} }",
      { this: 1, super: 1, arguments: 1, newTarget: 1 },
    ],
    ["() => new.target", { newTarget: 1 }],
    ["() => () => new.target", { newTarget: 1 }],
    ["function f() { return new.target }", {}],
    ["() => function () { return new.target }", {}],
    ["() => arguments", { arguments: 1 }],
    ["() => { arguments.length; (() => arguments)() }", { arguments: 2 }],
    ["(...args) => function () { return arguments }", {}],
    ["function f() { return () => arguments }", {}],
    ["() => import.meta", { meta: 1 }],
    ["function f() { return () => import.meta.url }", { meta: 1 }],
    ["() => __vite_ssr_import_meta__.url", { meta: 1 }],
    ["() => a.#p", { privates: ["#p"] }],
    ["() => #p in a", { privates: ["#p"] }],
    ["m() { return this.#p + this.#q + this.#p }", { privates: ["#p", "#q"] }],
    ["() => class { #p; m(o) { return o.#p + o.#q } }", { privates: ["#q"] }],
    ["() => class { #p; m() { return class { n(o) { return o.#p } } } }", {}],
    ["() => class { #p; }.x.#p", { privates: ["#p"] }],
    ["#m() { return this.#m() }", { privates: ["#m"] }],
    ["class A { static #p = 1; static m(o) { return #p in o } }", {}],
    ["class A { m(o) { return o.#outer } }", { privates: ["#outer"] }],
  ])("%s", (source, expected) => {
    expect(reach(source)).toEqual(expected);
  });

  test.each<[string, Partial<ArgumentsUse>]>([
    ["() => arguments[0] + arguments.length", {}],
    ["() => [...arguments, f(...arguments)]", {}],
    ["() => { for (const a of arguments) use(a) }", {}],
    ["() => { const [a, { b }] = arguments; return typeof arguments }", {}],
    ["() => f.apply(o, arguments)", {}],
    ["() => arguments[0]++", { written: true }],
    ["() => { arguments.own = 1 }", { written: true }],
    ["() => delete arguments[0]", { written: true }],
    ["() => { [arguments[0], o.p] = list }", { written: true }],
    ["() => { for (arguments[0] of list); }", { written: true }],
    ["() => f(arguments)", { written: true }],
    ["() => f.apply(arguments, list)", { written: true }],
    ["() => f.apply(o, list, arguments)", { written: true }],
    ["() => { const given = arguments }", { written: true }],
    ["() => arguments[0]()", { written: true }],
    ["() => arguments[0]?.()", { written: true }],
    ["() => arguments.callee", { callee: true }],
    ["() => { const { callee } = arguments }", { callee: true }],
    ["() => { arguments = 1 }", { assigned: true, written: true }],
  ])("arguments that are only read, or changed: %s", (source, expected) => {
    const { at: _, ...use } = readable(source, false).lexical.arguments as ArgumentsUse;
    expect(use).toEqual({ assigned: false, written: false, callee: false, ...expected });
  });

  test("sloppy arguments as a variable", () => {
    expect(readable("() => { var arguments = 1; return arguments }", false).lexical.arguments).toBeUndefined();
    expect(readable("function f() { { let arguments; arguments } return arguments }", false).free.size).toBe(0);
  });

  test.each<[string, number, number]>([
    ["() => eval('a')", 1, 0],
    ["() => (eval)('a')", 1, 0],
    ["() => eval?.('a')", 0, 0],
    ["() => (0, eval)('a')", 0, 0],
    ["() => globalThis.eval('a')", 0, 0],
    ["function f() { with (a) { with (b) c } }", 0, 2],
  ])("what hides names: %s", (source, evals, withs) => {
    const { directEval, withs: found } = readable(source);
    expect([directEval.length, found.length]).toEqual([evals, withs]);
  });

  test("modules that are asked for", () => {
    const understood = readable(
      "async () => [await import('a'), import(b), import(`c`), import(`${d}`), __vite_ssr_dynamic_import__('/e'), require('f'), require(g), require.resolve('h'), import.meta.resolve('i'), createRequire(j)('k'), createRequire(j).resolve('l'), a.resolve('m')]",
    );
    expect(understood.imports.map(({ specifier }) => specifier)).toEqual(["a", undefined, "c", undefined, "/e"]);
    expect(understood.imports[0]?.at).toEqual({ line: 1, column: 20 });
    expect(understood.requires.map(({ specifier }) => specifier)).toEqual(["f", undefined, "h", "i", "k", "l"]);
    const named = "() => { const load = createRequire(import.meta.url); return load('a') + other('b'); }";
    expect(readable(named).requires.map(({ specifier }) => specifier)).toEqual(["a"]);
    expect(readable("(require) => require('f')").requires).toEqual([]);
  });

  test.each([
    ["function f() { return f }", { name: "f", used: true, written: false }],
    ["function f() { f = () => 1 }", { name: "f", used: true, written: true }],
    ["function f() { var f; f = 1 }", { name: "f", used: false, written: false }],
    ["function f(f) { return f }", { name: "f", used: false, written: false }],
    ["function f() { return function f() { return f } }", { name: "f", used: false, written: false }],
    ["class A { m() { return A } }", { name: "A", used: true, written: false }],
    ["class A { static x = A }", { name: "A", used: false, written: false }],
    ["() => 1", undefined],
    ["function () {}", undefined],
  ])("its own name: %s", (source, ownName) => {
    expect(readable(source).ownName).toEqual(ownName);
  });

  test("all of it is data", () => {
    const understood = readable("async (a) => { n(a); await import('x'); return { n } }");
    expect(structuredClone(understood)).toEqual(understood);
  });
});
