import { readFileSync, statSync, symlinkSync, truncateSync, unlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { makeManifest, scanDirectory, sha256 } from "@pydist/shipping";
import { parseManifest } from "@pydist/shipping/runtime";
import { describe, expect, it } from "vitest";
import { folderOf, installed, write } from "../support/folders.js";
import { thrownBy } from "./support.js";

const hash = sha256("x");
const file = (path: string) => ({ path, sha256: hash, size: 1 });
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("a manifest", () => {
  it("has one text and one name, whatever the order of its entries", () => {
    const packages = [
      { name: "b", version: "1.0.0", key: "b@1.0.0:0123456789abcdef" },
      { name: "a", version: "1.0.0", key: "a@1.0.0:0123456789abcdef" },
    ];
    const one = makeManifest({ files: [file("a"), file("b/c")], links: [], packages });
    const other = makeManifest({ files: [file("b/c"), file("a")], links: [], packages: [...packages].reverse() });
    expect(other).toEqual(one);
    expect(one.hash).toBe(sha256(one.text));
    expect(parseManifest(one.text)).toEqual(one);
  });

  it.each(["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a\\b", "a\0b", ".."])(
    "with a file at %j is refused",
    (path) => {
      const { text } = makeManifest({ files: [file(path)], links: [], packages: [] });
      expect(() => parseManifest(text)).toThrow("The list of a tree's files cannot be used: an entry is malformed.");
    },
  );

  it.each([
    ["a", "/etc"],
    ["a", "../x"],
    ["a/b", "../../x"],
    ["a/b", "c/../../../x"],
    ["a", "b/../c"],
    ["a", ""],
    ["a", "b\\c"],
  ])("with a link at %j to %j is refused", (path, target) => {
    const { text } = makeManifest({ files: [], links: [{ path, target }], packages: [] });
    expect(() => parseManifest(text)).toThrow("an entry is malformed");
  });

  it("with two entries in one place, or one behind another, is refused", () => {
    const link = { path: "a", target: "b" };
    const twice = makeManifest({ files: [file("a")], links: [link], packages: [] });
    expect(() => parseManifest(twice.text)).toThrow("a is in it twice");
    const behind = makeManifest({ files: [file("a/b/c")], links: [link], packages: [] });
    expect(() => parseManifest(behind.text)).toThrow("a/b/c lies below a, which is no folder");
  });

  it("that is none, or too large, is refused with what to do", () => {
    for (const text of ["", "[]", "{}", '{"files":[],"links":[]}']) {
      expect(thrownBy(() => parseManifest(text)).message).toBe(
        "The list of a tree's files cannot be used: it is none. Run the same version of pydist at the executor and on every node.",
      );
    }
    const large = makeManifest({ files: [{ ...file("a"), size: 2 ** 31 }], links: [], packages: [] });
    expect(() => parseManifest(large.text)).toThrow("it has 2147483648 bytes; 1073741824 can travel");
    const many = makeManifest({
      files: Array.from({ length: 100_001 }, (_, i) => file(`${i}`)),
      links: [],
      packages: [],
    });
    expect(() => parseManifest(many.text)).toThrow("it has more than 100000 files");
  });
});

describe("a directory", () => {
  it("is all its files but node_modules, and folders that begin with a dot", () => {
    const folder = folderOf({
      "work.mjs": "export const a = 1;",
      "deep/data.bin": new Uint8Array([1, 2, 3]),
      ".env.example": "A=1",
      ".git/HEAD": "x",
      ".cache/x": "x",
      ...installed("", "lib", "1.0.0"),
      ...installed("deep", "lib", "2.0.0"),
    });
    const tree = scanDirectory(folder);
    expect(tree.files.map(({ path }) => path)).toEqual([".env.example", "deep/data.bin", "work.mjs"]);
    expect(tree.files[1]).toEqual({ path: "deep/data.bin", sha256: sha256(new Uint8Array([1, 2, 3])), size: 3 });
    expect(parseManifest(tree.text).hash).toBe(tree.hash);
    expect(tree.places.get(sha256("A=1"))?.file).toBe(join(folder, ".env.example"));
  });

  it("names the packages that its modules import and that are installed there", () => {
    const folder = folderOf({
      "a.mjs": 'import x from "lib"; import "node:fs"; import fs from "fs"; export * from "./b.cjs";',
      "b.cjs": "const y = require('@scope/part/deep.js'); require(`gone`);",
      "c.txt": 'import "unread"',
      ...installed("", "lib", "1.2.3"),
      ...installed("", "@scope/part", "2.0.0"),
      ...installed("", "unread", "1.0.0"),
      ...installed("", "pydist", "1.0.0"),
    });
    write(folder, { "d.mjs": 'import { task } from "pydist"; await import("lib/deep");' });
    const { packages } = scanDirectory(folder);
    expect(packages.map(({ name, version }) => `${name}@${version}`)).toEqual([
      "@scope/part@2.0.0",
      "lib@1.2.3",
      "pydist@",
    ]);
    const json = readFileSync(join(folder, "node_modules/lib/package.json"));
    expect(packages[1]?.key).toBe(`lib@1.2.3:${sha256(json).slice(0, 16)}`);
  });

  it("is not looked at twice in one turn of the event loop; an edit is seen in the next one", async () => {
    const folder = folderOf({ "a.mjs": "1", "b.mjs": "1" });
    const before = scanDirectory(folder);
    write(folder, { "a.mjs": "2" });
    expect(scanDirectory(folder)).toBe(before);
    await nextTurn();
    const after = scanDirectory(folder);
    expect(after.hash).not.toBe(before.hash);
    expect(after.files.map(({ sha256: of }) => of)).toEqual([sha256("2"), sha256("1")]);
    write(folder, { "a.mjs": "1" });
    await nextTurn();
    expect(scanDirectory(folder).hash).toBe(before.hash);
  });

  it("is read again only where size or times changed", async () => {
    const folder = folderOf({ "a.mjs": "1", "b.mjs": "1" });
    // A file that was written just now could be written again without a trace.
    const old = new Date(Date.now() - 60_000);
    for (const name of ["a.mjs", "b.mjs"]) utimesSync(join(folder, name), old, old);
    await nextTurn();
    while (Date.now() - statSync(join(folder, "b.mjs")).ctimeMs <= 50) await nextTurn();
    const first = scanDirectory(folder).places.get(sha256("1"));
    expect(first?.settled).toBe(true);
    await nextTurn();
    expect(scanDirectory(folder).places.get(sha256("1"))?.stats).toBe(first?.stats);
  });

  it("keeps links to its own files, reads those to files outside, and refuses those to folders outside", async () => {
    const outside = folderOf({ "far.txt": "far" });
    const folder = folderOf({ "a/one.txt": "one" });
    symlinkSync(join(folder, "a", "one.txt"), join(folder, "two.txt"));
    symlinkSync("..", join(folder, "a", "up"));
    symlinkSync("gone", join(folder, "nowhere"));
    symlinkSync(join(outside, "far.txt"), join(folder, "far.txt"));
    symlinkSync(join(outside, "gone"), join(folder, "gone.txt"));
    const tree = scanDirectory(folder);
    expect(tree.files.map(({ path }) => path)).toEqual(["a/one.txt", "far.txt"]);
    expect(tree.links).toEqual([
      { path: "a/up", target: ".." },
      { path: "nowhere", target: "gone" },
      { path: "two.txt", target: "a/one.txt" },
    ]);
    expect(parseManifest(tree.text).hash).toBe(tree.hash);
    symlinkSync(outside, join(folder, "out"));
    await nextTurn();
    expect(thrownBy(() => scanDirectory(folder)).message).toBe(
      `codeDir ${folder} cannot travel: ${join(folder, "out")} is a link to a folder outside, ${outside}, which cannot travel. Copy the folder into the directory, or leave the link out.`,
    );
    unlinkSync(join(folder, "out"));
    expect(scanDirectory(folder).hash).toBe(tree.hash);
  });

  it("that is none, or has a name that others do not know, is refused", () => {
    const folder = folderOf({ "a\\b": "x" });
    expect(thrownBy(() => scanDirectory(folder)).message).toBe(
      `codeDir ${folder} cannot travel: ${join(folder, "a\\b")} has a name that other systems do not know. Rename it.`,
    );
    expect(thrownBy(() => scanDirectory(join(folder, "gone"))).message).toBe(
      `codeDir: ${join(folder, "gone")} is no directory. Name a folder that exists here, by an absolute path or a file: URL.`,
    );
  });

  it("of more than can travel is refused", () => {
    const folder = folderOf({ a: "" });
    truncateSync(join(folder, "a"), 2 ** 30 + 1);
    expect(thrownBy(() => scanDirectory(folder)).message).toBe(
      `codeDir ${folder} cannot travel: it holds more than 100000 files or 1 GiB (counted up to ${join(folder, "a")}). Choose a smaller directory, or move data out of it: node_modules and folders whose names begin with a dot stay here.`,
    );
  });
});
