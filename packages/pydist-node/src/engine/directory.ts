import type { NodeDescription } from "@pydist/protocol";

/**
 * Which nodes are below, and through which children each is reached. There is more than one way to a node that moves, until the
 * child that it has left says so: the way that was told last counts.
 */
export class Directory {
  readonly #entries = new Map<string, { node: NodeDescription; readonly ways: Set<number> }>();

  get nodes(): NodeDescription[] {
    return [...this.#entries.values()].map((entry) => entry.node);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): NodeDescription | undefined {
    return this.#entries.get(id)?.node;
  }

  /** The child through which a node is reached. */
  via(id: string): number | undefined {
    return [...(this.#entries.get(id)?.ways ?? [])].at(-1);
  }

  /** @returns those that were not known before. */
  add(nodes: readonly NodeDescription[], via: number): NodeDescription[] {
    return nodes.filter((node) => {
      const entry = this.#entries.get(node.id);
      if (entry === undefined) {
        this.#entries.set(node.id, { node, ways: new Set([via]) });
        return true;
      }
      entry.node = node;
      entry.ways.delete(via);
      entry.ways.add(via);
      return false;
    });
  }

  /** @returns the ids of those that no other child reaches. */
  remove(ids: readonly string[], via: number): string[] {
    return ids.filter((id) => {
      const ways = this.#entries.get(id)?.ways;
      return ways?.delete(via) === true && ways.size === 0 && this.#entries.delete(id);
    });
  }

  idsVia(via: number): string[] {
    return [...this.#entries].filter(([, { ways }]) => ways.has(via)).map(([id]) => id);
  }
}
