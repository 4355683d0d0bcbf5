import { describe, expect, it } from "vitest";
import { spawnNode } from "../support/processes.js";
import { type Ended, runProgram } from "../support/programs.js";

function urlOf(program: string): string {
  return new URL(`../fixtures/programs/${program}.mjs`, import.meta.url).href;
}

/** What Node prints of an error that ends the process, but for its own version. */
function printed(stderr: string): string {
  return stderr.replace(/\n\nNode\.js v[\w.-]+\n$/, "").trimStart();
}

/** Runs a program of `test/fixtures/programs` to its end, with the arguments that stand behind its name. */
function run(program: string, env: NodeJS.ProcessEnv = {}, flags: string[] = []): Promise<Ended> {
  const [name = "", ...args] = program.split(" ");
  return runProgram(new URL(urlOf(name)), { env, flags, args });
}

describe.each([
  ["embedded", false],
  ["attached to a node by PYDIST_ADDRESS", true],
])("a program, %s,", (_kind, attached) => {
  const where = async (): Promise<NodeJS.ProcessEnv> =>
    attached ? { PYDIST_ADDRESS: (await spawnNode({ workers: 2 })).address } : {};

  it("ends after shutdown and leaves nothing behind", async () => {
    expect(await run("map-and-shutdown", await where())).toEqual({ code: 0, stdout: "1,4,9\n[]\n", stderr: "" });
  });

  it("that forgot shutdown gets its results and ends", async () => {
    expect(await run("forgot-shutdown", await where())).toEqual({ code: 0, stdout: "apple\n", stderr: "" });
  });

  it("that did nothing with its executor ends", async () => {
    expect(await run("idle", attached ? {} : await where())).toEqual({ code: 0, stdout: "made\n", stderr: "" });
  });

  it("ends although it reads its maps to no end, and so does its shutdown", async () => {
    const env = await where();
    expect(await run("unread-maps", env)).toEqual({ code: 0, stdout: "0 1\nend\n", stderr: "" });
    const stdout = `0 1\n${"ShutdownError\n".repeat(3)}end\n`;
    expect(await run("unread-maps shutdown", env)).toEqual({ code: 0, stdout, stderr: "" });
  });

  it("is not brought down by a failed future that it holds and never looks at", async () => {
    expect(await run("held-failure", await where())).toEqual({ code: 0, stdout: "finished\n", stderr: "" });
  });

  it("that waits for a call that waits for a future gets its result, and ends", async () => {
    expect(await run("dependent-keeps-alive", await where())).toEqual({ code: 0, stdout: "apple pie\n", stderr: "" });
  });

  it("that submits when it has begun to exit is told that nothing will come of it (row 116)", async () => {
    const told = "PYDIST_E_SHUTDOWN The executor cannot schedule new futures after the process has begun to exit.\n";
    expect(await run("submit-at-exit", await where())).toEqual({ code: 0, stdout: `ran\n${told}${told}`, stderr: "" });
  });

  it("is, as by any promise, by one made from it that nobody catches", async () => {
    const { code, stderr } = await run("derived-failure", await where());
    expect(code).toBe(1);
    expect(printed(stderr)).toBe(`Error: somebody chained\n    at ${urlOf("derived-failure")}:6:11`);
  });

  // Row 39, for an error and its cause: of JavaScript's stacks the source lines are no part.
  it("that does not catch a failure prints the user's functions and lines, and none of pydist's", async () => {
    const { code, stderr } = await run("uncaught-failure", await where());
    expect(code).toBe(1);
    const url = urlOf("uncaught-failure");
    expect(printed(stderr)).toBe(`RangeError: no values
    at score (${url}:6:39) {
  [cause]: TypeError: first has no weight
      at weigh (${url}:10:12)
      at score (${url}:6:76)
}`);
  });
});

describe("a program", () => {
  it("that shuts down a listening executor before it listens leaves nothing behind", async () => {
    expect(await run("shutdown-at-once")).toEqual({ code: 0, stdout: "over\n", stderr: "" });
  });

  it("survives executors that are shut down while their threads start", async () => {
    expect(await run("short-lives")).toEqual({ code: 0, stdout: "survived\n", stderr: "" });
  });

  it("that names a function of itself by task() is told so, and makes no executor in each worker", async () => {
    expect(await run("task-of-itself")).toEqual({ code: 0, stdout: "PYDIST_E_SHIPPING\n", stderr: "" });
  });

  it("whose listeners throw is told so, and gets every result", async () => {
    const { code, stdout } = await run("throwing-listeners");
    expect(stdout).toBe(
      "goes on\n5000 500 5501\n" +
        'A listener of "taskSettled" threw: Error: listener; A logger threw: Error: info; A progress callback threw: Error: progress\n',
    );
    expect(code).toBe(0);
  });
});

describe("what is not held any more", () => {
  it("is collected: arguments, results that were given, futures, what a signal could have aborted (rows 24, 25, 112)", async () => {
    const { stdout, stderr, code } = await run("references", {}, ["--expose-gc"]);
    expect(stdout).toBe(
      "argument: collected\nvalue: collected, error: collected\n2\n" +
        "true false\nfuture: collected\nfollowed: collected\nfalse\n",
    );
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("and failed, and nobody looked at, is warned of, and nothing else is", async () => {
    const { stdout, stderr, code } = await run("unseen-failures", {}, ["--expose-gc"]);
    expect(stdout).toMatch(
      /^collected \[\]\n\[\n {2}'PydistWarning: A task failed, and nobody looked at its future: RangeError: (?:nobody|looked)'\n\]\n$/,
    );
    expect(stderr).toContain("(and 1 more)");
    expect(code).toBe(0);
  });
});

describe("progress: true", () => {
  it("draws a bar on a terminal, and lets go of it when the map is over", async () => {
    const { code, stdout, stderr } = await run("progress-bar terminal");
    expect([code, stdout]).toEqual([0, "40\n20\n[]\n"]);
    expect(stderr).toContain("======================== 100 % | 40 of 40");
    expect(stderr).toContain("======================== 100 % | 20 of 20 | 1 failed");
    // No colours: of escape sequences, only those that move the cursor and clear the line.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
    expect(stderr.match(/\x1b\[[\d;]*m/g)).toBe(null);
  });

  it("draws nothing elsewhere", async () => {
    expect(await run("progress-bar")).toEqual({ code: 0, stdout: "40\n20\n[]\n", stderr: "" });
    const dumb = await run("progress-bar terminal", { TERM: "dumb" });
    expect(dumb).toEqual({ code: 0, stdout: "40\n20\n[]\n", stderr: "" });
  });
});
