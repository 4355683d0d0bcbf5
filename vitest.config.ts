import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A process per file: what a test leaves behind cannot reach the next file, and worker threads may be killed.
    pool: "forks",
    // Tests start trees of processes themselves; more files at a time would only measure the machine.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    teardownTimeout: 5_000,
    server: {
      // The packages run as Node runs them for a user: their files must not be rewritten by the test runner,
      // or a shipped function would be the runner's text and a class would exist twice.
      deps: { external: [/\/packages\/[^/]+\/dist\//] },
    },
  },
});
