import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageKey, packageTree, rememberNamed, sha256 } from "@pydist/shipping";
import { findPackage, parseManifest } from "@pydist/shipping/runtime";
import { type LocalTree, localFolder, provideTree, readProvided } from "@pydist/shipping/trees";
import { describe, expect, it } from "vitest";
import { folderOf, installed, layOut, runIn, write } from "../support/folders.js";

async function treeOf(name: string, folder: string): Promise<LocalTree> {
  const found = findPackage(name, folder);
  if (found === undefined) throw new Error(`${name} is not in ${folder}`);
  const tree = await packageTree(found);
  expect(parseManifest(tree.text).hash).toBe(tree.hash);
  return tree;
}

describe("a package of the registry", () => {
  it.each([
    ["lodash", 'import lodash from "lodash"; console.log(lodash.chunk([1, 2, 3], 2).length);', "2"],
    ["date-fns", 'import { addDays } from "date-fns"; console.log(addDays(0, 1).getTime());', "86400000"],
    ["zod", 'import { z } from "zod"; console.log(z.number().parse(5));', "5"],
    ["mathjs", 'import { evaluate } from "mathjs"; console.log(evaluate("sqrt(3^2 + 4^2)"));', "5"],
    ["simple-statistics", 'import { mean } from "simple-statistics"; console.log(mean([1, 3]));', "2"],
    ["acorn", 'import { parse } from "acorn"; console.log(parse("1;", { ecmaVersion: 2022 }).type);', "Program"],
  ])("%s runs from its tree alone", async (name, program, printed) => {
    const tree = await treeOf(name, import.meta.dirname);
    expect(tree.files.filter(({ path }) => /\.(?:map|md|d\.[cm]?ts)$/.test(path) && !/licen/i.test(path))).toEqual([]);
    expect(runIn(layOut(tree), program)).toBe(printed);
  });
});

describe("the closure of a package", () => {
  it("holds two versions of one package, and circles, and scoped names", async () => {
    const home = folderOf({
      ...installed(
        "",
        "top",
        "1.0.0",
        { "index.js": 'module.exports = [require("@s/a"), require("b").name];' },
        {
          dependencies: { "@s/a": "*", b: "*" },
        },
      ),
      ...installed(
        "",
        "@s/a",
        "1.0.0",
        { "index.js": 'module.exports = [require("v"), require("b").seen];' },
        {
          dependencies: { v: "2", b: "*" },
        },
      ),
      ...installed("node_modules/@s/a", "v", "2.0.0"),
      ...installed("", "v", "1.0.0"),
      ...installed(
        "",
        "b",
        "1.0.0",
        { "index.js": 'exports.name = "b"; exports.seen = require("v"); require("@s/a");' },
        {
          dependencies: { "@s/a": "*", v: "1" },
        },
      ),
    });
    const tree = await treeOf("top", home);
    expect(tree.links).toContainEqual({ path: "node_modules/top", target: ".store/top@1.0.0/node_modules/top" });
    expect(tree.links).toContainEqual({
      path: "node_modules/.store/top@1.0.0/node_modules/@s/a",
      target: "../../../@s+a@1.0.0/node_modules/@s/a",
    });
    const program = 'import top from "top"; console.log(JSON.stringify(top));';
    const here = runIn(home, program);
    expect(here).toBe('[["v 2.0.0","v 1.0.0"],"b"]');
    expect(runIn(layOut(tree), program)).toBe(here);
  });

  it("takes the same version twice where it is installed twice, with other dependencies", async () => {
    const home = folderOf({
      ...installed(
        "",
        "top",
        "1.0.0",
        { "index.js": 'module.exports = [require("a"), require("b")];' },
        {
          dependencies: { a: "*", b: "*" },
        },
      ),
      ...installed("", "a", "1.0.0", { "index.js": 'module.exports = require("x");' }, { dependencies: { x: "*" } }),
      ...installed("", "x", "1.0.0", { "index.js": 'module.exports = require("y");' }, { dependencies: { y: "*" } }),
      ...installed("", "y", "1.0.0"),
      ...installed("", "b", "1.0.0", { "index.js": 'module.exports = require("x");' }, { dependencies: { x: "*" } }),
      ...installed(
        "node_modules/b",
        "x",
        "1.0.0",
        { "index.js": 'module.exports = require("y");' },
        { dependencies: { y: "*" } },
      ),
      ...installed("node_modules/b", "y", "2.0.0"),
    });
    const tree = await treeOf("top", home);
    const stores = new Set(tree.files.map(({ path }) => path.split("/")[2]));
    expect([...stores].sort()).toEqual([
      "a@1.0.0",
      "b@1.0.0",
      "top@1.0.0",
      "x@1.0.0",
      "x@1.0.0-2",
      "y@1.0.0",
      "y@2.0.0",
    ]);
    expect(runIn(layOut(tree), 'import top from "top"; console.log(top.join());')).toBe("y 1.0.0,y 2.0.0");
  });

  it("has optional and peer dependencies that are installed, and misses none that are not", async () => {
    const text =
      'module.exports = ["o", "p", "q"].map((name) => { try { return require(name); } catch { return 0; } });';
    const home = folderOf({
      ...installed(
        "",
        "top",
        "1.0.0",
        { "index.js": text },
        {
          optionalDependencies: { o: "*", q: "*" },
          peerDependencies: { p: "*" },
          dependencies: { gone: "*" },
        },
      ),
      ...installed("", "o", "1.0.0"),
      ...installed("", "p", "1.0.0"),
    });
    expect(runIn(layOut(await treeOf("top", home)), 'import top from "top"; console.log(top.join());')).toBe(
      "o 1.0.0,p 1.0.0,0",
    );
  });

  it("is found by links, as pnpm lays them, and without main or with exports that hide package.json", async () => {
    const home = folderOf({
      ...installed(
        "store/top",
        "top",
        "1.0.0",
        { "lib.mjs": 'import x from "dep"; export default x;' },
        {
          exports: { ".": "./lib.mjs" },
          dependencies: { dep: "*" },
        },
      ),
      ...installed("store/top", "dep", "3.0.0"),
    });
    mkdirSync(join(home, "app", "node_modules"), { recursive: true });
    symlinkSync("../../store/top/node_modules/top", join(home, "app/node_modules/top"));
    const tree = await treeOf("top", join(home, "app"));
    expect(runIn(layOut(tree), 'import top from "top"; console.log(top);')).toBe("dep 3.0.0");
  });

  it("leaves out what only people and compilers read, keeps data", async () => {
    const files = {
      "README.md": "x",
      "LICENSE.md": "x",
      "index.js.map": "{}",
      "index.d.ts": "x",
      "index.d.cts": "x",
      "lib.es5.d.ts": "x",
      "data.json": "{}",
      "code.wasm": new Uint8Array([0]),
      "test/fixture.js": "x",
      ".hidden/x": "x",
    };
    const tree = await treeOf("top", folderOf(installed("", "top", "1.0.0", files)));
    const names = tree.files.map(({ path }) => path.replace("node_modules/.store/top@1.0.0/node_modules/top/", ""));
    expect(names).toEqual([
      "LICENSE.md",
      "code.wasm",
      "data.json",
      "index.js",
      "lib.es5.d.ts",
      "package.json",
      "test/fixture.js",
    ]);
  });
});

