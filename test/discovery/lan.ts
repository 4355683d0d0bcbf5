import { randomInt } from "node:crypto";
import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";
import { Recorder } from "./recorder.js";

/*
 * A LAN of this file's own, on the loopback interface alone: nobody else on this machine speaks in its group, on its port.
 */

export function useNewBand(): void {
  process.env.PYDIST_MULTICAST = `239.255.77.77:${randomInt(20_000, 60_000)}@127.0.0.1`;
}
useNewBand();

/** A node of this process that discovers, and what it logs. */
export interface Found {
  readonly node: ClusterNode;
  readonly log: Recorder;
}

export async function discoverer(options: ClusterNodeOptions = {}): Promise<Found> {
  const log = new Recorder();
  const { secretFile } = fileHome();
  const secret = options.secret === undefined ? { secretFile } : {};
  const node = await ClusterNode.start({ port: 0, workers: 1, discover: true, logger: log, ...secret, ...options });
  return { node: opened(node), log };
}

export function program(address = "discover:", options: ExecutorOptions = {}): ClusterExecutor {
  const executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile, ...options });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

/** Names of a node and of all below it, sorted. */
export async function namesBelow(node: ClusterNode): Promise<string[]> {
  return (await node.nodes()).map(({ name }) => name).sort();
}

/** Resolves when all nodes are in one tree. @returns that tree's root */
export async function oneTree(nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  for (;;) {
    for (const node of nodes) if ((await node.nodes()).length === nodes.length) return node;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
