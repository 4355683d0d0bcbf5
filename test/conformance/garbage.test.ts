import { expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { type Ended, runProgram } from "../support/programs.js";
import { row } from "./row.js";

/** Runs a program of this folder with a garbage collector that can be called. */
function run(program: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return runProgram(new URL(`./fixtures/programs/${program}.mjs`, import.meta.url), { env, flags: ["--expose-gc"] });
}

describeExecutors("what is not needed any more is collected", (_open, place) => {
  row(24, "an argument and its future, once the task is over", async () => {
    expect(await run("stale-arguments", place.env)).toEqual({
      code: 0,
      stdout: "argument collected and finalized\nfuture collected\n",
      stderr: "",
    });
  });

  row(25, "a result that was read, while its map goes on", async () => {
    expect(await run("read-results", place.env)).toEqual({
      code: 0,
      stdout: "first collected\nsecond collected\n{ n: 2 } true\n",
      stderr: "",
    });
  });

  row(112, "a future that asCompleted has given", async () => {
    expect(await run("read-completions", place.env)).toEqual({
      code: 0,
      stdout: "first collected\nsecond collected\n3 true\n",
      stderr: "",
    });
  });
});
