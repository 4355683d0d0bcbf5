import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { analyseScript, type ScriptFacts } from "../../packages/shipping/dist/analysis/script.js";

function script(text: string, isModule = false): ScriptFacts {
  const facts = analyseScript(text, isModule);
  if (facts === undefined) throw new Error(`Cannot be read: ${text}`);
  return facts;
}

/** What the name `n` means at the mark `/*1*​/`, which stands where a function begins. */
function at(text: string, mark = 1, isModule = false) {
  const facts = script(text, isModule);
  const offset = text.indexOf(`/*${mark}*/`) + 5;
  return { binding: facts.bindingAt("n", offset), constant: facts.isConstant("n", offset) };
}

describe("strict", () => {
  test.each<[string, boolean, boolean]>([
    ["/*1*/() => 1", false, false],
    ["/*1*/() => 1", true, true],
    ['"use strict"; /*1*/() => 1', false, true],
    ['"other"; "use strict"; /*1*/() => 1', false, true],
    ['0; "use strict"; /*1*/() => 1', false, false],
    ['("use strict"); /*1*/() => 1', false, false],
    ['function f() { "use strict"; /*1*/() => 1 }', false, true],
    ['function f() { "use strict" } /*1*/() => 1', false, false],
    ['function f() { "use strict" }/*1*/', false, false],
    ["class A { m() { return /*1*/() => 1 } }", false, true],
    ["class A { /*1*/m() { } }", false, true],
    ["class A extends (/*1*/() => 1) { }", false, true],
    ["(class A {}); /*1*/() => 1", false, false],
    ["({ m() { return /*1*/() => 1 } })", false, false],
    ['const f = () => { "use strict"; return /*1*/() => 1 }', false, true],
  ])("%s (module: %s)", (text, isModule, strict) => {
    expect(script(text, isModule).strictAt(text.indexOf("/*1*/") + 5)).toBe(strict);
  });

  test("at the function that says so itself, from its first character on", () => {
    const text = 'function f() { "use strict" }';
    expect([0, 10, 20].map((offset) => script(text).strictAt(offset))).toEqual([true, true, true]);
  });
});

describe("whether a variable keeps its value", () => {
  test.each<[string, boolean]>([
    ["const n = 1; /*1*/() => n", true],
    ["let n = 1; /*1*/() => n", true],
    ["let n; /*1*/() => n", true],
    ["let n; n = 1; /*1*/() => n", false],
    ["let n = 1; /*1*/() => n++", false],
    ["let n = 1; /*1*/() => n; function up() { n += 1 }", false],
    ["let n = 1; /*1*/() => n; function up(n) { n += 1 }", true],
    ["let n = 1; /*1*/() => n; { let n = 2; n++ }", true],
    ["let n = 1; /*1*/() => n; [n] = []", false],
    ["let n = 1; /*1*/() => n; ({ a: n } = {})", false],
    ["let n = 1; /*1*/() => n; ({ n } = {})", false],
    ["let n = 1; /*1*/() => n; for (n of []);", false],
    ["let n = 1; /*1*/() => n; class A { static { n = 2 } }", false],
    ["let n = 1; /*1*/() => n; class A { x = n++ }", false],
    ["let n = {}; /*1*/() => n; n.a = 1", true],
    ["var n = 1; /*1*/() => n", true],
    ["/*1*/() => n; var n = 1", true],
    ["var n = 1; var n = 2; /*1*/() => n", false],
    ["var n; var n; /*1*/() => n", true],
    ["for (const n of []) { /*1*/() => n }", true],
    ["for (let n = 0; n < 3; n++) { /*1*/() => n }", false],
    ["for (var n = 0; n < 3; n++) { /*1*/() => n }", false],
    ["for (var n of []) { /*1*/() => n }", false],
    ["while (1) { var n = 1; /*1*/() => n }", false],
    ["while (1) { let n = 1; /*1*/() => n }", true],
    ["while (1) { let n; n = 1; /*1*/() => n }", false],
    ["while (1) { (function () { var n = 1; /*1*/() => n })() }", true],
    ["function n() {} /*1*/() => n", true],
    ["function n() {} n = 1; /*1*/() => n", false],
    ["function n() {} var n = 1; /*1*/() => n", false],
    ["var n; function n() {} /*1*/() => n", true],
    ["class n {} /*1*/() => n", true],
    ["class n {} n = 1; /*1*/() => n", false],
    ["class n { m() { return /*1*/() => n } } n = 1", true],
    ["(n) => { /*1*/() => n }", true],
    ["(n) => { n = 1; /*1*/() => n }", false],
    ["(n) => { var n = 1; /*1*/() => n }", false],
    ["(n = 1) => { /*1*/() => n }", true],
    ["({ n }) => { /*1*/() => n }", true],
    ["function f(n) { arguments[0] = 1; /*1*/() => n }", false],
    ['function f(n) { "use strict"; arguments[0] = 1; /*1*/() => n }', true],
    ["function f({ n }) { arguments[0] = 1; /*1*/() => n }", true],
    ["function f(n) { (() => arguments)()[0] = 1; /*1*/() => n }", false],
    ["function f(n) { (function () { return arguments })(); /*1*/() => n }", true],
    ["try {} catch (n) { /*1*/() => n }", true],
    ["try {} catch (n) { var n = 1; /*1*/() => n }", false],
    ["try {} catch (n) { var n = 1 } /*1*/() => n", true],
    ["var n; (function (n) { n.a = 1 })(n || (n = {})); /*1*/() => n", false],
    ["{ function n() {} } /*1*/() => n", true],
    ["let n = 1; eval('n = 2'); /*1*/() => n", false],
    ["let n = 1; function f() { eval('n = 2') } /*1*/() => n", false],
    ["const n = 1; eval('n = 2'); /*1*/() => n", true],
    ["const n = 1; function f() { n = 2 } /*1*/() => n", true],
    ["function f() { eval('') } function g() { let n = 1; /*1*/() => n }", true],
    ["var n = 1; with ({}) { n = 1 } /*1*/() => n", false],
    ["switch (1) { case 1: let n = 1; /*1*/() => n }", true],
  ])("%s", (text, constant) => {
    expect(at(text).constant).toBe(constant);
  });

  test("what a module exports and imports", () => {
    expect(at('import { n } from "n"; /*1*/() => n', 1, true).binding).toMatchObject({
      kind: "import",
      isConstant: true,
    });
    expect(at("export let n = 1; /*1*/() => n; export { n as m }", 1, true).constant).toBe(true);
    expect(at("export default function n() {} /*1*/() => n", 1, true).binding).toMatchObject({ kind: "function" });
  });

  test("a name that the script does not declare", () => {
    expect(at("/*1*/() => n")).toEqual({ binding: undefined, constant: undefined });
    expect(at("{ let n } /*1*/() => n")).toEqual({ binding: undefined, constant: undefined });
  });
});

