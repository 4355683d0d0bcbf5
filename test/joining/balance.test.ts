import { setImmediate as turn } from "node:timers/promises";
import { type ClusterNode, type Logger, silent } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Cable } from "../support/cable.js";
import { Gate, hold } from "../support/gate.js";
import { freePort } from "../support/ports.js";
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

/** Tells of what is worth a warning, and of what is for whoever looks closely. */
function logged(listener: (fields: object, text: string) => void): Logger {
  return {
    ...silent,
    warn: listener,
    debug: (fields, text) => text === "No parent yet" && listener(fields, text),
  } as Logger;
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

describe("a newcomer is not lost", () => {
  it("when the child that it is sent to cannot be reached: it is taken in, and the log says so", async () => {
    const warned: string[] = [];
    const logger = logged((fields, text) => warned.push(`${text} ${JSON.stringify(fields)}`));
    const root = await node({ maxChildren: 1, logger });
    await node({ name: "a", parent: root.address, advertise: "127.0.0.1:9" });
    const newcomer = await node({ name: "b", parent: root.address });
    expect(await grown(root, 3)).toEqual({ levels: [1, 2], mostChildren: 2 });
    const fields = { node: newcomer.id, name: "b", maxChildren: 1, unreached: 1 };
    expect(warned).toEqual([
      `Took in a child beyond the limit: it can dial none of the others ${JSON.stringify(fields)}`,
    ]);
  });

  it("when the one that it was sent to has left meanwhile", async () => {
    const root = await node({ maxChildren: 1 });
    const child = await node({ name: "a", parent: root.address, maxChildren: 1 });
    const grandchild = await node({ name: "b", parent: root.address, maxChildren: 1 });
    expect((await grown(root, 3)).levels).toEqual([1, 1, 1]);
    await grandchild.close();
    await child.close();
    await storm(2, { parent: root.address, maxChildren: 1 });
    expect((await grown(root, 3)).levels).toEqual([1, 1, 1]);
  });

  it("when the node is about to leave: it is told so, and tries the next one", async () => {
    const leaving = await node({ name: "leaving", workers: 1 });
    const other = await node({ name: "other" });
    const executor = await program(leaving, 1);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "task"]);
    await gate.entered(1);
    const stopped = leaving.stop();
    const refused: string[] = [];
    const logger = logged((fields) => refused.push(String((fields as { cause?: unknown }).cause)));
    await node({ parent: [leaving.address, other.address], logger });
    expect(await grown(other, 2)).toEqual({ levels: [1, 1], mostChildren: 1 });
    expect(refused).toEqual([
      `${leaving.address} refused the connection: node "leaving" is leaving the tree and takes no more children. Join another one.`,
    ]);
    gate.open();
    await held;
    await stopped;
  });
});

it("a child that comes back in time keeps its place, though others wait for one", async () => {
  const root = await node({ maxChildren: 1 });
  const cable = new Cable();
  const parent = `127.0.0.1:${await cable.listen(Number(root.address.split(":")[1]))}`;
  const child = await node({ name: "child", parent, maxChildren: 1 });
  const back = new Promise<void>((resolve) => {
    const before = cable.connections;
    const look = (): void => void (cable.connections > before ? resolve() : setImmediate(look));
    look();
  });
  cable.cut();
  await Promise.all([back, node({ name: "other", parent: root.address })]);
  expect(await grown(root, 3)).toEqual({ levels: [1, 1, 1], mostChildren: 1 });
  expect((await root.nodes()).find(({ depth }) => depth === 1)?.id).toBe(child.id);
});

it("a node that was sent on goes back to the parent that it had, where those that were named would send it elsewhere", async () => {
  const root = await node({ maxChildren: 2 });
  const cable = new Cable();
  const port = await freePort();
  const advertise = `127.0.0.1:${await cable.listen(port)}`;
  const first = await node({ name: "first", parent: root.address, port, advertise });
  const second = await node({ name: "second", parent: root.address });
  await node({ parent: second.listening });
  await grown(root, 4);
  const child = await node({ name: "child", parent: root.address });
  const parentOf = async () => (await root.nodes()).find(({ id }) => id === child.id)?.parent;
  await grown(root, 5);
  expect(await parentOf()).toBe(first.id);
  // From now on the root would send it to the second, which has fewer nodes.
  await node({ parent: first.listening });
  await node({ parent: first.listening });
  await grown(root, 7);
  cable.unplug();
  while ((await parentOf()) !== undefined) await turn();
  cable.plug();
  await grown(root, 7);
  expect(await parentOf()).toBe(first.id);
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
