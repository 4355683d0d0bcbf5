import { setImmediate as turn } from "node:timers/promises";
import type { ClusterNode } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { leastDepth, node, program, type Shape, shape, storm } from "./forest.js";

/*
 * Nodes that are given one address, of a root that takes only so many. The long form, with two hundred that all work:
 * `PYDIST_JOINING=long npm test -- test/joining`.
 */

const long = process.env.PYDIST_JOINING === "long";
const LIMIT = 180_000;

function expectBalanced({ levels, mostChildren }: Shape, nodes: number, most: number): void {
  expect(levels.reduce((sum, level) => sum + level, 0)).toBe(nodes);
  expect(mostChildren).toBeLessThanOrEqual(most);
  // Who joins at the same time as others may find a place taken that was free when it was sent there.
  expect(levels.length - 1).toBeLessThanOrEqual(leastDepth(nodes, most) + 1);
}

/** Resolves with the tree's shape once it has so many nodes. */
async function grown(root: ClusterNode, nodes: number): Promise<Shape> {
  for (;;) {
    const now = await shape(root);
    if (now.levels.reduce((sum, level) => sum + level, 0) === nodes) return now;
    await turn();
  }
}

describe("nodes that are given the root's address alone", { timeout: LIMIT }, () => {
  it("all at once become a balanced tree, and all of them work", async () => {
    const root = await node({ maxChildren: 3 });
    await storm(40, { parent: root.address, maxChildren: 3, workers: 1 });
    const executor = await program(root, 41);
    expectBalanced(await shape(root), 41, 3);
    const ran = await executor.runOnAll(() => "worked");
    expect([...ran.values()]).toEqual(Array(40).fill({ status: "fulfilled", value: "worked" }));
  });

  it("one after the other do so, too", async () => {
    const root = await node({ maxChildren: 3 });
    for (let i = 0; i < 40; i++) await node({ parent: root.address, maxChildren: 3 });
    expect(await grown(root, 41)).toEqual({ levels: [1, 3, 9, 27, 1], mostChildren: 3 });
  });

  it("are no deeper than four if they are two hundred, and a node has eight children", async () => {
    const root = await node({ maxChildren: 8 });
    await storm(200, { parent: root.address, maxChildren: 8 });
    const now = await grown(root, 201);
    expectBalanced(now, 201, 8);
    expect(now.levels.length - 1).toBeLessThanOrEqual(4);
  });

  it.for(["all at once", "one after the other"])("%s: two hundred that work", async (how, ctx) => {
    if (!long) ctx.skip("takes a minute: PYDIST_JOINING=long npm test -- test/joining");
    const root = await node({ maxChildren: 8 });
    const options = { parent: root.address, maxChildren: 8, workers: 1 };
    if (how === "all at once") await storm(200, options);
    else for (let i = 0; i < 200; i++) await node(options);
    const executor = await program(root, 201);
    const now = await shape(root);
    expectBalanced(now, 201, 8);
    expect(now.levels.length - 1).toBeLessThanOrEqual(4);
    const ran = await executor.runOnAll(() => "worked");
    expect([...ran.values()]).toEqual(Array(200).fill({ status: "fulfilled", value: "worked" }));
  });

  it("all stay with the root that has no limit, as before", async () => {
    const root = await node();
    await storm(20, { parent: root.address });
    expect(await grown(root, 21)).toEqual({ levels: [1, 20], mostChildren: 20 });
  });
});

describe("when a node in the middle goes", { timeout: LIMIT }, () => {
  it("those below it are spread over the tree, and what they run runs on", async () => {
    const root = await node({ maxChildren: 3 });
    const options = { parent: root.address, maxChildren: 3 };
    const middles = await storm(3, options);
    await grown(root, 4);
    const leaves = await storm(9, { ...options, workers: 1 });
    const executor = await program(root, 13);
    const gate = await Gate.make();
    const held = leaves.map((_, i) => executor.submit(hold, [gate.port, i]));
    await gate.entered(9);
    await (middles[1] as ClusterNode).close();
    const now = await grown(root, 12);
    expectBalanced(now, 12, 3);
    gate.open();
    await Promise.all(held);
    expect(gate.names).toHaveLength(9);
  });
});
