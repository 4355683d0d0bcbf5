import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "../../scripts/pnpm.mjs";

describe("the last line of CI", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pydist-summary-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function summary(exitCode = 0) {
    const script = join(root, "scripts", "test-summary.mjs");
    const run = spawnSync(process.execPath, [script, join(folder, "report.json"), String(exitCode)], {
      encoding: "utf8",
    });
    return { lines: run.stdout.trim().split("\n"), exitCode: run.status };
  }

  /** Runs the real test runner over the given files, so that its report is one of its own. */
  function runTests(files: Record<string, string>) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const report = join(folder, "report.json");
    const args = [vitest, "run", "--root", folder, "--globals", "--reporter=json", `--outputFile.json=${report}`];
    const { status } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    return summary(status ?? 1);
  }

  it("counts what passed", () => {
    const files = { "a.test.js": 'it("one", () => {}); it("two", () => {});' };
    expect(runTests(files)).toEqual({ lines: ["2 passed, 0 failed"], exitCode: 0 });
  });

  it("counts failures, skipped tests and a file that cannot be loaded", () => {
    const files = {
      "a.test.js": 'it("one", () => {}); it("two", () => { throw new Error("no"); }); it["skip"]("three", () => {});',
      "b.test.js": 'import "./missing.js"; it("four", () => {});',
    };
    expect(runTests(files)).toEqual({ lines: ["1 passed, 2 failed, 1 skipped"], exitCode: 1 });
  });

  it("counts an error outside every test", () => {
    const files = {
      "a.test.js":
        'it("one", async () => { setImmediate(() => { throw new Error("late"); }); await new Promise(r => setTimeout(r, 50)); });',
    };
    expect(runTests(files)).toEqual({ lines: ["1 passed, 1 failed"], exitCode: 1 });
  });

  it("is a failure when the runner left no report", () => {
    expect(summary()).toEqual({ lines: ["0 passed, 1 failed"], exitCode: 1 });
  });
});
