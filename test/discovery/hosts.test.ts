import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, type TestContext } from "vitest";
import { Network, whatIsMissing } from "../partitions/network.js";
import { Program } from "../partitions/program.js";
import { launchNode, makeHome, type NodeProcess, runCli, spawnNode } from "../support/processes.js";

/*
 * Machines with addresses of their own, and multicast DNS at its own group and port between them: what a LAN is to nodes.
 */

const missing = whatIsMissing();
const long = process.env.PYDIST_PARTITIONS === "long";
const SECOND = 1000;

function on(name: string, form: "short" | "long", test: (ctx: TestContext) => Promise<void>): void {
  it(name, { timeout: 120 * SECOND }, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    if (form === "long" && !long) ctx.skip("takes its time: npm run partitions");
    await test(ctx);
  });
}

class Lan {
  readonly network: Network;

  constructor(hosts: readonly string[]) {
    this.network = new Network(hosts);
  }

  #options(name: string, args: readonly string[]) {
    const flags = ["--discover", "--host", "0.0.0.0", "--log-level", "debug", ...args];
    return { name, inside: this.network.inside(name), args: flags };
  }

  /** A node on each of the machines, started at the same time. */
  nodes(names: readonly string[], ...args: readonly string[]): Promise<NodeProcess[]> {
    return Promise.all(names.map((name) => spawnNode(this.#options(name, args))));
  }

  launch(name: string, secretFile: string) {
    return launchNode(this.#options(name, ["--secret-file", secretFile]));
  }

  /** Names in the tree that somebody on this machine finds, or why there is none. */
  async tree(from: string, ...args: readonly string[]): Promise<string[] | string> {
    const inside = this.network.inside(from);
    const { stdout, stderr } = await runCli(["tree", "discover:", "--json", ...args], { inside });
    if (stdout === "") return stderr;
    return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).sort();
  }

  /** Resolves when somebody on this machine finds a tree of these. */
  async grown(from: string, names: readonly string[], ...args: readonly string[]): Promise<void> {
    while (JSON.stringify(await this.tree(from, ...args)) !== JSON.stringify(names)) await sleep(100);
  }
}

/** Milliseconds of a processor's time that a process has used. */
function processorTime(pid: number): number {
  // Fields 14 and 15, behind the name in parentheses, in hundredths of a second.
  const [user, system] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")
    .slice(11, 13);
  return 10 * (Number(user) + Number(system));
}

on("three machines find each other and work; another cluster and another secret stay apart", "short", async () => {
  const lan = new Lan(["one", "two", "three", "other", "alien"]);
  // Its other address is told to nobody on the LAN.
  lan.network.addDeadEnd("one", "192.168.1.7");
  const alien = lan.launch("alien", makeHome().secretFile);
  const [nodes, [other]] = await Promise.all([
    lan.nodes(["one", "two", "three"]),
    lan.nodes(["other"], "--cluster", "other"),
  ]);
  await lan.grown("one", ["one", "three", "two"]);

  const program = new Program(lan.network.inside("two"), "discover:", { count: 60, pause: 20, long: 40, nodes: 3 });
  expect(await program.ended()).toMatchObject({ told: 60, wrong: 0, lost: [], disconnected: [] });

  expect(await lan.tree("three", "--cluster", "other")).toEqual(["other"]);
  // Nobody has so much as dialled a node of another cluster.
  expect((other as NodeProcess).stderr).not.toMatch(/Peer connected.*"role":"node"|Refused/);
  for (const node of nodes) expect(node.stderr).not.toContain(lan.network.address("other"));
  // The one with another secret is a tree of its own; it, or the other tree, was refused once.
  await alien.printed((line) => line.includes('"ready"'));
});

on("a machine whose firewall keeps multicast from it says so", "short", async () => {
  const lan = new Lan(["one"]);
  lan.network.drop("one", "one");
  expect(await lan.tree("one", "--connect-timeout", "500")).toMatch(
    /^pydist-node: No node of the cluster "default" was found within 500 ms .*; not even this machine's own question came back, so a firewall may keep multicast UDP from it\. Start one/,
  );
  lan.network.heal();
  expect(await lan.tree("one", "--connect-timeout", "500")).toContain("; nobody answered. Start one");
});

on("trees that grew apart become one when the network is whole again", "long", async () => {
  const lan = new Lan(["one", "two", "three"]);
  for (const other of ["two", "three"]) lan.network.cut("one", other);
  await lan.nodes(["one", "two", "three"]);
  await lan.grown("two", ["three", "two"]);
  await lan.grown("one", ["one"]);
  lan.network.heal();
  await lan.grown("three", ["one", "three", "two"]);
});

on("a tree that is cut in two becomes two, and one again", "long", async () => {
  const lan = new Lan(["one", "two", "three"]);
  const [one] = await lan.nodes(["one"]);
  await lan.nodes(["two", "three"]);
  await lan.grown("one", ["one", "three", "two"]);
  for (const other of ["two", "three"]) lan.network.cut("one", other);
  await lan.grown("two", ["three", "two"]);
  lan.network.heal();
  await lan.grown("three", ["one", "three", "two"]);
  const program = new Program(lan.network.inside("two"), "discover:", { count: 60, nodes: 3 });
  expect(await program.ended()).toMatchObject({ told: 60, wrong: 0 });
  expect(one?.stderr).not.toContain("cycle");
});

on("a node that looks for others in vain takes less than a hundredth of a processor", "long", async () => {
  const lan = new Lan(["alone"]);
  const [alone] = await lan.nodes(["alone"], "--no-supervise");
  const before = processorTime((alone as NodeProcess).pid);
  await sleep(30 * SECOND);
  const used = processorTime((alone as NodeProcess).pid) - before;
  expect(used / (30 * SECOND)).toBeLessThan(0.01);
  const pauses = [...(alone as NodeProcess).stderr.matchAll(/"pause":(\d+)/g)].map(([, pause]) => Number(pause));
  expect(pauses.length).toBeGreaterThan(3);
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000].slice(0, pauses.length));
});
