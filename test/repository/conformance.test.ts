import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";

const ROWS = 150;
const folder = join(root, "test", "conformance");

/** What the page says of each row: how it is here, and the last cell, which says why. */
function documented(): Map<number, { readonly here: string; readonly why: string }[]> {
  const rows = new Map<number, { here: string; why: string }[]>();
  for (const line of readFileSync(join(root, "docs", "conformance.md"), "utf8").split("\n")) {
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    const number = Number(cells[0]);
    if (!Number.isInteger(number) || number === 0) continue;
    const here = cells.find((cell) => ["same", "adapted", "not taken"].includes(cell)) ?? "nothing";
    rows.set(number, [...(rows.get(number) ?? []), { here, why: cells.at(-1) ?? "" }]);
  }
  return rows;
}

/** Numbers of the rows that tests are named after. */
function tested(): Set<number> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".test.ts"));
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8"));
  return new Set(texts.flatMap((text) => [...text.matchAll(/\brow\(\s*(\d+),\s*["`]/g)].map(([, n]) => Number(n))));
}

describe("docs/conformance.md", () => {
  const rows = documented();
  const numbers = Array.from({ length: ROWS }, (_, i) => i + 1);

  it("has every row once", () => {
    expect([...rows.keys()]).toEqual(numbers);
    expect([...rows].filter(([, said]) => said.length !== 1).map(([number]) => number)).toEqual([]);
  });

  it("says how each is here, and why where that differs", () => {
    const unexplained = [...rows].filter(
      ([, [said]]) => said === undefined || said.here === "nothing" || (said.here !== "same" && said.why === ""),
    );
    expect(unexplained.map(([number]) => number)).toEqual([]);
  });

  it("has a test for every row that is taken, and none for the others", () => {
    const names = tested();
    const notTaken = numbers.filter((number) => rows.get(number)?.[0]?.here === "not taken");
    expect(numbers.filter((number) => !names.has(number))).toEqual(notTaken);
    expect([...names].filter((number) => !rows.has(number) || notTaken.includes(number))).toEqual([]);
  });
});
