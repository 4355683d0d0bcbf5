import { describe, expect, it, type TestContext } from "vitest";
import { attach } from "../../support/attach.js";
import { Gate, hold } from "../../support/gate.js";
import { spawnNode } from "../../support/processes.js";
import { until, whatIsMissing } from "./commands.js";
import { NEEDS, PACKAGES, SlurmCluster } from "./slurm-cluster.js";

/* The real Slurm. */

const missing = whatIsMissing(NEEDS, PACKAGES);
const LIMIT = 120_000;

function on(name: string, test: (ctx: TestContext) => Promise<void>): void {
  it(name, { timeout: LIMIT }, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    await test(ctx);
  });
}

const upTo = (count: number): number[] => [...Array(count).keys()];

describe("nodes in Slurm", () => {
  on("8 by one command, 4 more while a map runs, 2 cancelled in the middle: every task runs once", async () => {
    const slurm = await SlurmCluster.open();
    const root = await spawnNode({ name: "root", workers: 0 });
    const eight = await slurm.launch("--count", "8", "--cores", "1", "--parent", root.address);
    expect(eight).toMatchObject({ code: 0, stdout: "1\n" });
    const executor = attach(root.address);
    await executor.waitForNodes(9);
    const gate = await Gate.make();
    const results = executor.map(hold, Array<number>(100).fill(gate.port), upTo(100));
    await gate.entered(8);
    const four = await slurm.launch("--count", "4", "--cores", "1", "--parent", root.address);
    expect(four).toMatchObject({ code: 0, stdout: "9\n" });
    await gate.entered(12);
    const names = [...upTo(8).map((i) => `1_${i + 1}`), ...upTo(4).map((i) => `9_${i + 1}`)];
    expect(slurm.running()).toEqual(names);
    slurm.cancel("1_3", "9_2");
    await until(() =>
      ["1_3", "9_2"].every((job) => slurm.output(job).includes("Waiting for tasks that are under way")),
    );
    gate.open();
    expect(await results).toEqual(upTo(100));
    expect(gate.names).toHaveLength(100);
    const { nodes } = await executor.stats();
    expect(nodes.map(({ name }) => name).sort()).toEqual([...names.map((name) => `pydist-${name}`), "root"]);
    expect(nodes.reduce((sum, { completed }) => sum + completed, 0)).toBe(100);
    // What the two had begun, and nothing else, was done by the two.
    const ofTwo = nodes.filter(({ name }) => name === "pydist-1_3" || name === "pydist-9_2");
    expect(ofTwo.map(({ completed }) => completed)).toEqual([1, 1]);
    await until(async () => (await executor.nodes()).length === 11);
    expect(slurm.running()).toEqual(names.filter((name) => name !== "1_3" && name !== "9_2"));
  });

  on("what a cancelled node cannot end runs again elsewhere", async () => {
    const slurm = await SlurmCluster.open();
    const root = await spawnNode({ name: "root", workers: 0 });
    const flags = ["--count", "1", "--parent", root.address, "--drain-grace", "100"];
    await slurm.launch(...flags);
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "whole"]);
    await gate.entered(1);
    slurm.cancel("1_1");
    await slurm.launch(...flags);
    await gate.entered(2);
    gate.open();
    expect(await held).toBe("whole");
    expect(held.attempts).toBe(2);
    expect((await executor.stats()).nodes).toContainEqual(
      expect.objectContaining({ name: "pydist-2_1", completed: 1 }),
    );
  });

  on("one whose walltime is nearly over takes no more, ends what it has begun, and leaves", async () => {
    const slurm = await SlurmCluster.open();
    const root = await spawnNode({ name: "root", workers: 0 });
    await slurm.launch("--count", "1", "--parent", root.address, "--time", "2m", "--drain-grace", "30000");
    await slurm.launch("--count", "1", "--parent", root.address);
    const executor = attach(root.address);
    await executor.waitForNodes(3);
    const gate = await Gate.make();
    const begun = [1, 2].map((i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(2);
    // Slurm looks every half a minute whose time is nearly over.
    slurm.shorten("1_1", "1");
    await until(() => slurm.output("1_1").includes("Waiting for tasks that are under way"));
    const later = executor.submit(hold, [gate.port, 3]);
    gate.open();
    expect(await Promise.all([...begun, later])).toEqual([1, 2, 3]);
    expect([...begun, later].map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
    const { nodes } = await executor.stats();
    expect(nodes.map(({ name, completed }) => `${name} ${completed}`).sort()).toEqual([
      "pydist-1_1 1",
      "pydist-2_1 2",
      "root 0",
    ]);
    // It left by the signal, long before it would have been killed.
    await until(() => !slurm.running().includes("1_1"));
    expect(slurm.describe("1_1")).toMatch(/ExitCode=143:0/);
  });
});
