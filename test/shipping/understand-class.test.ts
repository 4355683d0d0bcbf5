// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of classes, as strings
import { describe, expect, test } from "vitest";
import { functionText } from "../../packages/shipping/dist/analysis/function-text.js";
import { type Made, readableClass, rebuild } from "./understand-support.js";

const textOf = (source: string) => functionText(readableClass(source), source, { name: "" });

describe("what a class extends is asked for, not evaluated again", () => {
  class Base {
    say() {
      return "base";
    }
  }

  test.each([
    "class A extends B { say() { return super.say() + 1 } }",
    "class A extends (f(x), B) { say() { return super.say() + 1 } }",
    "class A extends f(class extends B {}) { say() { return super.say() + 1 } }",
    "class A extends B{ say() { return super.say() + 1 } }",
    "class A extends B // { comment\n{ say() { return super.say() + 1 } }",
    "class A /* extends */ extends /* { */ B /* } */ { say() { return super.say() + 1 } }",
    "class extends (await f()) { say() { return super.say() + 1 } }",
    "class /* a */ extends(B){ say() { return super.say() + 1 } }",
    "class extends class { } { say() { return super.say() + 1 } }",
  ])("%s", (source) => {
    const understood = readableClass(source);
    expect(understood.heritage).toBe("expression");
    expect([...understood.free.keys()]).toEqual([]);
    const { value } = rebuild(source, { heritage: Base });
    const made = new (value as Made)();
    expect(made).toBeInstanceOf(Base);
    expect(made.say()).toBe("base1");
  });

  test("null stays", () => {
    expect(readableClass("class A extends null {}").heritage).toBe("null");
    expect(readableClass("class A extends (null) {}").heritage).toBe("null");
    expect(textOf("class A extends null {}").superSlot).toBeUndefined();
    expect(Object.getPrototypeOf((rebuild("class A extends null {}").value as Made).prototype)).toBeNull();
  });

  test("none", () => {
    expect(readableClass("class A {}").heritage).toBe("none");
    expect(textOf("class A {}").superSlot).toBeUndefined();
  });

  test("columns and lines stay where there is room", () => {
    expect(textOf("class A extends Mixin(Base) { m() {} }").source).toBe("class A extends $super0     { m() {} }");
    expect(textOf("class A extends Mixin(\n  Base) { m() {} }").source).toBe(
      "class A extends $super0 \n        { m() {} }",
    );
  });
});

describe("static state is not evaluated again", () => {
  test.each<[string, string[]]>([
    ["class A { static x = f() }", []],
    ["class A { static x }", []],
    ["class A { static x = f()\n static y = g() }", []],
    ["class A { static [f()] = g() }", []],
    ["class A { static 'a b' = f(); static 1 = g() }", []],
    ["class A { static { f(); this.x = 1 } }", []],
    ["class A { a = 1\n static x = f();\n [Symbol.iterator]() { return 5 } }", ["a"]],
    ["class A { a\n static { f() }\n *g() { } }", ["a"]],
    ["class A { a = 1\n static { f() }\n [1] = 2 }", ["1", "a"]],
    ["class A { static\n x = f(); b = 2 }", ["b"]],
    ["class A { static static = f(); static = 1 }", ["static"]],
    ["class A { static async = f()\n async = 1 }", ["async"]],
    ["class A { static x = class { static { f() } }; c = 3 }", ["c"]],
    ["class A { static x = () => { }\n ['d'] = 1 }", ["d"]],
  ])("%s", (source, fields) => {
    const understood = readableClass(source);
    expect([...understood.free.keys()].filter((name) => name !== "Symbol")).toEqual([]);
    const { value } = rebuild(source);
    expect(Object.getOwnPropertyNames(value)).toEqual(["length", "name", "prototype"]);
    expect(Object.keys(new (value as Made)())).toEqual(fields);
  });

  test("private static fields begin with what is given", () => {
    const source = `class A {
      static #one = f();
      static #two
      static #three = (1, g)
      ;['computed']() {}
      static #four = () => {}
      ['more'] = 1;
      static #five; static #six = A
      static all() { return [A.#one, A.#two, A.#three, A.#four, A.#five, A.#six] }
    }`;
    const understood = readableClass(source);
    const names = ["#one", "#two", "#three", "#four", "#five", "#six"];
    expect(understood.privateStatics).toEqual(names);
    expect([...understood.free.keys()]).toEqual([]);
    const privateStatics = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    const { value, text } = rebuild(source, { privateStatics });
    expect((value as Made).all()).toEqual(names.map((name) => `value of ${name}`));
    expect(text.privateStatics.map(({ name }) => name)).toEqual(names);
    expect(new Set(text.privateStatics.map(({ slot }) => slot)).size).toBe(6);
    expect(text.source.split("\n")).toHaveLength(source.split("\n").length);
  });

  test("all else stays: methods, accessors, instance fields, private members", () => {
    const source = `class A {
      static sum = 0;
      static { A.sum = 1 }
      #own = start;
      field = this.#own + 1;
      static make() { return new this() }
      static #hidden() { return "hidden" }
      static seen() { return this.#hidden() }
      get own() { return this.#own }
      set own(value) { this.#own = value }
      [Symbol.toPrimitive]() { return this.#own }
      static get [Symbol.species]() { return A }
      has(other) { return #own in other }
    }`;
    const { value: A } = rebuild(source, { values: { start: 41 } }) as Made;
    const made = A.make();
    made.own++;
    expect([made.field, made.own, Number(made), A.seen(), made.has(made), A[Symbol.species] === A, A.sum]).toEqual([
      42,
      42,
      42,
      "hidden",
      true,
      true,
      undefined,
    ]);
  });
});

