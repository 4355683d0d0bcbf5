// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of functions, as strings
import { describe, expect, test } from "vitest";
import { readable } from "./understand-support.js";

const free = (source: string, strict?: boolean) => [...readable(source, strict).free.keys()];
const uses = (source: string, name: string) => readable(source).free.get(name);

describe("free names are those that no scope of the text declares", () => {
  test.each<[string, string[]]>([
    ["(a) => a + b", ["b"]],
    ["function f() { return f(g) }", ["g"]],
    ["function f({ a, b: [c = d], ...e }) { return a + b + c + d + e }", ["d", "b"]],
    ["() => { return a; var a }", []],
    ["() => { return a(); function a() {} }", []],
    ["() => { { let a } return a }", ["a"]],
    ["() => { { var a } return a }", []],
    ["() => { { const a = 1; } { class a {} } a }", ["a"]],
    ["() => { try {} catch (e) { e } e }", ["e"]],
    ["() => { try {} catch ({ message: [e] }) { var f = e } f }", []],
    ["() => { try {} catch { a } }", ["a"]],
    ["() => { for (let i = 0; i < n; i++) i; i }", ["n", "i"]],
    ["() => { for (const a of b) a; for (const c in d) c }", ["b", "d"]],
    ["() => { for (const a of a) a }", []],
    ["() => { for (var a of b) ; return a }", ["b"]],
    ["() => { for (a of b) ; for ([c.d, e = f] of g) ; for (h in i) ; }", ["a", "b", "c", "e", "f", "g", "h", "i"]],
    ["() => { switch (a) { case b: let c; default: c } c }", ["a", "b", "c"]],
    ["() => { l: for (;;) { break l; continue l } }", []],
    ["() => ({ a: 1, b, c() {}, get d() { return e }, [f]: g, ...h })", ["b", "e", "f", "g", "h"]],
    ["() => a.b.c[d].e?.[f]?.g", ["a", "d", "f"]],
    ["(x = a) => { var a; return x }", ["a"]],
    ["(x = () => y, y) => x", []],
    ["(a, x = () => { var a }) => a", []],
    ["function f(x = f, y = arguments) { return [x, y] }", []],
    ["() => function g() { return g }", []],
    ["() => { (function g() {}); return g }", ["g"]],
    ["() => { (class g { static m() { return g } }); return g }", ["g"]],
    [
      "() => class { [a] = b; static c = d; static { e; var e2 } f() { return g } get [h]() { return this } }",
      ["a", "b", "d", "e", "g", "h"],
    ],
    ["() => class A extends A {}", []],
    [
      "() => { [a, b.c, ...d] = e; ({ f, g: h, i: j = k, ...l } = m) }",
      ["a", "b", "d", "e", "f", "h", "j", "k", "l", "m"],
    ],
    ["() => `${a}${`${b}`}` + c`${d}`", ["a", "b", "c", "d"]],
    ["() => /a/.test(b) / c / d", ["b", "c", "d"]],
    ["() => '${a}' // b\n/* c */", []],
    ["function* f() { yield a; yield* b }", ["a", "b"]],
    ["async () => { await a; for await (const b of c) b; await using d = e; d }", ["a", "c", "e"]],
    ["() => { using a = b; return a }", ["b"]],
    ["async async => async", []],
    ["async () => async(1)", ["async"]],
    ["() => { var get, set, of, let_, from, as; return [get, set, of, from, as] }", []],
    ["() => new.target", []],
    ["() => \\u0061 + \\u{62}", ["a", "b"]],
    ["(\\u0061) => a", []],
    ["() => { let \\u{62} = 1; return b }", []],
    ["() => 𠮷 + ünï", ["𠮷", "ünï"]],
    ["() => { a\n++b\nc\nd\n(e) }", ["a", "b", "c", "d", "e"]],
    ["get [k]() { return a }", ["a"]],
    ["m(x = k) { return a }", ["k", "a"]],
    ["[k + l](x) { return x + a }", ["a"]],
    ["() => undefined", ["undefined"]],
    ["() => { a: { b } }", ["b"]],
    ["() => { import('x'); import.meta.url }", []],
    ["() => (a, b) => [a, b, c]", ["c"]],
    ["() => { if (a) { let b = 1; () => b } else { b } }", ["a", "b"]],
    ["() => { do { var a = b } while (a); while (c) d; }", ["b", "c", "d"]],
    ["() => { const { a = b, [c]: d } = e; return a + d }", ["b", "c", "e"]],
    ["() => ({ __proto__: a, b: ({ c } = d) })", ["a", "c", "d"]],
  ])("%s", (source, expected) => {
    expect(free(source).sort()).toEqual([...expected].sort());
  });

  test.each<[string, string[]]>([
    // A function in a block of sloppy code is a variable of its function as well.
    ["function f() { { function g() {} } return g }", []],
    ["function f(g) { { function g() {} } return g }", []],
    ["function f() { if (a) function g() {} return g }", ["a"]],
    ["function f() { switch (1) { case 1: function g() {} } return g }", []],
    ["function f() { { let g; { function g() {} } } return g }", ["g"]],
    ["function f() { { async function g() {} } return g }", ["g"]],
    ["function f() { { function* g() {} } return g }", ["g"]],
    ["function f() { try {} catch (g) { { function g() {} } } return g }", []],
    ["function f(a = g) { { function g() {} } return g }", ["g"]],
    ['function f() { "use strict"; { function g() {} } return g }', ["g"]],
    ["function f() { l: { m: function g() {} } return g }", []],
    ["function f() { var yield; return yield + await }", ["await"]],
    ["function f() { delete a }", ["a"]],
  ])("sloppy: %s", (source, expected) => {
    expect(free(source, false)).toEqual(expected);
  });

  test("in strict code it is not", () => {
    expect(free("function f() { { function g() {} } return g }", true)).toEqual(["g"]);
  });
});

