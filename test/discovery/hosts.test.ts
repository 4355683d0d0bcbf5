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

on("three machines find each other and work; another cluster and another secret stay apart", "short", async () => {
  const lan = new Lan(["one", "two", "three", "other", "alien"]);
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
