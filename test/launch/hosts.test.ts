import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { listenOnAnyPort } from "../support/cable.js";
import { freePorts } from "../support/ports.js";
import { CliProcess, fileHome, runCli, spawnNode } from "../support/processes.js";
import { Machines, whatIsMissing } from "./sshd.js";

/*
 * Nodes that are started over a real sshd. What can be shown without one is in the files beside this.
 */

const missing = whatIsMissing();
const machines = missing === undefined ? await Machines.start(["n1", "n2", "n3"], ["stranger"]) : undefined;

function over(name: string, test: (there: Machines) => Promise<void>): void {
  it(name, { timeout: 120_000 }, async (ctx) => {
    if (machines === undefined) return ctx.skip(missing);
    await test(machines);
  });
}

/** A host file with a port for each, and the command that launches it. */
async function listing(there: Machines, names: readonly string[], fields = "workers=1") {
  const ports = await freePorts(names.length);
  const file = join(fileHome().folder, "peers.txt");
  writeFileSync(file, ["# who works", ...names.map((name, i) => `${name}:${ports[i]} ${fields}`), ""].join("\n"));
  const args = (more: readonly string[]) => ["launch", "hosts", "--hostfile", file, ...there.options, ...more];
  return { ports, args, launch: (...more: string[]) => runCli(args(more)) };
}

function filesBelow(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, path, name }) => readFileSync(join(parentPath ?? path, name), "utf8")).join("\n");
}

over("three machines come up, work and go, and one that refuses is told with the reason", async (there) => {
  const root = await spawnNode({ workers: 0, name: "root" });
  const { ports, launch } = await listing(there, ["n1", "n2", "n3", "stranger"]);
  const up = await launch("--parent", root.address);
  expect(up).toEqual({ code: 1, signal: null, stdout: expect.any(String), stderr: "" });
  for (const [i, name] of ["n1", "n2", "n3"].entries()) {
    const log = `.local/state/pydist/node-${ports[i]}.log`;
    expect(up.stdout).toContain(`${name}:${ports[i]}: up at 127.0.0.1:${ports[i]}; its log is ${name}:${log}\n`);
  }
  expect(up.stdout).toMatch(/^stranger:\d+: failed: ssh could not log in: .*Permission denied .+ssh-copy-id stranger/m);
  expect(up.stdout).toContain("3 of 4 up.\n");

  const executor = attach(root.address);
  expect(await executor.map((x: number) => x * x, [1, 2, 3, 4, 5, 6])).toEqual([1, 4, 9, 16, 25, 36]);
  expect((await executor.nodes()).map(({ name }) => name.split(":")[0]).sort()).toEqual(["n1", "n2", "n3", "root"]);

  const { secret } = fileHome();
  for (const name of ["n1", "n2", "n3"]) {
    const processes = there.processes(name);
    expect(processes.length).toBe(2);
    for (const { args, env } of processes) expect(`${args}\n${env}`).not.toContain(secret);
    expect(filesBelow(there.home(name))).not.toContain(secret);
  }

  const again = await launch("--parent", root.address, "--json");
  expect(JSON.parse(again.stdout)).toEqual(
    expect.arrayContaining([
      { host: `n1:${ports[0]}`, is: "running", why: "a node of that name is in the tree" },
      { host: `stranger:${ports[3]}`, is: "failed", why: expect.stringContaining("Permission denied") },
    ]),
  );
  for (const name of ["n1", "n2", "n3"]) expect(there.processes(name).length).toBe(2);

  const down = await launch("--parent", root.address, "--down");
  expect(down).toMatchObject({ code: 1, stderr: "" });
  for (const i of [0, 1, 2])
    expect(down.stdout).toContain(`n${i + 1}:${ports[i]}: stopped: it leaves once what it runs is over.\n`);
  for (const name of ["n1", "n2", "n3"]) await there.empty(name);
});

over("nodes that wait for their parent are dialled by it; without a tree they are stopped over ssh", async (there) => {
  const { ports, launch } = await listing(there, ["n1", "n2"]);
  const up = await launch("--await-parent", "--", "--log-level", "debug");
  expect(up).toMatchObject({ code: 0, stderr: "" });
  expect(up.stdout).toContain(
    `2 of 2 up.\nTheir parent dials them: pydist-node spawn --children n1:${ports[0]},n2:${ports[1]}\n` +
      "From other machines it cannot, unless their own configuration says more: --host 0.0.0.0 behind -- lets those in.\n",
  );
  const children = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const root = await spawnNode({ workers: 0, args: ["--children", children] });
  const executor = attach(root.address);
  await executor.waitForNodes(3);
  expect(await executor.map((x: number) => x + 1, [1, 2, 3])).toEqual([2, 3, 4]);
  await executor.shutdown();

  const again = await launch("--await-parent");
  expect(again.stdout).toContain(`runs already: node n1:${ports[0]} of this cluster has port ${ports[0]} there.\n`);
  root.kill();
  await root.exited;
  const down = await launch("--parent", root.address, "--down");
  expect(down).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("it was told over ssh.\n") });
  for (const name of ["n1", "n2"]) await there.empty(name);
  const nobody = await launch("--parent", root.address, "--down");
  expect(nobody).toMatchObject({ code: 0, stdout: expect.stringContaining(": no node runs there.\n") });
});

