import type { Engine } from "../engine/engine.js";
import { type Hello, type HelloInput, type LinkLike, type Listener, listen, type Verdict } from "../links/index.js";
import type { Logger } from "../logger.js";

export interface DoorwayOptions {
  readonly host: string;
  readonly port: number;
  readonly key: Buffer;
  readonly hello: () => HelloInput;
  readonly logger: Logger;
  /** Looks at whoever comes; may send it on, or throw a PydistError for it. Default: everybody may stay. */
  readonly onHello?: (theirs: Hello, remoteAddress: string) => Verdict;
  /** A child has come: it has to hear at once of the way up from here. */
  readonly onChild: (link: LinkLike) => void;
}

/** Lets peers in: executors and clients above this node, other nodes below it. */
export function openDoorway(engine: Engine, options: DoorwayOptions): Promise<Listener> {
  const { logger } = options;
  return listen({
    ...options,
    onLink: (link) => {
      const { id, name, role } = link.peer;
      logger.debug({ peer: id, role, remoteAddress: link.remoteAddress }, "Peer connected");
      if (role === "node") {
        engine.addChild(link, { id, name, role });
        options.onChild(link);
      } else {
        engine.addUpstream(link, { id, name, role });
      }
    },
  });
}
