import { setTimeout as sleep } from "node:timers/promises";
import { descendantsOf } from "../support/process-table.js";
import { isAlive, type NodeOptions, type NodeProcess, signalLeft, spawnNode } from "../support/processes.js";

/** What can happen to a node. The process that a supervisor watches is its inner one. */
export type Fault = "kill" | "freeze" | "lose" | "leave";

interface Member {
  readonly node: NodeProcess;
  readonly depth: number;
}

/** A tree of supervised processes to which things happen. Its root stays at its address, whatever happens. */
export class InjuredTree {
  readonly #members = new Map<string, Member>();
  readonly #options: NodeOptions;
  readonly #draw: () => number;
  readonly #pids = new Set<number>();
  #named = 0;
  root!: NodeProcess;

  private constructor(options: NodeOptions, draw: () => number) {
    this.#options = options;
    this.#draw = draw;
  }

  /** A root, and `size - 1` nodes below it, each at most two links away. */
  static async grow(size: number, draw: () => number, options: NodeOptions = {}): Promise<InjuredTree> {
    const tree = new InjuredTree(options, draw);
    tree.root = await tree.#spawn();
    const children = Math.ceil((size - 1) / 3);
    await Promise.all(Array.from({ length: children }, () => tree.#spawn(tree.root)));
    const parents = [...tree.#members.values()].filter(({ depth }) => depth === 1);
    await Promise.all(
      Array.from({ length: size - 1 - children }, (_, i) => tree.#spawn((parents[i % children] as Member).node)),
    );
    return tree;
  }

  get size(): number {
    return this.#members.size;
  }

  /** A node whose parent is lost for good finds the root instead. */
  async #spawn(parent?: NodeProcess): Promise<NodeProcess> {
    const above = parent === undefined ? undefined : this.#members.get(parent.id);
    const addresses = parent === undefined ? [] : [...new Set([parent.address, this.root.address])];
    const node = await spawnNode({ ...this.#options, parent: addresses, name: `n${this.#named++}` });
    this.#members.set(node.id, { node, depth: above === undefined ? 0 : above.depth + 1 });
    this.#remember(node);
    return node;
  }

  #remember({ pid }: NodeProcess): number[] {
    const inner = descendantsOf(pid);
    for (const each of [pid, ...inner]) this.#pids.add(each);
    return inner;
  }

  #pick(fits: (member: Member) => boolean): NodeProcess {
    const candidates = [...this.#members.values()].filter(fits);
    return (candidates[Math.floor(this.#draw() * candidates.length)] as Member).node;
  }

  /** Lets one thing happen to one node. Resolves, when another one has come in the place of one that is gone, with what it was. */
  async strike(fault: Fault, frozenFor: number): Promise<string> {
    const node = this.#pick(({ depth }) => depth > 0 || fault === "kill" || fault === "freeze");
    const inner = this.#remember(node);
    switch (fault) {
      case "kill":
        signalAll(inner, "SIGKILL");
        break;
      case "freeze":
        signalAll(inner, "SIGSTOP");
        await sleep(frozenFor);
        signalAll(inner, "SIGCONT");
        break;
      case "lose":
      case "leave":
        this.#members.delete(node.id);
        await node.stop(fault === "lose" ? "SIGKILL" : "SIGTERM");
        await this.#spawn(this.#pick(({ depth }) => depth < 2));
    }
    return `${fault} ${node.id.slice(0, 4)}`;
  }

  /** The root's process dies; its supervisor starts another one. */
  killRoot(): void {
    signalAll(this.#remember(this.root), "SIGKILL");
  }

  /** Ends every node in good order. @returns those of all processes ever seen that are left */
  async end(): Promise<number[]> {
    for (const { node } of this.#members.values()) this.#remember(node);
    await Promise.all([...this.#members.values()].map(({ node }) => node.stop()));
    return [...this.#pids].filter(isAlive);
  }
}

function signalAll(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) signalLeft(pid, name);
}
