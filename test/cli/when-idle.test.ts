import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { opened } from "../support/opened.js";
import { runCli, spawnNode } from "../support/processes.js";

/** Of each thread of a process, the main one first: -20 to 19, where 19 is the lowest. */
function priorities(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`).sort((a, b) => Number(a) - Number(b));
  // The name may hold spaces; what follows it does not.
  return threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8").split(") ")[1]?.split(" ")[16]),
  );
}

/** Somebody else's work, on every core. */
function keepMachineBusy(): void {
  for (let i = 0; i < availableParallelism(); i++) {
    const child = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
    const gone = once(child, "exit");
    opened({
      close: async () => {
        child.kill("SIGKILL");
        await gone;
      },
    });
  }
}

// That it works again once the machine is idle is shown by a clock of the test's own (test/node/idleness.test.ts): this
// machine is busy for as long as other tests run.
describe("a node that works only on an idle machine", () => {
  it("begins nothing while others are busy", async () => {
    const node = await spawnNode({ args: ["--when-idle"] });
    keepMachineBusy();
    await node.logged((line) => line.includes("Draining: no new tasks run here") && line.includes("busy machine"));
    const status = await runCli(["status", node.address, "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ state: "drained" });
  });

  it.skipIf(process.platform !== "linux")("has the lowest priority for its tasks, and not for its links", async () => {
    const { pid } = await spawnNode({ args: ["--when-idle", "--no-supervise"] });
    // A worker sets it when it has started.
    while (!priorities(pid).includes(19)) await new Promise((resolve) => setImmediate(resolve));
    expect(priorities(pid)[0]).toBe(0);
  });
});
