// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of functions, as strings
import { describe, expect, test } from "vitest";
import { functionText } from "../../packages/shipping/dist/analysis/function-text.js";
import { type Made, readable, rebuild } from "./understand-support.js";

const textOf = (source: string, cells: string[] = [], name = "") =>
  functionText(readable(source), source, { name, cells: new Set(cells) });

// What one sees of a call from outside: its outcome, the variable afterwards, and what functions are called.
function outcome(run: () => unknown, variable: () => unknown) {
  let result: unknown;
  try {
    result = shown(run());
  } catch (error) {
    result = (error as Error).name;
  }
  return { result, variable: shown(variable()) };
}

function shown(value: unknown): unknown {
  if (typeof value === "function") return `function ${JSON.stringify(value.name)}`;
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each)]));
}

// A function as the value of the variable tells whether it got a `this`.
const told = function (this: unknown, ...args: unknown[]) {
  return [this === undefined ? "no this" : "this", ...args.map((each) => (Array.isArray(each) ? [...each] : each))];
};

describe("a variable in a cell behaves as the variable does", () => {
  test.each<[string, unknown]>([
    ["() => n", 1],
    ["() => n + n * n - -n", 2],
    ["() => { n = 2; return n }", 1],
    ["() => { n += 2; n **= 2; n ||= 5; n &&= n; n ??= 1; return n }", 1],
    ["() => [n++, ++n, n--, --n, -n, +n, !n, ~n, void n]", 1],
    ["() => typeof n", "text"],
    ["() => typeof n()", told],
    ["() => ({ n })", 1],
    ["() => ({ n, m: n, [n]: n, n: n })", 1],
    ["() => ({ n() { return n } }).n()", 1],
    ["() => ({ get n() { return n } }).n", 1],
    ["() => { const { n: m } = { n: 5 }; return [m, n] }", 1],
    ["() => { ({ n } = { n: 5 }); return n }", 1],
    ["() => { ({ n = 7 } = {}); return n }", 1],
    ["() => { ({ m: n = 7 } = {}); return n }", 1],
    ["() => { ({ m: [n] = [3] } = {}); return n }", 1],
    ["() => { ({ ...n } = { a: 1, b: 2 }); return n }", 1],
    ["() => { [n] = [5]; return n }", 1],
    ["() => { [, [n = 8]] = [0, []]; return n }", 1],
    ["() => { [...n] = [1, 2]; return n }", 1],
    ["() => { const { m = n } = {}; return m }", 1],
    ["() => { let m; ({ m = n } = {}); return m }", 1],
    ["({ m = n } = {}, [k = n] = []) => [m, k]", 1],
    ["(m = n, k = (n = 5)) => [m, k, n]", 1],
    ["(n) => n", 1],
    ["() => { const seen = []; for (n of [1, 2, 3]) seen.push(n); return seen }", 1],
    ["() => { const seen = []; for (n in { a: 1, b: 2 }) seen.push(n); return seen }", 1],
    ["() => { for ({ n } of [{ n: 4 }]) ; return n }", 1],
    ["() => { for ([n = 6] of [[]]) ; return n }", 1],
    ["() => { for (n = 0; n < 3; n++) ; return n }", 1],
    ["() => { for (const n of [1]) n; return n }", 5],
    ["() => { n: for (;;) { break n } return n }", 1],
    ["() => { n: { n; } return { a: { n: 1 } }.a.n + n }", 1],
    ["() => n()", told],
    ["() => n(n)", told],
    ["() => (n)()", told],
    ["() => ((n))(1)", told],
    ["() => n?.()", told],
    ["() => n?.(1)", null],
    ["() => n?.a", null],
    ["() => n.call(1, 2)", told],
    ["() => n.a?.b", { a: { b: 1 } }],
    ["() => n`a${1}b`", told],
    ["() => n\n`a`", told],
    ["() => new n(5).getTime()", Date],
    ["() => new n.a(5).getTime()", { a: Date }],
    ["() => new n", Array],
    ["() => new (n())()", () => Array],
    ["() => { let m = 1\n n()\n return m }", told],
    ["() => { let m = [1]\n n(2).x\n return m }", told],
    ["() => { let m = told\n n`x`\n return m }".replace("told", "n"), told],
    ["() => { let m = n\n n\n n()\n n\n (1)\n return m === n }", told],
    ["() => { if (n)\n n()\n else\n n()\n return 1 }", told],
    ["() => { do\n n()\n while (false)\n for (; false;)\n n()\n l: n()\n return 1 }", told],
    ["() => { switch (1) { case 1:\n n()\n case 2: let m = n\n n()\n return m === n } }", told],
    ["() => { 'a'\n n()\n return 1 }", told],
    ["() => { ; (() => { n\n n() })()\n n() + 1\n n()\n return 2 }", told],
    ["() => { class A { static {\n n()\n n() } } return 1 }", told],
    ["() => `${n}${`${n}`}n`", 1],
    ["() => [/n/.source, /[n/]n/.source, 6 / n / 3]", 2],
    ["() => 'n' + \"n\" + `n` /* n */ // n", 1],
    ["async () => 1", 1],
    ["() => { const f = () => n; n = 9; return f() }", 1],
    ["() => { const f = function n() { return typeof n }; return f() }", 1],
    ["() => { try { throw 3 } catch (n) { return n } }", 1],
    ["() => { try { throw 3 } catch ({ m = n }) { return m } }", 1],
    ["() => { { let n = 2; n++ } return n }", 1],
    ["() => { { class n {} } return n }", 1],
    ["() => class { [n] = n; static m = n; static { n = 6 } }.m", 1],
    ["() => new (class { [n] = n })()", "key"],
    ["() => (class extends n {}).name", Array],
    ["() => n instanceof Function && 'a' in n", told],
    ["() => [...n, ...n]", [1, 2]],
    ["() => ({ ...n })", { a: 1 }],
    ["() => (0, n)", 1],
    ["() => n ? n : n", 1],
    ["() => { let m = 1\nm\n++\nn\nreturn [m, n] }", 1],
    ["function* g() { n = 2; const got = yield* [n]; return [got, n] }", 1],
    ["() => \\u006e + 1", 1],
    ["() => ({ \\u006e })", 1],
    ["() => { ({ \\u{6e} = 4 } = {}); return n }", 1],
  ])("%s", (source, n) => {
    const make = new Function("initial", `"use strict"; let n = initial; return { f: (${source}\n), n: () => n };`);
    const original: { f: () => unknown; n: () => unknown } = make(n);
    const made = rebuild(source, { strict: true, cells: { n } });
    const call = (fn: Made) => () => {
      const result = fn();
      return typeof result?.next === "function" ? [...result] : result;
    };
    const here = outcome(call(original.f), original.n);
    expect(outcome(call(made.value), () => made.cells.n?.v ?? n)).toEqual(here);
    if (readable(source, true).free.has("n")) expect(made.text.source).toContain(".v");
  });

  test.each<[string, string[]]>([
    ["() => { n = () => 1; return n }", ["n"]],
    ["() => { n = function () {}; return n }", ["n"]],
    ["() => { n = class {}; return n }", ["n"]],
    ["() => { n = (() => 1); return n }", ["n"]],
    ["() => { n = class { static name = 'own' }; return n }", ["own"]],
    ["() => { n = function named() {}; return n }", ["named"]],
    ["() => { n = [() => 1][0]; return n }", [""]],
    ["() => { (n) = () => 1; return n }", [""]],
    ["() => { n = undefined; n ??= () => 1; return n }", ["n"]],
    ["() => { n = 0; n ||= () => 1; return n }", ["n"]],
    ["() => { n = 1; n &&= () => 1; return n }", ["n"]],
    ["() => { [n = () => 1] = []; return n }", ["n"]],
    ["() => { ({ n = () => 1 } = {}); return n }", ["n"]],
    ["() => { ({ a: n = () => 1 } = {}); return n }", ["n"]],
    ["() => { for ([n = () => 1] of [[]]) ; return n }", ["n"]],
    ["() => { n = () => 1\n[2].at(0)\nreturn n }", ["n"]],
    ["() => { n = () => { }\n[2].at(0)\nreturn n }", ["n"]],
    ["() => { n = () => { }\n/2/.test(0)\nreturn n }", ["n"]],
    ["() => { n = () => { }\n(2)\nreturn n }", ["n"]],
    ["() => { let m = n = () => { }\n(2)\nreturn n }", ["n"]],
    ["() => { for (let m = n = () => { }; ;) return n }", ["n"]],
    ["() => { if (1) n = () => { }\nelse n = 2\nreturn n }", ["n"]],
    ["() => { class A { static x = n = () => { }\n[1] = 1 }\nreturn n }", ["n"]],
    ["() => { n = () => n = () => { }; n(); return n }", ["n"]],
    ["() => { m = n = () => { }; return m }", ["n"]],
    ["() => { n = m = () => { }; return n }", ["m"]],
    ["() => { n = () => m = () => { }\n(2)\nn()\nreturn [n, m] }", ["n", "m"]],
  ])("names of functions: %s", (source, names) => {
    const make = new Function(`let n, m; return (${source}\n)();`);
    expect([make()].flat().map((fn) => fn.name)).toEqual(names);
    expect(
      [rebuild(source, { strict: true, cells: { n: undefined, m: undefined } }).value()].flat().map((fn) => fn.name),
    ).toEqual(names);
  });

  test("deleting a variable does nothing and gives false", () => {
    const made = rebuild("function f() { return [delete n, delete (n), delete n.a, n] }", {
      strict: false,
      cells: { n: { a: 1 } },
    });
    expect(made.value()).toEqual([false, false, true, {}]);
  });

  test("two functions share a cell", () => {
    const up = rebuild("() => ++n", { cells: { n: 1 } });
    const get = new Function(...up.text.cells.values(), "return () => $cell0.v")(up.cells.n);
    expect([up.value(), up.value(), get()]).toEqual([2, 3, 3]);
  });

  test("methods, accessors and classes may use cells", () => {
    expect(rebuild("m() { return n++ }", { cells: { n: 4 } }).value()).toBe(4);
    expect(rebuild("get x() { return n() }", { cells: { n: told } }).value()).toEqual(["no this"]);
    const made = rebuild("class { x = n\n y = n()\n m() { return n } }", { cells: { n: told } });
    expect(new (made.value as Made)()).toMatchObject({ x: told, y: ["no this"] });
  });
});

