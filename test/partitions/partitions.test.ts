import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, type TestContext } from "vitest";
import { type NodeProcess, spawnNode } from "../support/processes.js";
import { Network, whatIsMissing } from "./network.js";
import { type Job, Program, type Seen } from "./program.js";

/*
 * A tree whose nodes, and whose program, are on machines of their own, and a network that lets through what it wants.
 * `npm run partitions` (`PYDIST_PARTITIONS=long`) is the form that takes minutes.
 */

const missing = whatIsMissing();
const long = process.env.PYDIST_PARTITIONS === "long";
const LIMIT = 180_000;
const SECOND = 1000;

/** Root, child and grandchild, each with one slot. */
const HOSTS = ["program", "root", "child", "grand"] as const;

class Machines {
  readonly network = new Network(HOSTS);
  root!: NodeProcess;

  /** @param workers of root, child and grandchild */
  async grow(workers: readonly [number, number, number] = [1, 1, 1]): Promise<this> {
    let above: string[] = [];
    for (const [i, name] of HOSTS.slice(1).entries()) {
      const args = ["--host", this.network.address(name)];
      const inside = this.network.inside(name);
      const node = await spawnNode({ name, inside, args, parent: above, workers: workers[i] as number });
      if (i === 0) this.root = node;
      above = [node.address, ...above];
    }
    return this;
  }

  program(job: Omit<Job, "nodes">): Program {
    return new Program(this.network.inside("program"), this.root.address, { nodes: 3, ...job });
  }
}

/** A test that needs such machines. */
function on(name: string, form: "short" | "long", test: (ctx: TestContext) => Promise<void>): void {
  it(name, { timeout: LIMIT }, async (ctx) => {
    if (missing !== undefined) ctx.skip(missing);
    if (form === "long" && !long) ctx.skip("takes its time: npm run partitions");
    await test(ctx);
  });
}

const COUNT = 600;
/** Some tasks take so long that they are at work when the cut begins, and when it ends. */
const SHORT: Omit<Job, "nodes"> = { count: COUNT, long: 3000 };
const LONG: Omit<Job, "nodes"> = { count: COUNT, pause: 150, long: 3000 };

/** Lets something happen to the network for a while, in the middle of the work. */
async function disturbed(job: typeof SHORT, seconds: number, disturb: (network: Network) => void): Promise<Program> {
  const machines = await new Machines().grow();
  const program = machines.program(job);
  await program.settled(COUNT / 6);
  disturb(machines.network);
  await sleep(seconds * SECOND);
  machines.network.heal();
  return program;
}

/** All of it was run, and told to the program once. @returns how many tasks were run more than once */
async function nothingLost(program: Program): Promise<{ seen: Seen; repeated: number }> {
  const seen = await program.ended();
  expect({ wrong: seen.wrong, told: seen.told }).toEqual({ wrong: 0, told: COUNT });
  const runs = program.runs();
  expect(runs).toHaveLength(COUNT);
  return { seen, repeated: runs.filter((times) => times > 1).length };
}

/** ... and nobody above the links has heard of anything. */
async function nothingRepeated(program: Program): Promise<void> {
  const { seen, repeated } = await nothingLost(program);
  const { lost, disconnected } = seen;
  expect({ repeated, lost, disconnected }).toEqual({ repeated: 0, lost: [], disconnected: [] });
}

describe("a cut that is shorter than the grace loses nothing and repeats nothing", () => {
  on("2 s between root and child", "short", async () => {
    await nothingRepeated(await disturbed(SHORT, 2, (network) => network.cut("root", "child")));
  });

  on("2 s between program and root", "long", async () => {
    await nothingRepeated(await disturbed(SHORT, 2, (network) => network.cut("program", "root")));
  });

  on("2 s on both sides of the child", "long", async () => {
    const program = await disturbed(SHORT, 2, (network) => {
      network.cut("root", "child");
      network.cut("child", "grand");
    });
    await nothingRepeated(program);
  });

  // The side that dialled has tried other sockets by then.
  on("8 s between root and child", "long", async () => {
    await nothingRepeated(await disturbed(SHORT, 8, (network) => network.cut("root", "child")));
  });

  for (const [from, to] of [
    ["root", "child"],
    ["child", "root"],
    ["root", "program"],
    ["program", "root"],
  ] as const) {
    on(`6 s in which the ${to} hears nothing of the ${from}, and is heard itself`, "long", async () => {
      await nothingRepeated(await disturbed(SHORT, 6, (network) => network.drop(from, to)));
    });
  }
});

describe("a cut that is longer than the grace loses nothing, and whoever was cut off comes back", () => {
  const cuts: readonly [string, (network: Network) => void][] = [
    ["between root and child", (network) => network.cut("root", "child")],
    ["between child and grandchild", (network) => network.cut("child", "grand")],
    ["between program and root", (network) => network.cut("program", "root")],
    ["in which the root hears nothing of the child", (network) => network.drop("child", "root")],
  ];
  for (const [where, cut] of cuts) {
    on(`30 s ${where}`, "long", async () => {
      const { seen, repeated } = await nothingLost(await disturbed(LONG, 30, cut));
      const lost = seen.disconnected.length > 0 ? "the cluster" : seen.lost.join(" and ");
      console.log(`30 s ${where}: ${lost} was lost, and ${repeated} of ${COUNT} tasks were run more than once`);
    });
  }
});

describe("a large result that is under way", () => {
  const large = 48 * 1024 * 1024;

  on("goes on after a cut of 2 s from where it was", "long", async () => {
    const machines = await new Machines().grow([0, 0, 1]);
    const { network } = machines;
    network.slow("grand", 100);
    const program = machines.program({ large });
    await program.settled(0);
    while (network.arrived("child") < large / 4) await sleep(50);
    network.cut("child", "grand");
    await sleep(2 * SECOND);
    network.heal();
    const { sha256, lost } = await program.ended();
    const whole = createHash("sha256").update(new Uint8Array(large).map((_, i) => (i * 31 + 7) >> 3));
    expect({ sha256, lost }).toEqual({ sha256: whole.digest("hex"), lost: [] });
    expect(network.arrived("child")).toBeLessThan(large * 1.5);
  });
});

describe("a bad network", () => {
  const ways = [
    ["program", "root"],
    ["root", "child"],
    ["child", "grand"],
  ] as const;

  on("that loses one packet in fifty on every way repeats no task", "long", async () => {
    const machines = await new Machines().grow();
    const program = machines.program(SHORT);
    for (const [one, other] of ways) {
      machines.network.drop(one, other, 2);
      machines.network.drop(other, one, 2);
    }
    await nothingRepeated(program);
  });

  on("that takes 50 ms, more or less, repeats no task", "long", async (ctx) => {
    const machines = await new Machines().grow();
    for (const host of HOSTS) {
      const failure = machines.network.delay(host, 50);
      if (failure !== undefined) ctx.skip(`the kernel cannot delay packets (netem): ${failure}`);
    }
    await nothingRepeated(machines.program(SHORT));
  });
});
