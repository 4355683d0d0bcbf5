import type { Order } from "@pydist/protocol";
import type { Peers } from "./peer.js";
import type { Roll } from "./roll.js";

/** What a node answers to an order: how it is now, all of itself if it is to tell that, or why it does not obey. */
export type OrderAnswer = { readonly node: unknown } | { readonly dump: unknown } | { readonly refused: string };

export interface OrdersOptions {
  /** This node as `nodes()` gives it; undefined at an executor that is no node. */
  readonly self: () => { readonly id: string; readonly name: string; readonly address: string } | undefined;
  readonly dump: () => unknown;
  /** @throws if it cannot be done, with a message for people. Absent where a program decides, not whoever orders. */
  readonly obey: ((order: Exclude<Order, "dump">) => void) | undefined;
}

const NO_ORDERS: OrderAnswer = {
  refused: "The node at that address is part of a program, which takes no orders. End the program instead.",
};

/** Leads orders to the node that they are for: this one, or one below. */
export class Orders {
  readonly #peers: Peers;
  readonly #roll: Roll;
  readonly #options: OrdersOptions;

  constructor(peers: Peers, roll: Roll, options: OrdersOptions) {
    this.#peers = peers;
    this.#roll = roll;
    this.#options = options;
  }

  /** @param wanted an id or a name; null for this node */
  async give(order: Order, wanted: string | null): Promise<OrderAnswer> {
    const self = this.#options.self();
    if (self === undefined) return NO_ORDERS;
    const all = [self, ...this.#roll.directory.nodes];
    const byId = all.filter(({ id }) => id === (wanted ?? self.id));
    const found = byId.length > 0 ? byId : all.filter(({ name }) => name === wanted);
    const [node] = found;
    if (node === undefined) {
      return {
        refused:
          `Node ${self.name} at ${self.address} is not "${wanted}" and knows of none below it. ` +
          `"pydist-node tree ${self.address}" lists those that it knows.`,
      };
    }
    if (found.length > 1) {
      const them = found.map(({ id, address }) => `${id} at ${address}`).join(", ");
      return { refused: `${found.length} nodes have the name "${wanted}": ${them}. Give the id of the one you mean.` };
    }
    return node.id === self.id ? this.#carryOut(order) : this.#passOn(order, node);
  }

  #carryOut(order: Order): OrderAnswer {
    const { self, obey, dump } = this.#options;
    if (order === "dump") return { dump: dump() };
    if (obey === undefined) return NO_ORDERS;
    try {
      obey(order);
    } catch (error) {
      return { refused: (error as Error).message };
    }
    return { node: self() };
  }

  async #passOn(
    order: Order,
    { id, name, address }: { id: string; name: string; address: string },
  ): Promise<OrderAnswer> {
    const via = this.#peers.down.get(this.#roll.directory.via(id) ?? Number.NaN);
    const answer =
      via === undefined
        ? undefined
        : await this.#roll.question(via, (question) => ({ t: "order", id: question, order, node: id }));
    if (typeof answer === "object" && answer !== null) return answer as OrderAnswer;
    return { refused: `Node ${name} at ${address} did not answer: it is overloaded, or its link was lost. Try again.` };
  }
}
