import { expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { type Ended, runProgram } from "../support/programs.js";
import { row } from "./row.js";

describeExecutors("a program", (_open, place) => {
  const run = (name: string, ...args: string[]): Promise<Ended> =>
    runProgram(new URL(`./fixtures/programs/${name}.mjs`, import.meta.url), { env: place.env, args });

  row(115, "that comes to its end waits for the call that runs", async () => {
    expect(await run("end-while-running")).toEqual({ code: 0, stdout: "apple\n", stderr: "" });
  });

  row(116, "that has nothing left to do may go on submitting; after shutdown it is refused", async () => {
    expect(await run("before-exit")).toEqual({
      code: 0,
      stdout: "beforeExit\nanswer 42\nThe executor cannot schedule new futures after the process has begun to exit.\n",
      stderr: "",
    });
  });

  row(119, "that does not wait for its shutdown ends when the call that runs is over", async () => {
    expect(await run("shutdown-without-waiting")).toEqual({ code: 0, stdout: "left\napple\n", stderr: "" });
  });

  row(121, "has no thread, timer or socket left after shutdown", async () => {
    expect(await run("nothing-left")).toEqual({ code: 0, stdout: "10\n[]\n", stderr: "" });
  });

  row(124, "that drops its executor gets what it submitted, and ends", async () => {
    expect(await run("dropped-executor")).toEqual({ code: 0, stdout: "0,1,4,9\n", stderr: "" });
  });

  row(125, "has no thread, timer or socket left once a shutdown that nobody waits for is over", async () => {
    expect(await run("nothing-left", "no-wait")).toEqual({ code: 0, stdout: "10\n[]\n", stderr: "" });
  });

  row(128, "that cancels without waiting ends, with the result or without, and complains of nothing", async () => {
    const { code, stdout, stderr } = await run("cancel-without-waiting");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(["apple\n", "", "cancelled\n"]).toContain(stdout);
  });
});
