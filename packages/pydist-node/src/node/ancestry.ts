import { type Ancestor, decodeFrame, encodeFrame, type Frame } from "@pydist/protocol";
import { checkFrame } from "../engine/frame-schema.js";
import type { LinkLike } from "../links/index.js";
import { type Logger, messageOf } from "../logger.js";

export interface AncestryListener {
  /** Milliseconds for the parent to find its own way to a root. */
  readonly patience: number;
  readonly logger: Logger;
  /** @returns whether its way is certain by now. @throws CycleError if it leads through this node */
  readonly hear: (chain: readonly Ancestor[], settled: boolean) => boolean;
  /** It is, and what it says from now on is for whoever listens next. */
  readonly onSettled: () => void;
  /** Nothing comes of this link. */
  readonly onApart: () => void;
}

/**
 * Listens to what a parent says of its own way up, until that is settled.
 * Rejects with what `hear` throws; "again" if the link is of no use.
 */
export function followAncestry(link: LinkLike, listener: AncestryListener): Promise<"joined" | "again"> {
  const { patience, logger, hear, onSettled, onApart } = listener;
  return new Promise((resolve, reject) => {
    const late = (): void => link.terminate("the parent did not join its own parent in time");
    // setTimeout takes what is longer, and Infinity, for 1 ms.
    const timer = patience < 2 ** 31 ? setTimeout(late, patience) : undefined;
    const over = (): void => {
      clearTimeout(timer);
      link.off("message", onMessage);
      link.off("close", onClose);
    };
    const apart = (): void => {
      over();
      onApart();
    };
    const onClose = (): void => {
      apart();
      resolve("again");
    };
    const onMessage = (bytes: Uint8Array): void => {
      try {
        const frame = checkFrame(decodeFrame(bytes).frame);
        // Whoever counts the nodes need not wait for one that is not in the tree yet.
        if (frame?.t === "ask") link.send(encodeFrame({ t: "answer", id: frame.id, value: [] }));
        if (frame?.t === "ancestry") onAncestry(frame);
      } catch (error) {
        const { id, name } = link.peer;
        logger.error(
          { peer: id, name, cause: messageOf(error) },
          "A peer sent what cannot be understood; its link is closed",
        );
        apart();
        void link.close("a frame could not be understood");
        resolve("again");
      }
    };
    const onAncestry = ({ chain, settled }: Extract<Frame, { t: "ancestry" }>): void => {
      let certain: boolean;
      try {
        certain = hear(chain, settled);
      } catch (error) {
        apart();
        void link.close((error as Error).message);
        reject(error);
        return;
      }
      if (!certain) return;
      over();
      onSettled();
      resolve("joined");
    };
    link.on("message", onMessage);
    link.on("close", onClose);
  });
}
