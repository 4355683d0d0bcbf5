import { type JobNode, runJob } from "@pydist/work-server";
import { NodeLostError } from "pydist";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { type NodeProcess, runCli, spawnNode, spawnTree } from "../support/processes.js";
import { Summing } from "./summing.js";

/** It takes its time, so that every node has work under way whenever one is lost. */
class SlowSquares implements JobNode<string, number, { block: number; square: number }> {
  static made = 0;
  #told = "nothing";
  constructor() {
    SlowSquares.made++;
  }
  init(told: string): void {
    this.#told = told;
  }
  async process(block: number): Promise<{ block: number; square: number }> {
    if (!this.#told.startsWith("for ") || SlowSquares.made !== 1) throw new Error("an instance for each block");
    await new Promise((resolve) => setTimeout(resolve, 3));
    return { block, square: block ** 2 };
  }
}

/** When so many are merged, something happens to the tree; the job waits until it has. */
class Interrupted extends Summing {
  readonly #happens: ReadonlyMap<number, () => Promise<void>>;

  constructor(blocks: number, happens: ReadonlyMap<number, () => Promise<void>>) {
    super(blocks);
    this.#happens = happens;
  }

  override async processResult(node: string, result: { block: number; square: number }): Promise<void> {
    await super.processResult(node, result);
    await this.#happens.get(this.merged.length)?.();
  }
}

it("a node is killed and two join: every block is merged once, each node is told once, one is lost once", {
  timeout: 60_000,
}, async () => {
  const flags = { workers: 2, args: ["--no-supervise"] };
  const tree = await spawnTree({
    name: "root",
    workers: 0,
    children: [
      { name: "dies", ...flags },
      { name: "stays", ...flags },
    ],
  });
  const executor = attach(tree.address);
  await executor.waitForNodes(3);
  const late: NodeProcess[] = [];
  const server = new Interrupted(
    500,
    new Map([
      [
        100,
        async () => {
          const lost = new Promise((resolve) => executor.once("nodeLost", resolve));
          tree.node("dies").kill("SIGKILL");
          await lost;
          late.push(await spawnNode({ parent: tree.address, ...flags }));
          late.push(await spawnNode({ parent: tree.address, ...flags }));
          await executor.waitForNodes(4);
        },
      ],
    ]),
  );
  await runJob(executor, server, SlowSquares);

  expect([...server.merged].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  const dead = tree.node("dies").id;
  expect(server.of("lost")).toEqual([["lost", dead]]);
  const told = server.of("init").map(([, node]) => node);
  expect(new Set(told).size).toBe(told.length);
  expect(new Set(told)).toEqual(new Set([dead, tree.node("stays").id, ...late.map(({ id }) => id)]));
  for (const id of told) expect(server.of("result").some(([, node]) => node === id)).toBe(true);
  // No answer of the dead node counts after it was lost.
  const after = server.calls.slice(server.calls.findIndex(([method]) => method === "lost"));
  expect(after.some(([, node]) => node === dead && node !== after[0]?.[1])).toBe(false);
  expect(after.filter(([method, node]) => method !== "lost" && node === dead)).toEqual([]);
  // Nothing was made twice: blocks of the dead node went to others as they were.
  expect(server.of("next").filter(([, , block]) => block !== undefined)).toHaveLength(500);
});

it("a node that is drained takes no blocks, and is asked again until it is resumed", async () => {
  const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "rests" }] });
  const executor = attach(tree.address);
  await executor.waitForNodes(2);
  const { address, id } = tree.node("rests");
  let drained = (): void => {};
  const rests = new Promise<void>((resolve) => {
    drained = resolve;
  });
  const server = new Interrupted(
    40,
    new Map([
      [
        10,
        async () => {
          await runCli(["drain", address]);
          drained();
        },
      ],
    ]),
  );
  const over = runJob(executor, server, SlowSquares);
  await rests;
  expect((await runCli(["resume", address])).code).toBe(0);
  await over;
  expect(server.merged).toHaveLength(40);
  expect(server.of("lost")).toEqual([]);
  expect(server.of("init")).toEqual([["init", id]]);
});

it("a block with which nodes are lost again and again ends the job by name, and leaves the other nodes alone", async () => {
  class Deadly implements JobNode<string, number, { block: number; square: number }> {
    async process(block: number): Promise<{ block: number; square: number }> {
      // So late that those before it are told of: what was done and not told dies with the node, and takes the blame.
      if (block === 7) setTimeout(() => process.kill(process.pid, "SIGKILL"), 100);
      if (block === 7) await new Promise(() => {});
      return { block, square: block ** 2 };
    }
  }
  const flags = { workers: 1, args: ["--no-supervise"] };
  const names = ["a", "b", "c"];
  const tree = await spawnTree({ name: "root", workers: 0, children: names.map((name) => ({ name, ...flags })) });
  const executor = attach(tree.address);
  await executor.waitForNodes(4);
  const failed = runJob(executor, new Summing(50), Deadly, { attempts: 2 });
  await expect(failed).rejects.toBeInstanceOf(NodeLostError);
  const { nodes, attempts, message } = (await failed.catch((error) => error)) as NodeLostError;
  expect([nodes.length, attempts]).toEqual([2, 2]);
  expect(message).toMatch(/^2 nodes were lost while they worked on the same block, so the job has ended: /);
  expect((await executor.nodes()).length).toBe(2);
});
