import { describe, expect, test } from "vitest";
import { analyseScript, type ScriptFacts } from "../../packages/shipping/dist/analysis/script.js";

function script(text: string, isModule = false): ScriptFacts {
  const facts = analyseScript(text, isModule);
  if (facts === undefined) throw new Error(`Cannot be read: ${text}`);
  return facts;
}

const importsOf = (text: string, isModule = false) =>
  Object.fromEntries(
    [...script(text, isModule).imports].map(([name, { specifier, imported, kind, interop }]) => [
      name,
      `${kind} ${imported} of ${specifier}${interop === undefined ? "" : ` as ${interop}`}`,
    ]),
  );

describe("imports", () => {
  test("of a module", () => {
    const text = `#!/usr/bin/env node
      import a, { b, c as d, default as e, "a string" as f } from "node:x";
      import * as g from "./g.js";
      import h, * as i from "h";
      import "nothing";
      import json from "./x.json" with { type: "json" };
      export { j } from "j";
      export * from "k";
      const l = await import("l");
      const { m, n: o } = await import("m");
      export const p = await import(\`p\`);
      const q = await import(a);
      function f2() { const r = require("r"); }`;
    expect(importsOf(text, true)).toEqual({
      a: "import default of node:x",
      b: "import b of node:x",
      d: "import c of node:x",
      e: "import default of node:x",
      f: "import a string of node:x",
      g: "import * of ./g.js",
      h: "import default of h",
      i: "import * of h",
      json: "import default of ./x.json",
      l: "import * of l",
      m: "import m of m",
      o: "import n of m",
      p: "import * of p",
    });
  });

  test("of CommonJS", () => {
    const text = `"use strict";
      const a = require("a"), { b, c: d, "e f": g, h = 1, [i]: j, k: { l }, ...m } = require("node:b");
      var n = require("n").member;
      let o = require("o").default.deep;
      const p = require(a);
      const q = require.resolve("q");
      let changed = require("changed"); changed = 1;
      const once = require("once");
      if (once) { var inner = require("inner"); }
      const r = new (require("r"))();`;
    expect(importsOf(text)).toEqual({
      a: "require * of a",
      b: "require b of node:b",
      d: "require c of node:b",
      g: "require e f of node:b",
      n: "require member of n",
      once: "require * of once",
    });
  });

  test("as compilers write them", () => {
    const text = `
      const node_fs_1 = require("node:fs");
      const os = __importStar(require("os"));
      const path_1 = __importDefault(require("path"));
      const tslib_1 = require("tslib");
      const url = tslib_1.__importStar(require("url"));
      const util_1 = (0, tslib_1.__importDefault)(require("util"));
      var import_a = __toESM(require("a"), 1);
      var import_b = require("b");
      var _c = _interopRequireDefault(require("c"));
      var _d = _interopRequireWildcard(require("d"));
      var _e = /*#__PURE__*/ _interop_require_default._(require("e"));
      var _f = _interop_require_default(require("f")).default;
      var other = wrap(require("other"));
      var import_g = __toESM(require_g());`;
    expect(importsOf(text)).toEqual({
      node_fs_1: "require * of node:fs",
      os: "require * of os as namespace",
      path_1: "require * of path as default",
      tslib_1: "require * of tslib",
      url: "require * of url as namespace",
      util_1: "require * of util as default",
      import_a: "require * of a as namespace",
      import_b: "require * of b",
      _c: "require * of c as default",
      _d: "require * of d as namespace",
      _e: "require * of e as default",
      _f: "require default of f as default",
    });
  });

  // The very text that V8 had for a test file of vitest 4.
  const vitest = `'use strict';async (__vite_ssr_exports__,__vite_ssr_import_meta__,__vite_ssr_import__,__vite_ssr_dynamic_import__,__vite_ssr_exportAll__,__vite_ssr_exportName__,__filename,__dirname,module,exports,require)=>{{__vite_ssr_exportName__("count", () => { try { return count } catch {} });
const __vite_ssr_import_0__ = await __vite_ssr_import__("node:fs", {"importedNames":["readFileSync"]});
const __vi_import_1__ = await __vite_ssr_import__("/x.ts");
const old = require("old");
let count = 0, n = 1;
const local = /*1*/(x) => x + n + __vite_ssr_import_0__.readFileSync.length;
function up() { count++ }

}}`;

  test("of a module that vitest has put into a function", () => {
    expect(importsOf(vitest)).toEqual({
      __vite_ssr_import_0__: "import * of node:fs",
      __vi_import_1__: "import * of /x.ts",
      old: "require * of old",
    });
    expect(script(vitest).bindingAt("n", vitest.indexOf("/*1*/"))).toMatchObject({
      isTop: true,
      kind: "let",
      isConstant: true,
    });
    expect(script(vitest).bindingAt("count", vitest.indexOf("/*1*/"))).toMatchObject({
      isTop: true,
      isConstant: false,
    });
    expect(script(vitest).strictAt(vitest.indexOf("/*1*/"))).toBe(true);
  });

  test("of a module that others have put into a function", () => {
    const commonJs = '(function (exports, require, module) { const n = require("n"); /*1*/() => n })';
    expect(importsOf(commonJs)).toEqual({ n: "require * of n" });
    expect(script(commonJs).bindingAt("n", commonJs.indexOf("/*1*/"))?.isTop).toBe(true);
    expect(
      importsOf(
        '(async function anonymous(__vite_ssr_import__\n) {\n"use strict";const n = await __vite_ssr_import__("n");\n})',
      ),
    ).toEqual({
      n: "import * of n",
    });
  });

  test("what is called require and is none", () => {
    expect(importsOf('function require() {} const a = require("a")')).toEqual({});
    expect(importsOf('const require = other; const a = require("a")')).toEqual({});
    expect(
      importsOf(
        'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); const a = require("a")',
        true,
      ),
    ).toEqual({
      createRequire: "import createRequire of node:module",
      a: "require * of a",
    });
    expect(
      importsOf(
        'import m from "node:module"; const require = m.createRequire(import.meta.url); const { a } = require("a")',
        true,
      ),
    ).toEqual({
      m: "import default of node:module",
      a: "require a of a",
    });
  });
});
