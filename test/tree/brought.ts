import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ClusterExecutor } from "pydist";
import { afterEach } from "vitest";
import { folderOf } from "../support/folders.js";
import { fileHome, type NodeOptions, type NodeProcess, spawnNode } from "../support/processes.js";

export { failure } from "../support/thrown.js";

/*
 * Nodes that have nothing: an empty working directory and a cache of their own, so that all they know was brought.
 */

const opened: ClusterExecutor[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true })));
});

export interface BareNode extends NodeProcess {
  readonly cwd: string;
  readonly cache: string;
}

export async function bareNode(
  options: NodeOptions & { readonly cache?: string; readonly files?: Parameters<typeof folderOf>[0] } = {},
): Promise<BareNode> {
  const { cache = join(folderOf({}), "cache"), files = {}, ...rest } = options;
  // Nothing above a temporary folder has packages.
  const cwd = join(folderOf(files), "here");
  mkdirSync(cwd);
  const args = ["--cache-dir", cache, ...(options.args ?? [])];
  return Object.assign(await spawnNode({ ...rest, args, cwd }), { cwd, cache });
}

export async function attach(address: string, nodes = 1, options: object = {}): Promise<ClusterExecutor> {
  const executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile, ...options });
  opened.push(executor);
  await executor.waitForNodes(nodes, { timeout: 20_000 });
  return executor;
}

export function embedded(options: object): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers: 1, cacheDir: join(folderOf({}), "cache"), ...options });
  opened.push(executor);
  return executor;
}

/**
 * What came to a node since it started: files and bytes of each tree that lacked some. Waits until so many have come, as what
 * a node logs arrives on another way than what it answers.
 */
export async function arrivals(node: NodeProcess, count: number): Promise<Arrival[]> {
  const message = "Files of a tree arrived";
  if (count > 0) await node.logged(() => logged(node, message).length >= count);
  return logged(node, message);
}

/** How many files a node has brought for those below it. Waits until it were so many. */
export async function passedOn(node: NodeProcess, least: number): Promise<number> {
  const files = () => logged(node, "Files for a node below arrived").reduce((sum, { files }) => sum + files, 0);
  await node.logged(() => files() >= least);
  return files();
}

export interface Arrival {
  readonly files: number;
  readonly bytes: number;
  readonly of: number;
}

function logged(node: NodeProcess, message: string): Arrival[] {
  const lines = node.stderr
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.includes(`"msg":"${message}"`));
  return lines.map((line) => JSON.parse(line) as Arrival);
}
