import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../bench/run.mjs", import.meta.url));

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
}

interface Figure {
  readonly label: string;
  readonly missing?: string;
  readonly value?: Spread;
  readonly ratio?: Spread;
  readonly targets?: readonly { readonly from: string; readonly met: boolean }[];
}

interface Report {
  readonly machine: { readonly node: string; readonly threads: number };
  readonly size: string;
  readonly rows: readonly { readonly id: string; readonly rounds: number; readonly figures: readonly Figure[] }[];
}

let folder = "";
let table = "";
let report: Report;

describe("npm run bench", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pydist-bench-"));
    const file = join(folder, "made", "on-the-way.json");
    ({ stdout: table } = await run(process.execPath, [script, "--tiny", "--json", file]));
    report = JSON.parse(await readFile(file, "utf8"));
  }, 300_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("runs every row, and none of its contenders fails", () => {
    expect(report.rows.map((row) => row.id)).toEqual(["a", "b", "c1", "c2", "d", "e", "f", "g", "h", "i", "j"]);
    expect(report).toMatchObject({ size: "tiny", machine: { node: process.versions.node, threads: 2 } });
  });

  it("gives every figure in every round, above nothing and finite", () => {
    for (const row of report.rows) {
      expect(row.rounds).toBeGreaterThan(0);
      for (const { label, missing, value, ratio } of row.figures) {
        if (missing !== undefined) {
          expect(missing, label).toMatch(/^not found: (?:python3|mpiexec and mpi4py)$/);
          continue;
        }
        for (const { median, min, max, rounds } of [value, ratio].filter((spread) => spread !== undefined)) {
          expect(rounds, label).toHaveLength(row.rounds);
          expect(rounds.every(Number.isFinite), label).toBe(true);
          expect(min, label).toBeLessThanOrEqual(median);
          expect(median, label).toBeLessThanOrEqual(max);
          // A difference of two latencies may fall below nothing in a moment; everything that is measured may not.
          if (!label.startsWith("what a link adds")) expect(min, label).toBeGreaterThan(0);
        }
      }
    }
  });

  it("compares map and submit to piscina by the floor and the target", () => {
    const targets = (id: string) => {
      const row = report.rows.find((each) => each.id === id);
      return row?.figures.flatMap((figure) => figure.targets?.map(({ from }) => from) ?? []);
    };
    expect(targets("a")).toEqual(["floor", "target", "target", "target"]);
    expect(targets("b")).toEqual(["floor", "target"]);
  });

  it("prints all of them in aligned columns, and no verdict on figures that say nothing", () => {
    const lines = table.split("\n");
    for (const row of report.rows) {
      expect(lines.some((line) => line.startsWith(`${row.id}  `))).toBe(true);
      for (const { label } of row.figures) expect(table).toContain(`  ${label} `);
    }
    const column = lines.find((line) => line.includes("measured"))?.indexOf("measured") ?? -1;
    const measured = lines.filter((line) => / [kM]?\/s/.test(line) && line.startsWith("  ") && !line.startsWith("  ("));
    expect(measured.length).toBeGreaterThan(10);
    for (const line of measured) expect(line.slice(column - 3, column + 1)).toMatch(/^ {3}\d$/);
    expect(table).not.toMatch(/\bmet$/m);
  });
});

describe("what the bench is asked for", () => {
  it("lists the rows and their contenders without measuring", async () => {
    const { stdout } = await run(process.execPath, [script, "--list", "--only", "a,d"]);
    expect(stdout).toMatch(/^a {2}map of a no-op[^\n]*\n[^\n]*piscina256[^\n]*\nd {2}one submit/);
  });

  it.each([
    [["--only", "a,zzz"], "There is no row zzz; there are a, b,"],
    [["--rounds", "none"], '--rounds takes a whole number of at least 1, not "none"'],
    [["--fast"], "Unknown option '--fast'"],
  ])("refuses %j", async (args, message) => {
    await expect(run(process.execPath, [script, ...args])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
  });
});
