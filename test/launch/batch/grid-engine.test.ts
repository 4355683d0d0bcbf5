import { describe, expect, it } from "vitest";
import { attach } from "../../support/attach.js";
import { Gate, hold } from "../../support/gate.js";
import { spawnNode } from "../../support/processes.js";
import { until, whatIsMissing } from "./commands.js";
import { GridEngine, NEEDS, PACKAGES } from "./grid-engine.js";

/* The real Grid Engine. */

const missing = whatIsMissing(NEEDS, PACKAGES);

describe("nodes in Grid Engine", () => {
  it("4 by one command; one is cancelled and one's walltime is over: every task runs once", {
    timeout: 120_000,
  }, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    const engine = await GridEngine.open();
    const root = await spawnNode({ name: "root", workers: 0 });
    const three = await engine.launch(
      "--count",
      "3",
      "--parent",
      root.address,
      "--cores",
      "1",
      "--drain-grace",
      "50000",
    );
    expect(three).toMatchObject({ code: 0, stdout: "1\n" });
    const short = await engine.launch("--count", "1", "--parent", root.address, "--time", "26s", "--drain-grace", "0");
    expect(short).toMatchObject({ code: 0, stdout: "2\n" });
    const executor = attach(root.address);
    const gate = await Gate.make();
    const results = executor.map(hold, Array<number>(40).fill(gate.port), [...Array(40).keys()]);
    await gate.entered(4);
    engine.cancel("1.2");
    await until(() => engine.output("1.2").includes("Waiting for tasks that are under way"));
    // It does not wait for what it has begun, so that this begins once more.
    await until(() => engine.output("2.1").includes("Not waiting any longer"));
    gate.open();
    expect(await results).toEqual([...Array(40).keys()]);
    expect(gate.names).toHaveLength(41);
    const { nodes } = await executor.stats();
    expect(nodes.reduce((sum, { completed }) => sum + completed, 0)).toBe(40);
    expect(nodes.find(({ name }) => name === "pydist-1.2")).toMatchObject({ completed: 1 });
    await until(() => !/^\s*2 /m.test(engine.list()));
  });
});
