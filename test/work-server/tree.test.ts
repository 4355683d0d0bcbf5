import { type JobNode, runJob } from "@pydist/work-server";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { type NodeProcess, spawnNode, spawnTree } from "../support/processes.js";
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

it("a node is killed and two join: every block is merged once, each node is told once, one is lost once", async () => {
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
