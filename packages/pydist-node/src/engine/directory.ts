import type { NodeDescription } from "@pydist/protocol";

/** Which nodes are below, and through which child each is reached. */
export class Directory {
  readonly #entries = new Map<string, { readonly node: NodeDescription; readonly via: number }>();

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
    return this.#entries.get(id)?.via;
  }

  /** @returns those that were not known before. */
  add(nodes: readonly NodeDescription[], via: number): NodeDescription[] {
    const fresh = nodes.filter((node) => !this.#entries.has(node.id));
    for (const node of nodes) this.#entries.set(node.id, { node, via });
    return fresh;
  }

  /** @returns the ids that were known through this child. */
  remove(ids: readonly string[], via: number): string[] {
    const gone = ids.filter((id) => this.#entries.get(id)?.via === via);
    for (const id of gone) this.#entries.delete(id);
    return gone;
  }

  idsVia(via: number): string[] {
    return [...this.#entries].filter(([, entry]) => entry.via === via).map(([id]) => id);
  }
}