describe("names that are added collide with nothing in the text", () => {
  test.each([
    "() => [n, $cell0]",
    "() => { const $cell0 = 1; return [n, $cell0] }",
    "() => { const \\u0024cell0 = 1; return [n, $cell0] }",
    "() => { const $cell\\u{30} = 1; return [n, $cell0] }",
  ])("%s", (source) => {
    const made = rebuild(source, { values: { $cell0: 1 }, cells: { n: 2 } });
    expect(made.value()).toEqual([2, 1]);
  });

  test("import", () => {
    expect(textOf("(imp000) => import(imp000)")).toMatchObject({
      source: "(imp000) => imp001(imp000)",
      helpers: { imp001: "import" },
    });
  });
});

describe("import() and import.meta are asked of helpers, at the same columns", () => {
  test.each<[string, string, Record<string, string>]>([
    ["() => import('a')", "() => imp000('a')", { imp000: "import" }],
    ["() => import /**/ ('a')", "() => imp000 /**/ ('a')", { imp000: "import" }],
    [
      "() => [import('a'), import('b', {}), 'import(c)']",
      "() => [imp000('a'), imp000('b', {}), 'import(c)']",
      { imp000: "import" },
    ],
    ["() => import(import('a'))", "() => imp000(imp000('a'))", { imp000: "import" }],
    ["() => import.meta.url", "() => impmeta0000.url", { impmeta0000: "meta" }],
    ["() => import\n. meta.url", "() => impmeta0000\n      .url", { impmeta0000: "meta" }],
    ["() => import . meta.url", "() => impmeta0000  .url", { impmeta0000: "meta" }],
    ["() => import(import.meta.url)", "() => imp000(impmeta0001.url)", { imp000: "import", impmeta0001: "meta" }],
    [
      "() => __vite_ssr_dynamic_import__('a')",
      "() => __vite_ssr_dynamic_import__('a')",
      { __vite_ssr_dynamic_import__: "import" },
    ],
    ["() => __vite_ssr_import_meta__.url", "() => __vite_ssr_import_meta__.url", { __vite_ssr_import_meta__: "meta" }],
    ["() => ({ import: 1, meta: a.import }).import", "() => ({ import: 1, meta: a.import }).import", {}],
  ])("%s", (source, expected, helpers) => {
    expect(textOf(source)).toMatchObject({ source: expected, helpers });
  });

  test("they work", async () => {
    const made = rebuild("async () => [await import('a'), import.meta.url]", {
      helpers: { import: (name: string) => `module ${name}`, meta: { url: "here" } },
    });
    expect(await made.value()).toEqual(["module a", "here"]);
  });
});

