import { setTimeout as sleep } from "node:timers/promises";
import type { NodeInfo } from "pydist-node";
import type { Host } from "./hostfile.js";
import { ask, type Order, type Outcome } from "./order.js";

/** Milliseconds between two looks at the tree. */
const PAUSE = 250;

/** The tree that nodes are to join. */
export interface Joined {
  readonly hosts: readonly Host[];
  /** The tree as it is at that moment; undefined if nodes wait to be dialled, so that there is none yet. */
  readonly tree: (() => Promise<readonly NodeInfo[]>) | undefined;
  /** Milliseconds in which a node that another launch has just started will have joined, or ended. */
  readonly connectTimeout: number;
}

type Occupant = Pick<NodeInfo, "id" | "name" | "parent">;

/** What comes of a line whose port is taken, if a node of this cluster has it. */
export async function whoIsThere(host: Host, order: Order, joined: Joined): Promise<Outcome | undefined> {
  const { code, stdout } = await ask(host, order, "status");
  if (code !== 0) return undefined;
  const node = JSON.parse(stdout.slice(stdout.search(/^\{$/m))) as Occupant;
  const why = `node ${node.name} of this cluster has port ${host.port} there`;
  if (joined.hosts.some(({ name }) => name === node.name && name !== host.name)) {
    return {
      is: "failed",
      why:
        `${why}, which is that of the line ${node.name}: both lines lead to one machine. ` +
        "Take one of them out of the file, or give it another port.",
    };
  }
  if (await isInTree(node, joined, order.ssh.signal)) return { is: "running", why };
  const lost = node.parent === null ? "it is a root, or has lost its parent" : "it has another parent";
  return {
    is: "failed",
    why:
      `${why}, but is not in this tree: ${lost}. ` +
      "Stop it first, with the same file and --down; or give the line another port.",
  };
}

/** Without a parent, it may be about to join: it has its port before it has that. */
export async function isInTree(
  { id, parent }: Pick<Occupant, "id" | "parent">,
  { tree, connectTimeout }: Pick<Joined, "tree" | "connectTimeout">,
  signal: AbortSignal,
): Promise<boolean> {
  if (tree === undefined) return true;
  const end = performance.now() + (parent === null ? connectTimeout : 0);
  while (!(await tree()).some((node) => node.id === id)) {
    if (performance.now() >= end || signal.aborted) return false;
    await sleep(PAUSE);
  }
  return true;
}
