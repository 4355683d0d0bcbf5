// The last line of CI: how many tests passed and failed, counted from the test runner's own JSON report.
import { existsSync, readFileSync } from "node:fs";

const file = process.argv[2] ?? "";
if (!existsSync(file)) {
  console.error(`The test runner left no report in ${file}: it did not start or died`);
  process.exit(1);
}
const report = JSON.parse(readFileSync(file, "utf8"));
const tests = report.testResults.flatMap((suite) => suite.assertionResults);
const count = (status) => tests.filter((test) => test.status === status).length;

// A file that could not be loaded has no tests to count, and an error outside any test belongs to none: each counts as one.
const broken = report.testResults.filter(
  (suite) => suite.status === "failed" && !suite.assertionResults.some((test) => test.status === "failed"),
).length;
let failed = count("failed") + broken;
if (!report.success && failed === 0) failed = 1;
const skipped = tests.length - count("passed") - count("failed");

console.log(`${count("passed")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 || tests.length === 0 ? 1 : 0;