describe("what occurs only in what is not evaluated again is not free", () => {
  test.each<[string, string[]]>([
    ["class A extends B { static x = c; static #y = d; static { e } }", []],
    ["class A { x = b; m() { return c } static m() { return d } [e] = 1; static [f]() {} }", ["b", "c", "d", "e", "f"]],
    ["class A { static x = b; m() { return b } }", ["b"]],
    ["class A { static x = () => import('y'); static { this; super.z; eval('') } }", []],
  ])("%s", (source, names) => {
    const understood = readableClass(source);
    expect([...understood.free.keys()].sort()).toEqual(names);
    expect([understood.imports, understood.directEval, understood.lexical.this, understood.lexical.super]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  test("positions are those of the text before anything is left out", () => {
    const understood = readableClass("class A extends B {\n  static x = b;\n  m() { return b } }");
    expect(understood.free.get("b")?.at).toEqual([{ line: 3, column: 16 }]);
  });
});

describe("computed names", () => {
  test.each<[string, string[], string[]]>([
    ["class A { [Symbol.iterator]() {} }", ["Symbol"], []],
    ["class A { ['a']() {} [1]() {} [`b`]() {} [-1]() {} }", [], []],
    ["class A { [k]() {} get [`a${k}`]() {} static ['x' + l + 1]() {} [m] = 1 }", ["k", "l", "m"], []],
    ["class A { static [k] = 1 }", [], []],
    ["class A { [f()]() {} }", [], ["1:12"]],
    ["class A { [k = 1]() {} [k++]() {} [new K()]() {} [/a/] = 1 }", [], ["1:12", "1:25", "1:36", "1:51"]],
    ["class A { [keys.id]() {} [a[b]]() {} [`${f()}`]() {} }", [], ["1:12", "1:27", "1:39"]],
    ["class A { [this.x]() {} [await x]() {} }", [], ["1:12", "1:26"]],
  ])("%s", (source, names, unstable) => {
    const understood = readableClass(source);
    expect([...understood.keyNames].sort()).toEqual(names);
    expect(understood.unstableKeys.map(({ line, column }) => `${line}:${column}`)).toEqual(unstable);
  });
});

describe("members are listed as toString gives them", () => {
  const source = `class A extends Object {
    constructor() { super() }
    plain() {}
    static fixed() {}
    static /* c */ async /* d */ later() {}
    'a b'() {}
    1e3() {}
    2n() {}
    [Symbol.iterator]() {}
    get got() { return 1 }
    set got(value) {}
    static get got() { return 2 }
    *generator() {}
    async *both() {}
    #hidden() {}
    static #hiddenStatic() {}
    get() {}
    static static() {}
    static
    get() {}
    field = () => 1
    all = [this.#hidden, A.#hiddenStatic]
  }`;
  const A = new Function(`return (${source})`)();

  test("their texts are those of V8", () => {
    const [hidden, hiddenStatic] = new A().all as (() => void)[];
    for (const { key, kind, isStatic, source: text } of readableClass(source).members) {
      const holder = isStatic ? A : A.prototype;
      const descriptor = Object.getOwnPropertyDescriptor(holder, key ?? Symbol.iterator);
      const found = kind === "method" ? descriptor?.value : descriptor?.[kind];
      const fn = key === "#hidden" ? hidden : key === "#hiddenStatic" ? hiddenStatic : found;
      expect(String(fn)).toBe(text);
    }
  });

  test("their kinds and names", () => {
    const brief = readableClass(source).members.map(
      ({ key, kind, isStatic, isPrivate }) =>
        `${isStatic ? "static " : ""}${isPrivate ? "private " : ""}${kind} ${key ?? "computed"}`,
    );
    expect(brief).toEqual([
      "method plain",
      "static method fixed",
      "static method later",
      "method a b",
      "method 1000",
      "method 2",
      "method computed",
      "get got",
      "set got",
      "static get got",
      "method generator",
      "method both",
      "private method #hidden",
      "static private method #hiddenStatic",
      "method get",
      "static method static",
      "static method get",
    ]);
  });
});
