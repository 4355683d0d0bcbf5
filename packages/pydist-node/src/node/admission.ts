import { ConnectionError } from "@pydist/protocol";
import { hostOf } from "../links/address.js";
import type { Hello, LinkLike, Verdict } from "../links/index.js";
import type { Logger } from "../logger.js";
import { type Arrival, type Child, Placement, type PlacementOptions } from "./placement.js";

export interface AdmissionOptions extends Pick<PlacementOptions, "id" | "below"> {
  readonly name: string;
  /** Undefined: as many as come. */
  readonly maxChildren: number | undefined;
  readonly children: () => readonly LinkLike[];
  readonly standing: () => "staying" | "leaving";
  readonly logger: Logger;
}

/** Decides of each node that comes whether it is a child from now on, or goes on to one of those that are. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #placement: Placement | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { id, maxChildren, children, below } = options;
    if (maxChildren === undefined) return;
    this.#placement = new Placement({ id, most: maxChildren, children: () => children().map(childOf), below });
  }

  /** @throws ConnectionError if this node is about to leave the tree: there may be another one, or another process of it soon */
  verdict(theirs: Hello, remoteAddress: string): Verdict {
    const { name, standing, logger, maxChildren } = this.#options;
    if (theirs.role !== "node") return "accept";
    if (standing() === "leaving") {
      throw new ConnectionError(`node "${name}" is leaving the tree and takes no more children. Join another one.`);
    }
    if (this.#placement === undefined) return "accept";
    const newcomer = arrivalOf(theirs, remoteAddress);
    const place = this.#placement.place(newcomer, theirs.unreached, performance.now());
    if (place.is === "below") {
      const { id, name: to, address = "" } = place.child;
      logger.debug({ node: theirs.id, name: theirs.name, to, address }, "Sent a node on to a child");
      return { id, name: to, address };
    }
    if (place.is === "beyond") {
      const unreached = theirs.unreached.length;
      logger.warn(
        { node: theirs.id, name: theirs.name, maxChildren, unreached },
        "Took in a child beyond the limit: it can dial none of the others",
      );
    }
    return "accept";
  }
}

function arrivalOf({ id, name, address }: Hello, remoteAddress: string): Arrival {
  return { id, name, address, host: hostOf(remoteAddress) ?? remoteAddress };
}

function childOf({ peer, remoteAddress, direction }: LinkLike): Child {
  return { ...arrivalOf(peer, remoteAddress), direction };
}