over("a port that is taken is told with who has it: somebody else, or a node of another tree", async (there) => {
  const taken = await listenOnAnyPort(createServer());
  const root = await spawnNode({ workers: 0, name: "root" });
  const other = await spawnNode({ workers: 0, name: "other" });
  const file = join(fileHome().folder, "peers.txt");
  const otherPort = other.address.split(":")[1];
  writeFileSync(file, `n1:${taken}\nn2:${otherPort}\n`);
  const { code, stdout } = await runCli([
    ...["launch", "hosts", "--hostfile", file, ...there.options],
    ...["--parent", root.address],
  ]);
  expect(code).toBe(1);
  expect(stdout).toContain(
    `n1:${taken}: failed: Port ${taken} on 127.0.0.1 is taken by another process. Choose another one with --port, or ` +
      "--port 0 for any that is free. Nobody of this cluster answers there. Give its line another port, as in " +
      `n1:${taken + 1}.\n`,
  );
  expect(stdout).toContain(
    `n2:${otherPort}: failed: node other of this cluster has port ${otherPort} there, but is not in this tree: it has another ` +
      "parent, or has lost it. Stop it first, with the same file and --down; or give the line another port.\n",
  );
});

over("machines without Node, with another release, and without a registry are told apart", async (there) => {
  const root = await spawnNode({ workers: 0 });
  const { launch } = await listing(there, ["n1", "n2", "n3"]);
  there.install("n1", "exec no-such-command-here");
  there.install("n2", `echo "pydist-node: Unknown option '--detach'. See pydist-node spawn --help." >&2; exit 2`);
  // What npm is asked for there, it asks a port at which nobody listens.
  there.uninstall("n3");
  writeFileSync(join(there.home("n3"), ".npmrc"), "registry=http://127.0.0.1:9/\nfetch-retries=0\n");
  const { code, stdout } = await launch("--parent", root.address);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^n1:\d+: failed: neither pydist-node nor npx was found there: .*no-such-command-here/m);
  expect(stdout).toMatch(/^n2:\d+: failed: its pydist-node is of another release: Unknown option '--detach'/m);
  expect(stdout).toMatch(/^n3:\d+: failed: npm could not bring pydist-node@\S+ there: .*127\.0\.0\.1:9/m);
  expect(stdout).toContain("0 of 3 up.\n");
});

over("a machine that says nothing is given up after --timeout", async (there) => {
  const root = await spawnNode({ workers: 0 });
  const { launch } = await listing(there, ["n1"]);
  there.install("n1", "exec sleep 1000");
  const { code, stdout } = await launch("--parent", root.address, "--timeout", "1");
  expect(code).toBe(1);
  expect(stdout).toMatch(/^n1:\d+: failed: nothing came of it within 1 s, and it was given up\./m);
});

over("Ctrl-C stops what was started by the same call, also what was still under way", async (there) => {
  const root = await spawnNode({ workers: 0 });
  const { args } = await listing(there, ["n1", "n2"]);
  // It comes up, but only after whoever had it started is gone.
  const gate = createServer();
  const port = await listenOnAnyPort(gate);
  const here = new Promise<() => void>((resolve) => gate.once("connection", (socket) => resolve(() => socket.end())));
  const main = `${process.execPath} ${join(there.home("n1"), "bin", "pydist-node")}`;
  there.install(
    "n2",
    `${process.execPath} -e 'require("net").connect(${port}, "127.0.0.1").on("close", () => {}).resume()' </dev/null; exec ${main} "$@"`,
  );
  const launch = new CliProcess(args(["--parent", root.address]), {});
  await launch.printed((line) => line.startsWith("n1:"));
  const goOn = await here;
  launch.kill("SIGINT");
  await launch.printed((line) => /^n2:\d+: failed: it was interrupted\.$/.test(line));
  goOn();
  expect(await launch.exited).toEqual({ code: 130, signal: null });
  expect(launch.stdout).toMatch(/^n1:\d+: stopped: it leaves once what it runs is over\.$/m);
  expect(launch.stderr).toContain("SIGINT: stopping what was started; another one leaves it as it is.");
  for (const name of ["n1", "n2"]) await there.empty(name);
});
