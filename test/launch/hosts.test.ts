import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, type TestContext } from "vitest";
import { attach } from "../support/attach.js";
import { fileHome, freePorts, runCli, spawnNode } from "../support/processes.js";
import { Machines, whatIsMissing } from "./sshd.js";

/*
 * Nodes that are started over a real sshd. Without one, what can be shown is in hostfile.test.ts and remote.test.ts.
 */

const missing = whatIsMissing();
const machines = missing === undefined ? await Machines.start(["n1", "n2", "n3"], ["stranger"]) : undefined;

function over(name: string, test: (there: Machines, ctx: TestContext) => Promise<void>): void {
  it(name, { timeout: 60_000 }, async (ctx) => {
    if (machines === undefined) return ctx.skip(missing);
    await test(machines, ctx);
  });
}

/** A host file with a port for each, and the ports. */
async function hostfile(names: readonly string[], fields = ""): Promise<{ file: string; ports: number[] }> {
  const ports = await freePorts(names.length);
  const file = join(fileHome().folder, "peers.txt");
  writeFileSync(file, ["# who works", ...names.map((name, i) => `${name}:${ports[i]} ${fields}`), ""].join("\n"));
  return { file, ports };
}

over("three machines come up, work and go, and one that refuses is told with the reason", async (there) => {
  const root = await spawnNode({ workers: 0, name: "root" });
  const { file, ports } = await hostfile(["n1", "n2", "n3", "stranger"], "workers=1");
  const launch = (...args: string[]) =>
    runCli(["launch", "hosts", "--hostfile", file, "--parent", root.address, ...there.options, ...args]);

  const up = await launch();
  expect(up).toEqual({ code: 1, signal: null, stdout: expect.any(String), stderr: "" });
  for (const [i, name] of ["n1", "n2", "n3"].entries()) {
    const log = `.local/state/pydist/node-${ports[i]}.log`;
    expect(up.stdout).toContain(`${name}:${ports[i]}: up at 127.0.0.1:${ports[i]}; its log is ${name}:${log}\n`);
  }
  expect(up.stdout).toMatch(/^stranger:\d+: failed: ssh could not log in: .*Permission denied/m);
  expect(up.stdout).toContain("3 of 4 up.\n");

  const executor = attach(root.address);
  const results = await executor.map((x: number) => x * x, [1, 2, 3, 4, 5, 6]);
  expect(results).toEqual([1, 4, 9, 16, 25, 36]);
  expect((await executor.nodes()).map(({ name }) => name.split(":")[0]).sort()).toEqual(["n1", "n2", "n3", "root"]);

  const { secret } = fileHome();
  for (const name of ["n1", "n2", "n3"]) {
    const processes = there.processes(name);
    expect(processes.length).toBeGreaterThan(1);
    for (const { args, env } of processes) expect(`${args}\n${env}`).not.toContain(secret);
  }

  const down = await launch("--down");
  expect(down).toMatchObject({
    stdout: expect.stringContaining("stopped: it leaves once what it runs is over."),
    stderr: "",
  });
  for (const name of ["n1", "n2", "n3"]) await there.empty(name);
});