describe("which declaration a name means", () => {
  test.each<[string, boolean]>([
    ["let n; /*1*/() => n; /*2*/() => n", true],
    ["let n; /*1*/() => n; { /*2*/() => n }", true],
    ["let n; /*1*/() => n; { let n; /*2*/() => n }", false],
    ["let n; /*1*/() => n; function f(n) { /*2*/() => n }", false],
    ["function f(n) { /*1*/() => n; /*2*/() => n }", true],
    ["function f(n) { /*1*/() => n; { { /*2*/() => n } } }", true],
    ["function f(n) { /*1*/() => n } function g(n) { /*2*/() => n }", false],
    ["function f(n, g = /*1*/() => n) { var n; /*2*/() => n }", false],
    ["function f(n, g = /*1*/() => n) { /*2*/() => n }", true],
    ["let n; function f(g = /*1*/() => n) { var n; /*2*/() => n }", false],
    ["for (let n of []) { /*1*/() => n; /*2*/() => n }", true],
    ["var n; /*1*/() => n; for (var n of []) { /*2*/() => n }", true],
    ["function n() { /*1*/() => n } /*2*/() => n", true],
    ["(function n() { /*1*/() => n }); let n; /*2*/() => n", false],
    ["class n { m() { /*1*/() => n } } /*2*/() => n", false],
    ["try { let n; /*1*/() => n } catch (n) { /*2*/() => n }", false],
    ["let n; const f = /*1*/function (n) { return n }; /*2*/() => n", true],
    ["let n; class A { /*1*/m() { return n } static /*2*/s() { return n } }", true],
    ["let n; function f(/*1*/a = n) { var n } /*2*/() => n", true],
  ])("%s", (text, same) => {
    const one = at(text, 1).binding;
    // The function with a parameter of the name is asked from outside, as a free name of it would be.
    const first = text.includes("function (n)") ? script(text).bindingAt("n", text.indexOf("/*1*/")) : one;
    const other = at(text, 2).binding;
    expect(first?.at === other?.at && first?.scope === other?.scope).toBe(same);
  });

  test("at the function's first character and at its parameters it is the same", () => {
    const text = "let n; async function f (a) { return n }";
    const places = [text.indexOf("async"), text.indexOf("(a)"), text.indexOf("return")];
    const facts = script(text);
    expect(places.map((place) => facts.bindingAt("n", place)?.at)).toEqual([4, 4, 4]);
  });

  test.each<[string, boolean, string]>([
    ["let n; /*1*/() => n", true, "let"],
    ["{ let n; /*1*/() => n }", false, "let"],
    ["function f() { let n; /*1*/() => n }", false, "let"],
    ["function f(n) { /*1*/() => n }", false, "parameter"],
    ["f(); (() => { let n; /*1*/() => n })", false, "let"],
    ["using: { using; } var n; /*1*/() => n", true, "var"],
    ["(class n { m() { /*1*/() => n } })", false, "name"],
    ["try {} catch (n) { /*1*/() => n }", false, "catch"],
  ])("%s is the module's: %s", (text, isTop, kind) => {
    expect(at(text).binding).toMatchObject({ isTop, kind });
  });
});

describe("any text that V8 may have", () => {
  test.each<[string, boolean]>([
    ["#!/usr/bin/env node\nlet n", false],
    ["return 1; let n", false],
    ["let n = new.target", false],
    ["var await, yield; let n", false],
    ["let n = 017; with (n) {}", false],
    ["let n\n<!-- comment\n--> comment", false],
    ["let n; await n; for await (const x of n);", true],
    ["let n; export { n }", true],
  ])("%s", (text, isModule) => {
    expect(script(text, isModule).bindingAt("n", text.length - 1)).toBeDefined();
  });

  test.each(["let n = ;", "<html>", `let n = ${"(".repeat(100_000)}1`, "let a; let a"])(
    "what cannot be read",
    (text) => {
      expect(analyseScript(text, false)).toBeUndefined();
    },
  );

  test("a large one", () => {
    const text = readFileSync(
      join(import.meta.dirname, "../../packages/shipping/node_modules", "acorn/dist/acorn.js"),
      "utf8",
    );
    const facts = script(text);
    const place = text.indexOf("function isInAstralSet");
    expect(facts.bindingAt("astralIdentifierCodes", place)).toMatchObject({
      kind: "var",
      isConstant: true,
      isTop: false,
    });
    expect(facts.bindingAt("warnedAboutEcmaVersion", place)?.isConstant).toBe(false);
    expect(facts.strictAt(place)).toBe(true);
  });
});
