import { ConnectionError } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import { formatAddress, located } from "../links/address.js";
import { type Hello, type HelloInput, type LinkLike, type Listener, listen, type Verdict } from "../links/index.js";
import type { Logger } from "../logger.js";
import { type Lineage, tellLineage } from "./lineage.js";
import { outsideHost } from "./outside-host.js";
import type { Parenthood } from "./parenthood.js";

export interface DoorwayOptions {
  readonly host: string;
  readonly port: number;
  /** `host:port` that others dial, if it is not where it listens. */
  readonly advertise?: string | undefined;
  readonly key: Buffer;
  /** The doorway adds where it is. */
  readonly hello: () => Omit<HelloInput, "address">;
  readonly logger: Logger;
  /** Looks at whoever comes from below; may send it on, or throw a PydistError for it. Default: everybody may stay. */
  readonly onHello?: (theirs: Hello, remoteAddress: string) => Verdict;
  /** The way up from here, of which children have to hear at once. */
  readonly lineage: () => Pick<Lineage, "chain" | "settled">;
  /** Of a node that lets its parent dial. */
  readonly parenthood?: Pick<Parenthood, "admit" | "dialled"> | undefined;
}

const NO_CHILD =
  "It does not wait for a parent that dials it. Start it with --await-parent, or do not name it in --children.";

/**
 * Where peers come in: executors and clients above this node, other nodes below it, and a parent that dials. It knows by
 * which address others reach it. Bound to one address, that is the one; bound to all of the machine's, it differs from peer
 * to peer: each is told the one at which the two reach each other already.
 */
export class Doorway {
  readonly #engine: Engine;
  readonly #options: DoorwayOptions;
  readonly #listener: Listener;
  /** For whoever has no link here yet. */
  readonly #outside: string;

  constructor(engine: Engine, options: DoorwayOptions, listener: Listener, outside: string) {
    this.#engine = engine;
    this.#options = options;
    this.#listener = listener;
    this.#outside = outside;
  }

  /** `host:port` where it listens. */
  get listening(): string {
    return formatAddress(this.#listener.address);
  }

  /** `host:port` for the peer at the other end of a link, or without one for whoever may come. */
  addressFor(peer?: LinkLike): string {
    return this.#options.advertise ?? located(this.listening, peer?.localHost || this.#outside);
  }

  /** What this node says of itself. On its way, "every address" becomes the one that the peer reaches. */
  hello(): HelloInput {
    return { ...this.#options.hello(), address: this.#options.advertise ?? this.listening };
  }

  /** Tells the way up from here to all children, or to those that have just come. */
  tellLineage(children: readonly LinkLike[] = this.#engine.children): void {
    tellLineage(children, this.#options.lineage(), (child) => this.addressFor(child));
  }

  /** Has a node as a child, whoever dialled, and tells it the way up. */
  takeIn(child: LinkLike): void {
    const { id, name } = child.peer;
    this.#engine.addChild(child, { id, name, role: "node" });
    this.tellLineage([child]);
  }

  /** Lets nobody in any more. */
  close(): Promise<void> {
    return this.#listener.close();
  }
}

/** @throws ConnectionError if the address cannot be listened at */
export async function openDoorway(engine: Engine, options: DoorwayOptions): Promise<Doorway> {
  const { logger, parenthood } = options;
  const outside = await outsideHost(options.host);
  const listener = await listen({
    ...options,
    hello: () => doorway.hello(),
    onHello: (theirs, remoteAddress) => {
      if (theirs.role !== "parent") return options.onHello?.(theirs, remoteAddress) ?? "accept";
      if (parenthood === undefined) throw new ConnectionError(NO_CHILD);
      parenthood.admit(theirs);
      return "accept";
    },
    onLink: (link) => {
      const { id, name, role } = link.peer;
      logger.debug({ peer: id, role, remoteAddress: link.remoteAddress }, "Peer connected");
      if (role === "parent") {
        parenthood?.dialled(link);
      } else if (role === "node") {
        doorway.takeIn(link);
      } else {
        engine.addUpstream(link, { id, name, role });
      }
    },
  });
  const doorway = new Doorway(engine, options, listener, outside);
  return doorway;
}
