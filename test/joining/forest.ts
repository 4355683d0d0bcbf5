import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterExecutor } from "pydist";
import { ClusterNode, type ClusterNodeOptions, type NodeInfo } from "pydist-node";
import { afterAll, beforeAll } from "vitest";
import { opened } from "../support/opened.js";

/*
 * Trees of real nodes in this process, over real sockets. By default they have no workers, which are most of what a node
 * costs: how a tree grows does not depend on them.
 */

let folder = "";
export let secretFile = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${"s".repeat(43)}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

export async function node(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, workers: 0, secretFile, connectTimeout: 60_000, ...options }));
}

/** Nodes that are all given the same address at the same moment. */
export function storm(count: number, options: ClusterNodeOptions): Promise<ClusterNode[]> {
  return Promise.all(Array.from({ length: count }, () => node(options)));
}

/** A program that is told as soon as the tree has so many nodes. */
export async function program(root: ClusterNode, nodes: number): Promise<ClusterExecutor> {
  const executor = new ClusterExecutor(root.address, { secretFile });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  await executor.waitForNodes(nodes, { timeout: 120_000 });
  return executor;
}

/** Resolves with the next time that a node with this id is known to be there. */
export function nodeJoined(executor: ClusterExecutor, id: string): Promise<void> {
  return new Promise((resolve) => executor.on("nodeJoined", (joined) => joined.id === id && resolve()));
}

/** ... and not to be there any more. */
export function nodeLost(executor: ClusterExecutor, id: string): Promise<void> {
  return new Promise((resolve) => executor.on("nodeLost", (lost) => lost.id === id && resolve()));
}

export interface Shape {
  /** How many nodes there are, the root included, on each level. */
  readonly levels: readonly number[];
  readonly mostChildren: number;
}

function shapeOf(nodes: readonly NodeInfo[]): Shape {
  const levels: number[] = [];
  const children = new Map<string | null, number>();
  for (const { depth, parent } of nodes) {
    levels[depth] = (levels[depth] ?? 0) + 1;
    children.set(parent, (children.get(parent) ?? 0) + 1);
  }
  children.delete(null);
  return { levels, mostChildren: Math.max(0, ...children.values()) };
}

/** The least depth that so many nodes can have below one another. */
export function leastDepth(nodes: number, most: number): number {
  let depth = 0;
  for (let room = 1, level = 1; room < nodes; depth++) {
    level *= most;
    room += level;
  }
  return depth;
}

export async function shape(root: ClusterNode): Promise<Shape> {
  return shapeOf(await root.nodes());
}
