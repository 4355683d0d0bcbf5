import { describe, expect, it, type TestContext } from "vitest";
import { Network, whatIsMissing } from "../partitions/network.js";
import { type CliProcess, type NodeOptions, nodeJoined, runCli, spawnNode } from "../support/processes.js";

/* Machines with addresses of their own, as network namespaces: what loopback cannot show. */

const missing = whatIsMissing();

function on(name: string, test: (ctx: TestContext) => Promise<void>): void {
  it(name, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    await test(ctx);
  });
}

const EVERYWHERE = ["--host", "0.0.0.0"];

/** A node on one of the machines. */
function start(network: Network, host: string, options: NodeOptions = {}) {
  return spawnNode({ name: host, inside: network.inside(host), ...options });
}

/** Runs a command on one of the machines. */
function at(network: Network, host: string, ...args: string[]) {
  return runCli(args, { inside: network.inside(host) });
}

interface Shown {
  readonly name: string;
  readonly address: string;
  readonly parent: string | null;
  readonly depth: number;
  readonly completed: number;
}

async function tree(network: Network, host: string, address: string): Promise<Shown[]> {
  const run = await at(network, host, "tree", address, "--json");
  expect(run.stderr).toBe("");
  return JSON.parse(run.stdout) as Shown[];
}

const portOf = (address: string): string => address.split(":").at(-1) ?? "";

describe("a node behind NAT", () => {
  on("that listens on loopback only joins, and works", async () => {
    const network = new Network(["root", "nat"]);
    network.addBehind("nat", "home", "out");
    const root = await start(network, "root", { args: [...EVERYWHERE, "--allow-exec"], workers: 0 });
    const address = `${network.address("root")}:${portOf(root.address)}`;
    const home = await start(network, "home", { parent: address, args: ["--allow-exec"] });
    await nodeJoined(root, home.id);
    const ran = await at(network, "root", "run", address, "--all", "--", "echo", "ran");
    expect(ran).toMatchObject({ code: 0, stdout: "[home] ran\n" });
  });

  on("is not where others can be sent: they come back, and are taken in", async () => {
    const network = new Network(["root", "nat", "office"]);
    network.addBehind("nat", "home", "out");
    const root = await start(network, "root", { args: [...EVERYWHERE, "--max-children", "1"] });
    const address = `${network.address("root")}:${portOf(root.address)}`;
    const home = await start(network, "home", { parent: address, args: EVERYWHERE });
    await nodeJoined(root, home.id);
    const office = await start(network, "office", { parent: address, args: EVERYWHERE });
    await nodeJoined(root, office.id);
    const shown = await tree(network, "root", address);
    expect(shown.map(({ name, depth }) => [name, depth])).toEqual([
      ["root", 0],
      ["home", 1],
      ["office", 1],
    ]);
    expect(await warned(root)).toMatchObject({ name: "office", maxChildren: 1, unreached: 1 });
  });
});

describe("a machine with several interfaces", () => {
  on("is told on each network by its address there, as those are that join it", async () => {
    const network = new Network(["root", "left"]);
    const inner = network.addBehind("root", "right", "none");
    const root = await start(network, "root", { args: EVERYWHERE });
    const port = portOf(root.address);
    expect([network.address("root"), inner]).toContain(root.address.split(":")[0]);
    const left = await start(network, "left", { parent: `${network.address("root")}:${port}`, args: EVERYWHERE });
    const right = await start(network, "right", { parent: `${inner}:${port}`, args: EVERYWHERE });
    await Promise.all([left, right].map(({ id }) => nodeJoined(root, id)));
    const addresses = {
      left: `${network.address("left")}:${portOf(left.address)}`,
      right: `${network.address("right")}:${portOf(right.address)}`,
    };
    expect([left.address, right.address]).toEqual([addresses.left, addresses.right]);
    for (const [host, own] of [
      ["left", network.address("root")],
      ["right", inner],
    ] as const) {
      const shown = await tree(network, host, `${own}:${port}`);
      const byName = Object.fromEntries(shown.map(({ name, address }) => [name, address]));
      expect(byName).toEqual({ root: `${own}:${port}`, ...addresses });
    }
  });

  on("sends newcomers to a child by the address of the network that they share", async () => {
    const network = new Network(["root", "left", "other"]);
    const inner = network.addBehind("root", "right", "none");
    const root = await start(network, "root", { args: [...EVERYWHERE, "--max-children", "2"] });
    const port = portOf(root.address);
    const outer = `${network.address("root")}:${port}`;
    const right = await start(network, "right", { parent: `${inner}:${port}`, args: EVERYWHERE });
    const left = await start(network, "left", { parent: outer, args: EVERYWHERE });
    await Promise.all([left, right].map(({ id }) => nodeJoined(root, id)));
    // The first in line is out of reach from there, for nothing leads from one network to the other.
    const other = await start(network, "other", { parent: outer, args: EVERYWHERE });
    await nodeJoined(root, other.id);
    const shown = await tree(network, "root", outer);
    expect(shown.find(({ name }) => name === "other")).toMatchObject({ parent: left.id, depth: 2 });
  });
});

describe("doctor", () => {
  on("tells a firewall, which says nothing, from a port at which nobody listens", async () => {
    const network = new Network(["here", "there"]);
    const address = `${network.address("there")}:9`;
    const timeout = ["--connect-timeout", "1000"];
    const refused = await at(network, "here", "doctor", address, ...timeout);
    expect(refused).toMatchObject({ code: 3, stdout: expect.stringContaining(`Nothing listens at ${address}.`) });
    network.drop("here", "there");
    const dropped = await at(network, "here", "doctor", address, ...timeout);
    expect(dropped.code).toBe(3);
    expect(dropped.stdout).toContain(
      `${address}: nothing came back within 1000 ms, not even a refusal. A firewall on the way or on that machine drops ` +
        "what is sent to that port, or the machine is off. Let the port in there, or check the address.",
    );
  });
});

/** The warning that a child was taken in beyond the limit. */
async function warned(node: CliProcess): Promise<unknown> {
  return JSON.parse(await node.logged((line) => line.includes("Took in a child beyond the limit")));
}