describe("a package with parts for one kind of machine", () => {
  it.each([
    ["*.node", { "build/addon.node": "x" }, {}, "addon.node"],
    ["binding.gyp", { "binding.gyp": "x" }, {}, "binding.gyp"],
    ["gypfile", {}, { gypfile: true }, '"gypfile" in its package.json'],
    ["os", {}, { os: ["linux"] }, '"os" in its package.json'],
    ["cpu", {}, { cpu: ["x64"] }, '"cpu" in its package.json'],
  ])("is refused by name: %s", async (_, files, fields, sign) => {
    const home = folderOf(installed("", "fast", "2.1.0", files, fields));
    await expect(treeOf("fast", home)).rejects.toMatchObject({
      code: "PYDIST_E_SHIPPING",
      message: `Package fast@2.1.0 cannot be brought to a node: it has parts for one kind of machine only (${sign}). Install fast@2.1.0 on the nodes, where they find it from their working directory.`,
      path: "fast@2.1.0",
    });
  });

  it("is named with the packages through which it was reached", async () => {
    const home = folderOf({
      ...installed("", "top", "1.0.0", {}, { dependencies: { middle: "*" } }),
      ...installed("", "middle", "1.5.0", {}, { optionalDependencies: { "@s/fast": "*" } }),
      ...installed("", "@s/fast", "2.1.0", { "fast.node": "x" }),
    });
    await expect(treeOf("top", home)).rejects.toThrow(
      "Package @s/fast@2.1.0 (reached through top@1.0.0 -> middle@1.5.0) cannot be brought to a node: it has parts for one kind of machine only (fast.node). Install top@1.0.0 on the nodes, where they find it from their working directory.",
    );
  });
});

