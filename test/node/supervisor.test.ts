import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { supervisionVariable } from "../../packages/pydist-node/dist/supervisor/supervised.js";
import { Supervisor } from "../../packages/pydist-node/dist/supervisor/supervisor.js";
import { type Exit, verdictOf } from "../../packages/pydist-node/dist/supervisor/verdict.js";
import { folderOf } from "../support/folders.js";

const module = fileURLToPath(new URL("fixtures/watched.mjs", import.meta.url));

/** Supervises processes of which each lives as the next of `lives` says. */
async function supervise(lives: readonly string[], stallGrace?: number) {
  const journal = join(folderOf({}), "journal");
  const logged: string[] = [];
  const log = (fields: object, text: string) => void logged.push(`${text} ${JSON.stringify(fields)}`);
  const logger = { trace: log, debug: log, info: log, warn: log, error: log, fatal: log };
  const supervisor = new Supervisor({ module, args: [journal, ...lives], stallGrace, logger: async () => logger });
  const code = await supervisor.run();
  const told = readFileSync(journal, "utf8").trim().split("\n");
  return { code, logged, told: told.map((line) => JSON.parse(line) as unknown) };
}

const SAME = { id: "the-node", port: 4711 };

describe("the supervisor", () => {
  it.skipIf(process.platform === "win32")("follows a process that died with one that takes its place", async () => {
    const { code, told, logged } = await supervise(["kill:SIGSEGV", "kill:SIGKILL", "exit:1", "exit:0"]);
    expect(code).toBe(0);
    expect(told).toEqual([null, SAME, SAME, SAME]);
    expect(logged).toEqual([
      'The node\'s process died; another one takes its place {"cause":"SIGSEGV"}',
      'The node\'s process died; another one takes its place {"cause":"SIGKILL"}',
      'The node\'s process died; another one takes its place {"cause":"exit code 1"}',
    ]);
  });

  it("kills a process whose event loop stands still, and follows it", async () => {
    const { code, told, logged } = await supervise(["stall", "exit:0"], 4500);
    expect(code).toBe(0);
    expect(told).toEqual([null, SAME]);
    expect(logged[0]).toMatch(/^The node's process did not react any more and was killed \{"pid":\d+,"grace":4500\}$/);
    expect(logged[1]).toContain("another one takes its place");
  });

  it.each([
    ["has left in order", "exit:0", 0],
    ["was started wrongly", "exit:2", 2],
    ["has another secret", "exit:4", 4],
    ["died before it was ever ready", "early:1", 1],
    ["was stopped by a signal of its own", "exit:143", 143],
  ])("does not follow one that %s", async (_name, life, code) => {
    const end = await supervise([life]);
    expect(end).toEqual({ code, told: [null], logged: [] });
  });
});

describe("a process that is supervised", () => {
  it("ends, too, if its supervisor is gone before it is loaded", async () => {
    const child = fork(fileURLToPath(new URL("fixtures/loaded-late.mjs", import.meta.url)), {
      env: { ...process.env, ...supervisionVariable({ pid: process.pid }) },
    });
    const exit = once(child, "exit");
    await once(child, "message");
    child.disconnect();
    expect(await exit).toEqual([1, null]);
  });
});

describe("the verdict", () => {
  const up = { everReady: true, leaving: false };
  const signalled: Exit = { code: null, signal: "SIGABRT" };

  it("on a process that dies while the node leaves, is that it is over", () => {
    expect(verdictOf(signalled, { everReady: true, leaving: true })).toEqual({ is: "over", code: 134 });
  });

  it("on an exhausted heap, is to go on; before the node was ever ready, it is over", () => {
    expect(verdictOf(signalled, up)).toEqual({ is: "again", cause: "SIGABRT" });
    expect(verdictOf(signalled, { everReady: false, leaving: false })).toEqual({ is: "over", code: 134 });
  });
});
