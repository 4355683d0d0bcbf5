import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { listenOnAnyPort } from "../support/cable.js";
import { freePort, freePorts } from "../support/ports.js";
import { CliProcess, fileHome, nodeJoined, runCli, spawnNode } from "../support/processes.js";
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

/** Has `pydist-node` on that machine wait at first. */
async function gateIn(there: Machines, name: string): Promise<{ readonly reached: Promise<() => void> }> {
  const gate = createServer();
  const port = await listenOnAnyPort(gate);
  const reached = new Promise<() => void>((resolve) =>
    gate.on("connection", (socket) => {
      resolve(() => {
        gate.close();
        socket.end();
      });
    }),
  );
  const main = `${process.execPath} ${realpathSync(join(there.home(name), "bin", "pydist-node"))}`;
  const wait = `require("net").connect(${port}, "127.0.0.1").on("error", () => {}).resume()`;
  there.install(name, `${process.execPath} -e '${wait}' </dev/null; exec ${main} "$@"`);
  return { reached };
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
  const { ports, launch } = await listing(there, ["n1", "n2", "stranger"]);
  const up = await launch("--await-parent", "--", "--log-level", "debug");
  expect(up).toMatchObject({ code: 1, stderr: "" });
  const dial = ports.slice(0, 2).map((port) => `127.0.0.1:${port}`);
  const children = dial.join(",");
  expect(up.stdout).toContain(
    `2 of 3 up.\nTheir parent dials them: pydist-node spawn --children ${children}\n` +
      "From other machines it cannot, unless their own configuration says more: --host 0.0.0.0 behind -- lets those in.\n",
  );
  const root = await spawnNode({ workers: 0, args: ["--children", children] });
  const executor = attach(root.address);
  await executor.waitForNodes(3);
  expect(await executor.map((x: number) => x + 1, [1, 2, 3])).toEqual([2, 3, 4]);
  await executor.shutdown();

  const again = await launch("--await-parent", "--json", "--", "--host", "0.0.0.0");
  expect(JSON.parse(again.stdout)).toEqual(
    expect.arrayContaining([
      ...["n1", "n2"].map((name, i) => ({
        host: `${name}:${ports[i]}`,
        is: "running",
        why: `node ${name}:${ports[i]} of this cluster has port ${ports[i]} there`,
        dial: dial[i],
      })),
      { host: `stranger:${ports[2]}`, is: "failed", why: expect.stringContaining("Permission denied") },
    ]),
  );
  root.kill();
  await root.exited;
  const down = await launch("--parent", root.address, "--down");
  expect(down).toMatchObject({ code: 1, stderr: "", stdout: expect.stringContaining("it was told over ssh.\n") });
  expect(down.stdout).toContain("2 of 3 stopped.\n");
  for (const name of ["n1", "n2"]) await there.empty(name);
  const nobody = await launch("--parent", root.address, "--down");
  expect(nobody).toMatchObject({ code: 1, stdout: expect.stringContaining(": no node runs there.\n") });
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
    ...["--parent", root.address, "--connect-timeout", "5000"],
  ]);
  expect(code).toBe(1);
  expect(stdout).toContain(
    `n1:${taken}: failed: Port ${taken} on 127.0.0.1 is taken by another process, and nobody of this cluster answers there. ` +
      `Give its line another port, as in n1:${taken + 1}.\n`,
  );
  expect(stdout).toContain(
    `n2:${otherPort}: failed: node other of this cluster has port ${otherPort} there, but is not in this tree: it is a ` +
      "root, or has lost its parent. Stop it first, with the same file and --down; or give the line another port.\n",
  );
});

over("two lines that lead to one node are named both, whichever of them it is", async (there) => {
  const root = await spawnNode({ workers: 0, name: "root" });
  const port = await freePort();
  const file = join(fileHome().folder, "peers.txt");
  writeFileSync(file, `n1:${port}\nn2:${port}\n`);
  const node = await spawnNode({ name: `n1:${port}`, port, parent: root.address });
  await nodeJoined(root, node.id);
  const { code, stdout } = await runCli([
    ...["launch", "hosts", "--hostfile", file, ...there.options],
    ...["--parent", root.address],
  ]);
  expect(code).toBe(1);
  expect(stdout).toContain(
    `n2:${port}: failed: node n1:${port} of this cluster has port ${port} there, which is that of the line n1:${port}: both ` +
      "lines lead to one machine. Take one of them out of the file, or give it another port.\n",
  );
  expect(stdout).toContain("1 of 2 up.\n");
});

over("a node that another launch has just started is taken for what it is", async (there) => {
  const root = await spawnNode({ workers: 0, name: "root" });
  const { ports, args } = await listing(there, ["n1"]);
  const [port = 0] = ports;
  const gate = await gateIn(there, "n1");
  const launch = new CliProcess(args(["--parent", root.address]), {});
  // The tree has been read, and knows nobody of that name.
  const goOn = await gate.reached;
  const node = await spawnNode({ name: `n1:${port}`, port, parent: root.address });
  await nodeJoined(root, node.id);
  goOn();
  expect(await launch.exited).toEqual({ code: 0, signal: null });
  expect(launch.stdout).toContain(
    `n1:${port}: runs already: node n1:${port} of this cluster has port ${port} there.\n1 of 1 up.\n`,
  );
});

over("a node that hangs is told with what ends it", async (there) => {
  const root = await spawnNode({ workers: 0, name: "root" });
  const { ports, launch } = await listing(there, ["n1"]);
  expect(await launch("--parent", root.address)).toMatchObject({ code: 0 });
  for (const { pid } of there.processes("n1")) process.kill(pid, "SIGSTOP");
  const { code, stdout } = await launch("--parent", root.address, "--down");
  expect(code).toBe(1);
  const [, advice = ""] =
    /^n1:\d+: failed: what listens at port \d+ there says nothing\. .+: (ssh n1 .+)$/m.exec(stdout) ?? [];
  expect(advice).toContain(`node-${ports[0]}.log`);
  const [, config = ""] = there.options;
  spawnSync("sh", ["-c", advice.replace("ssh", `ssh ${config}`)]);
  await there.empty("n1");
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
  const gate = await gateIn(there, "n2");
  const launch = new CliProcess(args(["--parent", root.address]), {});
  await launch.printed((line) => line.startsWith("n1:"));
  const goOn = await gate.reached;
  launch.kill("SIGINT");
  await launch.printed((line) => /^n2:\d+: failed: it was interrupted\.$/.test(line));
  goOn();
  expect(await launch.exited).toEqual({ code: 130, signal: null });
  expect(launch.stdout).toMatch(/^n1:\d+: stopped: it leaves once what it runs is over\.$/m);
  expect(launch.stdout).toMatch(/^0 of 2 up\.$/m);
  expect(launch.stderr).toContain("SIGINT: stopping what was started; another one leaves it as it is.");
  for (const name of ["n1", "n2"]) await there.empty(name);
});
