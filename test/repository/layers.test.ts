import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layerProblems } from "../../scripts/check-layers.mjs";

describe("layers", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pydist-layers-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function house(rooms: Record<string, { dependencies?: string[]; files: Record<string, string> }>) {
    return Object.entries(rooms).map(([name, { dependencies = [], files }]) => {
      const path = join(folder, name);
      for (const [file, text] of Object.entries(files)) {
        const target = join(path, "src", file);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, text);
      }
      const manifest = { dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, "*"])) };
      return { folder: name, path, name, manifest };
    });
  }

  it("hold in this repository", () => {
    expect(layerProblems()).toEqual([]);
  });

  it("allow what runs downwards and is named in the manifest", () => {
    const rooms = house({
      protocol: { files: { "index.ts": "export const a = 1;" } },
      scheduler: {
        dependencies: ["protocol"],
        files: { "deep/b.ts": 'import "protocol"; import "../c.js";', "c.ts": "" },
      },
    });
    expect(layerProblems(rooms)).toEqual([]);
  });

  it("refuse an import upwards, static or dynamic, and say where", () => {
    const rooms = house({
      protocol: { files: { "a.ts": '\nexport const load = () => import("shipping");' } },
      shipping: { dependencies: ["protocol"], files: { "b.ts": 'import "protocol";' } },
    });
    expect(layerProblems(rooms)).toEqual([
      expect.stringMatching(/a\.ts:2: imports shipping: imports run downwards only$/),
    ]);
  });

  it("refuse a dependency upwards that no file uses yet", () => {
    const rooms = house({ protocol: { dependencies: ["shipping"], files: {} }, shipping: { files: {} } });
    expect(layerProblems(rooms)).toEqual(["protocol: package.json depends upwards, on shipping"]);
  });

  it("refuse what the manifest does not name, and files of another package", () => {
    const rooms = house({
      shipping: {
        files: { "a.ts": 'import { parse } from "acorn";', "b.ts": 'export * from "../../protocol/src/x.js";' },
      },
    });
    expect(layerProblems(rooms)).toEqual([
      expect.stringContaining("a.ts:1: imports acorn, which its package.json does not name"),
      expect.stringContaining("b.ts:1: imports ../../protocol/src/x.js, outside its own src"),
    ]);
  });

  it("keep Node out of the pure rooms, and clock and dice out of the scheduler (I8)", () => {
    const rooms = house({
      protocol: { files: { "a.ts": 'import { readFileSync } from "node:fs";' } },
      scheduler: {
        files: { "b.ts": "// not Date.now\nexport const t = Date.now();", "c.ts": "export const r = Math.random();" },
      },
    });
    expect(layerProblems(rooms)).toEqual([
      expect.stringContaining("a.ts:1: imports node:fs: protocol is pure"),
      expect.stringContaining("b.ts:2: Date.now reads the clock"),
      expect.stringContaining("c.ts:1: Math.random is random"),
    ]);
  });
});
