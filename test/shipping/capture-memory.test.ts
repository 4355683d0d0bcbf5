import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/** How many items pass. PYDIST_LEAK_COUNT=100000 is what is promised; fewer show as well whether anything stays. */
const count = Number(process.env.PYDIST_LEAK_COUNT ?? 4000);
const timeout = 60_000 + count * 10;

/** Runs a program of the fixtures in a heap of 64 MB, and returns what it reports. */
function reportOf<T>(program: string, ...args: string[]): Promise<T> {
  const child = fork(fileURLToPath(new URL(`./fixtures/memory/${program}`, import.meta.url)), args, {
    execArgv: ["--expose-gc", "--max-old-space-size=64", "--no-warnings"],
    env: { PATH: process.env.PATH },
    silent: true,
  });
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  // What it prints is of no interest, but the pipe must not fill.
  child.stdout?.resume();
  return new Promise((resolve, reject) => {
    child.once("message", (report) => resolve(report as T));
    child.once("exit", (code) => reject(new Error(`it ended with ${code}\n${output}`)));
  });
}

describe.concurrent(`${count.toLocaleString("en")} of them leave nothing`, () => {
  test("nastiest 19: captures at the sender", { timeout }, async () => {
    const { perItem, bytes } = await reportOf<{ perItem: number; bytes: number }>("sender.mjs", `${count}`);
    // Each is some kilobytes; the heap as a whole wavers by some hundred kilobytes, more on some versions of Node.
    expect(bytes / count).toBeGreaterThan(2000);
    expect(perItem).toBeLessThan(bytes / count / 10);
  });

  test("nastiest 19: distinct functions through one thread", { timeout }, async () => {
    const { perTask, cached } = await reportOf<{ perTask: number; cached: number }>(
      "receiver.mjs",
      "functions",
      `${count}`,
    );
    expect(perTask).toBe(2);
    expect(cached).toBe(100);
  });

  test("nastiest 19: tasks of one function, each with closures of its own", { timeout }, async () => {
    const { perItem, perTask } = await reportOf<{ perItem: number; perTask: number }>(
      "receiver.mjs",
      "tasks",
      `${count}`,
    );
    expect(perTask).toBe(2);
    expect(perItem).toBeLessThan(150);
  });
});

test("nastiest 19: what console.log printed is not kept by a capture", async () => {
  const { retained, printed } = await reportOf<{ retained: number; printed: number }>("console.mjs");
  expect(printed).toBe(200);
  // The last ones may still lie on the stack.
  expect(retained).toBeLessThan(5);
});