describe("how a free name is used", () => {
  test.each<[string, boolean]>([
    ["() => n", false],
    ["() => n.a = 1", false],
    ["() => n = 1", true],
    ["() => n += 1", true],
    ["() => n ??= 1", true],
    ["() => n++", true],
    ["() => { for (n of []) ; }", true],
    ["() => { for (n in {}) ; }", true],
    ["() => { [n] = [] }", true],
    ["() => { [[n = 1]] = [] }", true],
    ["() => { ({ n } = {}) }", true],
    ["() => { ({ n = 1 } = {}) }", true],
    ["() => { ({ a: n } = {}) }", true],
    ["() => { ({ ...n } = {}) }", true],
    ["() => { [...n] = [] }", true],
    ["() => { ({ [n]: this.x } = {}) }", false],
    ["() => { ({ a: n.b } = {}) }", false],
    ["(x = n = 1) => x", true],
    ["() => delete n", true],
    ["() => delete n.a", false],
    ["() => { n; { let n = 1; n++ } }", false],
  ])("written: %s", (source, written) => {
    expect(uses(source, "n")?.written).toBe(written);
  });

  test.each<[string, string[]]>([
    ["() => n.a + n.b()", ["a", "b"]],
    ["() => n?.a", ["a"]],
    ["() => n?.a?.b", ["a.b"]],
    ["() => (n?.a).b", ["a.b"]],
    ['() => n["a"]["b c"]', ["a.b c"]],
    ["() => n.a.b.c().d", ["a.b.c"]],
    ["() => n.a[x]", ["a"]],
    ["() => n.a.b = 1", ["a"]],
    ["() => delete n.a.b", ["a"]],
    ["() => new n.A()", ["A"]],
    ["() => n.a`x`", ["a"]],
    ["() => (0, n.a)()", ["a"]],
    ["() => n", [""]],
    ["() => n[x]", [""]],
    ["() => n.a = 1", [""]],
    ["() => n.a++", [""]],
    ["() => delete n.a", [""]],
    ["() => { [n.a] = [] }", [""]],
    ["() => { for (n.a of []) ; }", [""]],
    ["() => n.a + f(n)", ["a", ""]],
    ["() => n()", [""]],
    ["() => ({ n })", [""]],
    ["() => n.#a", [""]],
    ["() => n.a + n.a.b", ["a", "a.b"]],
  ])("members: %s", (source, paths) => {
    expect(uses(source, "n")?.paths.map((path) => path.join("."))).toEqual(paths);
  });

  test.each<[source: string, reads: string[]]>([
    ["() => n.a + n.b.c()", ["a", "b.c"]],
    ["() => n?.a.b", ["a.b"]],
    ["() => (n?.a).b", ["a.b"]],
    ["() => { n.a = 1 }", [""]],
    ["() => { n.a += 1; n.b++; n.c ??= 2 }", ["a", "b", "c"]],
    ["() => { const { a, b: { c = 1 }, 'd': e, ...rest } = n }", ["a", "b.c", "d", ""]],
    ["() => { const { a } = n.b }", ["b.a"]],
    ["() => { let a; ({ a } = n) }", ["a"]],
    ["() => { const { [key]: a } = n }", [""]],
    ["() => { const [a] = n }", [""]],
    ["() => 'a' in n", ["a"]],
    ["() => key in n", [""]],
    ["() => n[key]", [""]],
  ])("what is read: %s", (source, reads) => {
    expect(uses(source, "n")?.reads.map((path) => path.join("."))).toEqual(reads);
  });

  test.each<[string, boolean]>([
    ["() => typeof n", true],
    ["() => typeof n === 'undefined' ? 0 : typeof (n)", true],
    ["() => typeof n.a", false],
    ["() => typeof n === 'undefined' ? 0 : n", true],
    ["() => n", false],
  ])("asked by typeof: %s", (source, asked) => {
    expect(uses(source, "n")?.asked).toBe(asked);
  });

  test("names only, as esbuild's helper", () => {
    expect(uses('() => __name(() => {}, "f")', "__name")?.namesOnly).toBe(true);
    expect(uses("() => __name(() => {}, f)", "__name")?.namesOnly).toBe(false);
    expect(uses("() => __name", "__name")?.namesOnly).toBe(false);
  });

  test("positions are lines and columns of the text itself", () => {
    expect(uses("() => {\r\n  n;\n\u2028 n\n}", "n")?.at).toEqual([
      { line: 2, column: 3 },
      { line: 4, column: 2 },
    ]);
    expect(uses("() => ({ n, a: `\n${n}` })", "n")?.at).toEqual([
      { line: 1, column: 10 },
      { line: 2, column: 3 },
    ]);
    // V8 forgets the name of a method that is called static.
    expect(uses("(){ return n }", "n")?.at).toEqual([{ line: 1, column: 12 }]);
  });
});
