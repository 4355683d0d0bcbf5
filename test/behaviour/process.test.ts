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

/** Runs a program of `test/fixtures/programs` to its end. */
function run(program: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return runProgram(new URL(urlOf(program)), { env });
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

  it("is not brought down by a failed future that it holds and never looks at", async () => {
    expect(await run("held-failure", await where())).toEqual({ code: 0, stdout: "finished\n", stderr: "" });
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
      "5000 500 5500\n" +
        'A listener of "taskSettled" threw: Error: listener; A progress callback threw: Error: progress\n',
    );
    expect(code).toBe(0);
  });
});
