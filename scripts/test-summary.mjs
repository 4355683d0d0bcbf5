// The last line of CI: how many tests passed and failed, counted from the test runner's own JSON report.
import { existsSync, readFileSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";

/**
 * Counts a JSON report of vitest. A missing report, or one from before `since`, counts as one failure:
 * the runner did not start or died, and nothing is known to have passed.
 * @param {string} file
 * @param {{ since?: number, exitCode?: number | null }} [run] milliseconds since 1970; what the runner ended with
 */
export function readSummary(file, { since = 0, exitCode = 0 } = {}) {
  if (!existsSync(file) || statSync(file).mtimeMs < since) return { passed: 0, failed: 1, skipped: 0 };
  /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  const report = JSON.parse(readFileSync(file, "utf8"));
  const tests = report.testResults.flatMap((suite) => suite.assertionResults);
  const count = (/** @type {string} */ status) => tests.filter((test) => test.status === status).length;

  // A file that could not be loaded has no test to count, and an error outside every test stands in no report at all:
  // only the runner's exit code tells of it.
  const unloaded = report.testResults.filter(
    (suite) => suite.status === "failed" && !suite.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const passed = count("passed");
  const failed = count("failed") + unloaded;
  const skipped = tests.length - passed - count("failed");
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { passed, failed, skipped } = readSummary(process.argv[2] ?? "", { exitCode: Number(process.argv[3] ?? 0) });
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
