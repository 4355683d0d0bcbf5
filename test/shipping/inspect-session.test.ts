import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { TextCache } from "../../packages/shipping/dist/inspect/text-cache.js";

const programs = fileURLToPath(new URL("./fixtures/inspect/programs.mjs", import.meta.url));

/** What one of the programs tells, run as a process with these options. */
async function run(program: string, options: readonly string[] = [], env = {}): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", ...options, programs, program], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
}

const everything = {
  isMainThread: true,
  value: 0,
  url: expect.stringMatching(/\/peek\.mjs$/),
  hasText: true,
  works: true,
  this: true,
  private: 1,
  shared: [true, false],
  runs: 0,
};

describe("looking works", () => {
  test.each([
    ["in a plain process", []],
    ["under a debugger", ["--inspect=127.0.0.1:0"]],
    ["where no code may be made of strings", ["--disallow-code-generation-from-strings"]],
    ["with frozen intrinsics", ["--frozen-intrinsics"]],
    ["without a compiler", ["--jitless"]],
    ["with source maps", ["--enable-source-maps"]],
  ])("%s", async (_title, options) => {
    expect(await run("everything", options)).toEqual(everything);
  });

  test("in a worker thread", async () => {
    expect(await run("thread")).toEqual({ ...everything, isMainThread: false, code: 0 });
  });

  test("while coverage is taken, which is still written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pydist-coverage-"));
    try {
      expect(await run("everything", [], { NODE_V8_COVERAGE: folder })).toEqual(everything);
      expect(readdirSync(folder)).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("under the permission model", () => {
  const flags = process.allowedNodeEnvironmentFlags;
  const flag = flags.has("--permission") ? "--permission" : "--experimental-permission";
  const options = [flag, "--allow-fs-read=*", "--allow-worker"];
  const allowing = flags.has("--allow-inspector");

  test("looking is refused with the reason", async () => {
    const reason = `the permission model forbids it${allowing ? "; --allow-inspector allows it" : ""}`;
    const refusal = {
      name: "InspectorUnavailable",
      reason,
      message: `Node's inspector cannot be used: ${reason}`,
    };
    expect(await run("refusals", options)).toEqual([refusal, refusal, refusal, false]);
  });

  test.runIf(allowing)("looking works where the inspector is allowed", async () => {
    expect(await run("everything", [...options, "--allow-inspector"])).toEqual(everything);
  });
});

test("no session, no debugger, no breakpoint and no mark is left, also when something throws", async () => {
  expect(await run("sessions")).toEqual({
    nested: 1,
    error: "inside",
    perInspect: 2,
    connects: 4,
    disconnects: 4,
    enables: 2,
    disables: 2,
    breakpoints: 0,
    last: "disconnect",
    left: [false, false],
  });
});

test("nothing that was looked at is kept, nor what is logged afterwards", async () => {
  expect(await run("retained", ["--expose-gc"])).toEqual({ watched: 0, logged: 0 });
});

test("20,000 looks leave nothing on the heap", async () => {
  const { grown } = (await run("heap", ["--expose-gc"])) as { grown: number };
  expect(grown).toBeLessThan(2);
});

test("nobody else's turn comes while one looks", async () => {
  expect(await run("turns")).toEqual({ here: true, inMicrotask: true, inTick: true, inTimer: true, order: 8 });
});

test("from inside a debugger's evaluation a peek is refused, and nothing runs", async () => {
  expect(await run("debugged")).toEqual({ inside: [false, "CannotPeek"], after: true, runs: 0 });
});

test("at the end of the stack a peek is refused, and nothing runs", async () => {
  expect(await run("deep")).toEqual({ outcomes: ["CannotPeek", "works"], runs: 0 });
});

test("texts are remembered up to a size, those used last", () => {
  const cache = new TextCache(10);
  cache.set("a", "12345");
  cache.set("b", "12345");
  expect(cache.get("a")).toBe("12345");
  cache.set("c", "1");
  expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual(["12345", undefined, "1"]);
  cache.set("a", "1");
  cache.set("d", "12345678");
  expect([cache.get("a"), cache.get("c"), cache.get("d")]).toEqual(["1", "1", "12345678"]);
  cache.set("e", "longer than all");
  expect([cache.get("a"), cache.get("e")]).toEqual([undefined, undefined]);
  cache.set("f", "1");
  expect(cache.get("f")).toBe("1");
});