describe("what a process gives", () => {
  it("is what it has named itself: packages by key, and their files by hash", async () => {
    const home = folderOf({ ...installed("", "top", "1.0.0"), ...installed("", "other", "1.0.0") });
    const json = readFileSync(join(home, "node_modules/top/package.json"));
    const ref = packageKey("top", join(home, "a.mjs"));
    expect(ref).toEqual({ name: "top", version: "1.0.0", key: `top@1.0.0:${sha256(json).slice(0, 16)}` });
    const tree = await provideTree(ref?.key ?? "");
    expect(tree?.files).toHaveLength(2);
    expect(await readProvided(sha256(json), 2, 4)).toEqual(new Uint8Array(json.subarray(2, 6)));
    expect(await readProvided(sha256("never named"), 0, 1)).toBeUndefined();
    for (const key of [
      "",
      "0".repeat(64),
      "top@9.9.9:0123456789abcdef",
      `module:${"0".repeat(64)}:file:///etc/passwd`,
    ]) {
      expect(await provideTree(key)).toBeUndefined();
    }
    expect(packageKey("gone", join(home, "a.mjs"))).toBeUndefined();
    expect(packageKey("pydist", import.meta.filename)).toBeUndefined();
  });

  it("is no other package that could be imported here, unless code that a task submitted names it", async () => {
    const home = folderOf({ ...installed("", "named", "1.0.0"), ...installed("", "unnamed", "1.0.0") });
    packageKey("named", join(home, "a.mjs"));
    for (const [name, from] of [
      ["unnamed", home],
      ["vitest", process.cwd()],
    ] as const) {
      const { version = "", key = "" } = findPackage(name, from) ?? {};
      expect(await provideTree(key)).toBeUndefined();
      const text = JSON.stringify({ kind: "functions", packages: [{ name, version, key }, null] });
      rememberNamed(sha256(text), text);
      if (name === "unnamed") expect((await provideTree(key))?.files).toHaveLength(2);
      else expect(localFolder(key)).toBe(process.cwd());
    }
    const gone = JSON.stringify({ packages: [{ name: "gone", version: "1.0.0", key: "gone@1.0.0:0123456789abcdef" }] });
    rememberNamed(sha256(gone), gone);
    rememberNamed("", "no code");
    expect(await provideTree("gone@1.0.0:0123456789abcdef")).toBeUndefined();
  });

  it("is all of it, however many packages are asked for at once", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);
    const home = folderOf(Object.assign({}, ...names.map((name) => installed("", name, "1.0.0"))));
    const keys = names.map((name) => packageKey(name, join(home, "a.mjs"))?.key ?? "");
    const trees = await Promise.all(keys.map(provideTree));
    for (const { sha256: hash } of trees.flatMap((tree) => tree?.files ?? [])) {
      expect(await readProvided(hash, 0, 1)).toHaveLength(1);
    }
  });

  it("is read in portions, however large a file is and however many ask", async () => {
    const size = 96 * 1024 * 1024;
    const home = folderOf(installed("", "large", "1.0.0", { "data.bin": Buffer.alloc(size, "0123456789") }));
    const { key = "" } = packageKey("large", join(home, "a.mjs")) ?? {};
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 1);
    const tree = await provideTree(key);
    const [{ sha256: hash } = { sha256: "" }] = tree?.files.filter((file) => file.size === size) ?? [];
    // As if it had been written since.
    utimesSync(join(home, "node_modules/large/data.bin"), 1, 1);
    const parts = await Promise.all(Array.from({ length: 10 }, (_, n) => readProvided(hash, n * 10, 10)));
    clearInterval(watch);
    expect(parts.map((part) => Buffer.from(part ?? []).toString())).toEqual(Array(10).fill("0123456789"));
    expect(most).toBeLessThan(size / 4);
  });

  it("was it changed meanwhile, it says so, and gives the new one when asked again", async () => {
    const home = folderOf(installed("", "edited", "1.0.0", { "data.txt": "old" }));
    const { key = "" } = packageKey("edited", join(home, "a.mjs")) ?? {};
    await provideTree(key);
    const path = join(home, "node_modules/edited/data.txt");
    writeFileSync(path, "new!");
    await expect(readProvided(sha256("old"), 0, 3)).rejects.toMatchObject({
      message: `${path} was changed or removed after the task that needs it was submitted. Submit the task again, and leave files alone until their tasks have begun.`,
      path,
    });
    await expect(readProvided(sha256("old"), 0, 3)).rejects.toThrow("was changed or removed");
    await provideTree(key);
    expect(await readProvided(sha256("new!"), 0, 4)).toEqual(new TextEncoder().encode("new!"));
    write(home, { "node_modules/edited/data.txt": "new!" });
    expect(await readProvided(sha256("new!"), 0, 4)).toEqual(new TextEncoder().encode("new!"));
  });
});