describe("names of methods that mean nothing elsewhere", () => {
  test.each([
    ["[a + b](x) { return x }", '["a name"](x) { return x }'],
    ["[k](x) { return x }", '["a name"](x) { return x }'],
    ["[a +\n b](x) { return x }", '["a name"\n  ](x) { return x }'],
    ["async *[k](x) { return x }", 'async *["a name"](x) { return x }'],
    ["get [k]() { return 1 }", 'get ["a name"]() { return 1 }'],
    ["[await f()](x) { return x }", '["a name" ](x) { return x }'],
    ["#method(x) { return x }", "m      (x) { return x }"],
    ["get #p() { return 1 }", "get m () { return 1 }"],
    ["async #p(x) { return x }", "async m (x) { return x }"],
    ["(x){ return x }", "static(x){ return x }"],
    ["get static() { return 1 }", "get static() { return 1 }"],
    ["plain(x) { return x }", "plain(x) { return x }"],
  ])("%s", (source, expected) => {
    expect(textOf(source, [], "a name").source).toBe(expected);
    expect(rebuild(source, { name: "a name" }).value).toBeTypeOf("function");
  });
});

test("what was replaced leads from new places back to old ones", () => {
  const source = "() => { n(1); return import('a') }";
  const { source: made, replaced } = textOf(source, ["n"]);
  expect(made).toBe("() => { ;(0,$cell1.v)(1); return imp000('a') }");
  expect(replaced).toEqual([
    { start: 8, end: 9, text: ";(0,$cell1.v)" },
    { start: 21, end: 27, text: "imp000" },
  ]);
});

test("a text without edits is the source itself", () => {
  const source = "function f(a) {\n  return g(a) + `${a}`; // end\n}";
  expect(textOf(source)).toEqual({
    source,
    helpers: {},
    cells: new Map(),
    superSlot: undefined,
    privateStatics: [],
    replaced: [],
  });
});
