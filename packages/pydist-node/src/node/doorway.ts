import { ConnectionError } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import { type HelloInput, type LinkLike, type Listener, listen } from "../links/index.js";
import type { Logger } from "../logger.js";
import type { Parenthood } from "./parenthood.js";

export interface DoorwayOptions {
  readonly host: string;
  readonly port: number;
  readonly key: Buffer;
  readonly hello: () => HelloInput;
  readonly logger: Logger;
  /** A child has come: it has to hear at once of the way up from here. */
  readonly onChild: (link: LinkLike) => void;
  /** Of a node that lets its parent dial. */
  readonly parenthood?: Pick<Parenthood, "admit" | "dialled"> | undefined;
}

const NO_CHILD =
  "It does not wait for a parent that dials it. Start it with --await-parent, or do not name it in --children.";

/** Lets peers in: executors and clients above this node, other nodes below it, and a parent that dials. */
export function openDoorway(engine: Engine, options: DoorwayOptions): Promise<Listener> {
  const { logger, parenthood } = options;
  return listen({
    ...options,
    onHello: ({ role, id, name }) => {
      if (role !== "parent") return;
      if (parenthood === undefined) throw new ConnectionError(NO_CHILD);
      parenthood.admit({ id, name });
    },
    onLink: (link) => {
      const { id, name, role } = link.peer;
      logger.debug({ peer: id, role, remoteAddress: link.remoteAddress }, "Peer connected");
      if (role === "parent") {
        parenthood?.dialled(link);
      } else if (role === "node") {
        engine.addChild(link, { id, name, role });
        options.onChild(link);
      } else {
        engine.addUpstream(link, { id, name, role });
      }
    },
  });
}
