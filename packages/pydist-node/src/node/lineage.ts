import { type Ancestor, CycleError, encodeFrame } from "@pydist/protocol";
import type { LinkLike } from "../links/index.js";

/**
 * A node's way to its root, as far as it is known: itself first.
 *
 * Nodes that join each other at the same moment cannot know of the cycle beforehand. So a node that is still joining
 * tells its children the way that it knows so far, and each passes on what it hears: whoever finds itself on its own
 * way upwards is part of a cycle. Of those, all of whom see the same cycle, the one with the least id gives way.
 */
export class Lineage {
  readonly #self: () => Ancestor;
  #above: readonly Ancestor[] = [];
  #state: "joining" | "settled";

  constructor(self: () => Ancestor, state: "joining" | "settled") {
    this.#self = self;
    this.#state = state;
  }

  get chain(): readonly [Ancestor, ...Ancestor[]] {
    return [this.#self(), ...this.#above];
  }

  /** Whether the way up ends at a root. */
  get settled(): boolean {
    return this.#state === "settled";
  }

  /**
   * Takes in what the parent says of its own way.
   * @throws CycleError if this node is on it and has to give way.
   */
  above(chain: readonly Ancestor[], settled: boolean): void {
    const self = this.#self();
    const here = chain.findIndex((ancestor) => ancestor.id === self.id);
    if (here < 0) {
      this.#above = chain;
      this.#state = settled ? "settled" : "joining";
      return;
    }
    const cycle = [self, ...chain.slice(0, here)];
    this.#above = chain.slice(0, here);
    this.#state = "joining";
    if (settled || cycle.every((other) => self.id <= other.id)) throw cycleError([...cycle, self]);
  }

  /** The node is a root from now on. */
  alone(): void {
    this.#above = [];
    this.#state = "settled";
  }

  /** The parent is gone; nothing above is known any more. */
  lost(): void {
    this.#above = [];
    this.#state = "joining";
  }
}

/** Tells children the way up; each hears of this node by the address at which it reaches it. */
export function tellLineage(
  children: Iterable<LinkLike>,
  { chain: [self, ...above], settled }: Pick<Lineage, "chain" | "settled">,
  addressFor: (child: LinkLike) => string,
): void {
  for (const child of children) {
    const chain = [{ ...(self as Ancestor), address: addressFor(child) }, ...above];
    child.send(encodeFrame({ t: "ancestry", chain, settled }));
  }
}

function cycleError(cycle: readonly Ancestor[]): CycleError {
  const names = cycle.map((node) => `${node.name} (${node.address})`);
  return new CycleError(
    `Joining would create a cycle: ${names.join(" > ")}. A node's parent must not be the node itself or below it; ` +
      `start the node that is to be the root without --parent.`,
    { cycle: cycle.map((node) => node.id) },
  );
}
