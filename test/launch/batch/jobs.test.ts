import { describe, expect, it } from "vitest";
import { attach } from "../../support/attach.js";
import { Gate, hold } from "../../support/gate.js";
import { type NodeProcess, spawnNode } from "../../support/processes.js";
import { BatchSystem, type Job, type SystemName } from "./stand-in.js";

const SYSTEMS: readonly SystemName[] = ["slurm", "pbs", "sge"];

async function rootWithoutWorkers(): Promise<NodeProcess> {
  return spawnNode({ name: "root", workers: 0 });
}

describe("nodes that batch systems start", () => {
  it("work in one run with one that was started by hand", async () => {
    const root = await rootWithoutWorkers();
    const [slurm, pbs, sge] = await Promise.all(SYSTEMS.map((name, i) => BatchSystem.open(name, 10 * (i + 1))));
    const launched = await Promise.all([
      slurm?.launch(["--parent", root.address, "--count", "2"]),
      pbs?.launch(["--parent", root.address, "--count", "2"]),
      sge?.launch(["--parent", root.address, "--count", "1"]),
    ]);
    expect(
      launched.map((each) => [each?.code, each?.stdout]),
      launched[1]?.stderr,
    ).toEqual([
      [0, "10\n"],
      [0, "20.server\n21.server\n"],
      [0, "30\n"],
    ]);
    await spawnNode({ name: "hand", parent: root.address });
    const executor = attach(root.address);
    await executor.waitForNodes(7);
    const names = ["hand", "pydist-10_1", "pydist-10_2", "pydist-20", "pydist-21", "pydist-30.1"];
    expect((await executor.nodes()).map(({ name }) => name).sort()).toEqual([...names, "root"]);
    const gate = await Gate.make();
    const futures = names.map((_, i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(names.length);
    gate.pass();
    expect(await Promise.all(futures)).toEqual(names.map((_, i) => i));
    const nodes = await executor.nodes();
    expect(nodes.map(({ name, completed }) => `${name} ${completed}`).sort()).toEqual(
      [...names.map((name) => `${name} 1`), "root 0"].sort(),
    );
  });

  it("are joined by more of their kind while they work: 2 and 3 are 5", async () => {
    const root = await rootWithoutWorkers();
    const slurm = await BatchSystem.open("slurm");
    await slurm.launch(["--parent", root.address, "--count", "2"]);
    const executor = attach(root.address);
    await executor.waitForNodes(3);
    const gate = await Gate.make();
    const results = executor.map(hold, Array<number>(20).fill(gate.port), [...Array(20).keys()]);
    await gate.entered(2);
    await slurm.launch(["--parent", root.address, "--count", "3"]);
    await gate.entered(5);
    gate.open();
    expect(await results).toEqual([...Array(20).keys()]);
    expect((await executor.nodes()).map(({ name }) => name).sort()).toEqual([
      "pydist-1_1",
      "pydist-1_2",
      "pydist-2_1",
      "pydist-2_2",
      "pydist-2_3",
      "root",
    ]);
  });

  it.each(SYSTEMS)("of %s that are cancelled bring to its end what they have begun", async (name) => {
    const root = await rootWithoutWorkers();
    const system = await BatchSystem.open(name);
    await system.launch(["--parent", root.address, "--count", "1"]);
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "whole"]);
    await gate.entered(1);
    const [job] = system.jobs as [Job];
    job.cancel();
    await job.logged("Waiting for tasks that are under way");
    gate.pass();
    expect(await held).toBe("whole");
    expect(held.attempts).toBe(1);
    expect(await job.ended).toBe(143);
  });

  it.each(SYSTEMS)("of %s do not start without what was to be there first, and say so", async (name) => {
    const root = await rootWithoutWorkers();
    const system = await BatchSystem.open(name);
    await system.launch([
      "--parent",
      root.address,
      "--count",
      "1",
      "--setup",
      ":",
      "--setup",
      "no-such-module load 'a'",
    ]);
    const [job] = system.jobs as [Job];
    expect(await job.ended).toBe(1);
    expect(job.stderr).toMatch(/no-such-module: (command )?not found/);
    expect(job.stderr.split("\n").at(-2)).toBe(
      "pydist-node: the job ends here, since this line of --setup failed: no-such-module load 'a'",
    );
  });

  it("of PBS leave by themselves some time before the end", async () => {
    const root = await rootWithoutWorkers();
    const pbs = await BatchSystem.open("pbs");
    await pbs.launch(["--parent", root.address, "--count", "1", "--drain-grace", "0", "--time", "16s"]);
    const [job] = pbs.jobs as [Job];
    // Perhaps before it is ready, on a slow machine.
    expect(await job.ended).toBe(143);
  });
});
