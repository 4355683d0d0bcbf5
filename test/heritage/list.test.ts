import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";

const SYSTEMS = { B: 7, H: 24, D: 18, P: 19, S: 38, V: 20 };
const ids = Object.entries(SYSTEMS).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
);

interface Row {
  readonly id: string;
  readonly cells: readonly string[];
  readonly tests: readonly { readonly path: string; readonly name: string | undefined }[];
  readonly examples: readonly string[];
}

const rows: Row[] = readFileSync(join(root, "docs", "heritage.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| [A-Z]\d+ /.test(line))
  .map((line) => {
    const [id = "", ...cells] = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    const shown = cells[2] ?? "";
    return {
      id,
      cells,
      tests: [...shown.matchAll(/`(test\/[^`]+)`(?: "([^"]+)")?/g)].map(([, path = "", name]) => ({ path, name })),
      examples: [...shown.matchAll(/`examples\/([^`]+)`/g)].map(([, name = ""]) => name),
    };
  });

const texts = new Map<string, string>();
function textOf(path: string): string {
  const known = texts.get(path) ?? (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "");
  texts.set(path, known);
  return known;
}

/** What tests and groups of a file are called, and whether they run. */
function namesIn(path: string): { readonly name: string; readonly runs: boolean }[] {
  const text = textOf(path);
  return [...text.matchAll(/["`]([^\n]+?)["`],\s*(?:\{|\(|async\b)/g)].map(({ 1: name = "", index }) => ({
    name: name.replaceAll('\\"', '"'),
    runs: !/\.(?:skip|todo)\(\s*$/.test(text.slice(0, index)),
  }));
}

const examples = readdirSync(join(root, "examples")).filter((name) =>
  existsSync(join(root, "examples", name, "main.mjs")),
);

describe("docs/heritage.md", () => {
  it("has each of the 126 rows once, in order, and says how each is here", () => {
    expect(ids).toHaveLength(126);
    expect(rows.map(({ id }) => id)).toEqual(ids);
    for (const { id, cells } of rows)
      expect(
        cells.slice(0, 2).every((cell) => cell !== ""),
        id,
      ).toBe(true);
  });

  it("has for each row what shows it, or what it waits for", () => {
    const open = rows.filter(({ tests, examples }) => tests.length + examples.length === 0);
    expect(open.filter(({ cells }) => !/waits for: web$/.test(cells[1] ?? ""))).toEqual([]);
  });

  it("names tests that are there, and run", () => {
    const wrong = rows.flatMap(({ id, tests }) =>
      tests
        .filter(({ path, name }) => {
          if (name === undefined) return textOf(path) === "";
          return !namesIn(path).some((each) => each.runs && each.name.includes(name));
        })
        .map(({ path, name }) => `${id}: ${path} ${name ?? ""}`),
    );
    expect(wrong).toEqual([]);
  });

  it("names examples that are there", () => {
    expect(rows.flatMap((row) => row.examples).filter((name) => !examples.includes(name))).toEqual([]);
  });
});

it("every example is run by a test", () => {
  const folder = join(root, "test", "examples");
  const tests = readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  expect(examples.length).toBeGreaterThanOrEqual(10);
  expect(examples.filter((name) => !tests.some((text) => text.includes(`"${name}"`)))).toEqual([]);
});
