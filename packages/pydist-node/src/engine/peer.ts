import { type Bodies, encodeFrame, type Frame } from "@pydist/protocol";
import type { CloseReason, LinkLike } from "../links/link-like.js";
import { type Logger, messageOf } from "../logger.js";

/** The upstream that is the executor in this process. */
export const SUBMITTER = 1;

/** Who is at the other end, as its hello said. */
export interface PeerInfo {
  readonly id: string;
  readonly name: string;
  readonly role: "node" | "executor" | "client";
}

/** A peer that hands tasks down to us; or a client, such as the status command, that only asks. */
export interface UpPeer {
  readonly direction: "up";
  readonly key: number;
  readonly link: LinkLike;
  readonly info: PeerInfo;
  flow: "clear" | "clogged";
}

/** A peer that we hand tasks down to. */
export interface DownPeer {
  readonly direction: "down";
  readonly key: number;
  readonly link: LinkLike;
  readonly info: PeerInfo;
  /** Whether it has told that it is in the tree; until then it looks for its own way up. */
  standing: "joining" | "member";
  /** Questions that it has not answered yet. */
  readonly asked: Map<number, (answer: unknown) => void>;
}

/** While this many bytes of results wait for an upstream, none of its tasks are started. */
const CLOGGED_BYTES = 32 * 1024 * 1024;

/** Everyone that this engine has a link to. */
export class Peers {
  readonly up = new Map<number, UpPeer>();
  readonly down = new Map<number, DownPeer>();
  readonly #logger: Logger;
  #lastKey = SUBMITTER;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  addUp(link: LinkLike, info: PeerInfo): UpPeer {
    const peer: UpPeer = { direction: "up", key: ++this.#lastKey, link, info, flow: "clear" };
    this.up.set(peer.key, peer);
    logInterruptions(peer, this.#logger);
    return peer;
  }

  addDown(link: LinkLike, info: PeerInfo): DownPeer {
    const peer: DownPeer = {
      direction: "down",
      key: ++this.#lastKey,
      link,
      info,
      standing: "joining",
      asked: new Map(),
    };
    this.down.set(peer.key, peer);
    logInterruptions(peer, this.#logger);
    return peer;
  }

  send(peer: UpPeer | DownPeer, frame: Frame, payload?: Bodies | Uint8Array): void {
    const bytes = encodeFrame(frame, payload);
    if (frame.t === "credit") peer.link.latest("credit", bytes);
    else peer.link.send(bytes);
  }

  /** It sent what cannot be understood. */
  refuse({ link, info: { id: peer, name } }: UpPeer | DownPeer, error: unknown): void {
    const cause = messageOf(error);
    this.#logger.error({ peer, name, cause }, "A peer sent what cannot be understood; its link is closed");
    void link.close("a frame could not be understood");
  }

  /** Those that hand tasks down; clients only ask. The newest first: a link that was made again is above an older one. */
  above(): UpPeer[] {
    return [...this.up.values()].filter(({ info }) => info.role !== "client").reverse();
  }

  tellAbove(frame: Frame): void {
    for (const peer of this.above()) this.send(peer, frame);
  }

  /** Those by whom an executor is reached: itself if it is attached here; otherwise it is attached to a node above. */
  towards(executor: string): UpPeer[] {
    const above = this.above();
    const itself = above.filter(({ info }) => info.role === "executor" && info.id === executor);
    return itself.length > 0 ? itself : above.filter(({ info }) => info.role === "node");
  }

  /** To what a peer has asked. */
  answer(peer: UpPeer, id: number, answer: Promise<unknown>): void {
    void answer.then((value) => this.send(peer, { t: "answer", id, value }));
  }

  flowTo({ link }: UpPeer): UpPeer["flow"] {
    return link.buffered > CLOGGED_BYTES ? "clogged" : "clear";
  }

  /** Says goodbye to all, and forgets them. */
  async close(reason: string): Promise<void> {
    const all = [...this.up.values(), ...this.down.values()];
    for (const peer of this.down.values()) for (const answer of peer.asked.values()) answer(undefined);
    this.up.clear();
    this.down.clear();
    await Promise.all(all.map((peer) => peer.link.close(reason)));
  }
}

/** Clients only ask and order; only a parent has ancestors to tell of; executors order nothing. */
export function mayTell(peer: UpPeer | DownPeer, frame: Frame): boolean {
  if (peer.info.role === "client") return frame.t === "ask" || frame.t === "order";
  return (frame.t !== "ancestry" && frame.t !== "order") || peer.info.role === "node";
}

/** What a node says when it closes its links because it ends, whatever it ends for. */
export const GOODBYE = "the node was closed";

export function hasLeft({ kind, detail }: CloseReason): boolean {
  return kind === "closed-by-peer" && detail === GOODBYE;
}

/** Why a link ended, in a line. */
export function describe({ kind, detail }: CloseReason): string {
  return detail === "" ? kind : `${kind}: ${detail}`;
}

/** A link that comes back in time is nobody's business but that of whoever reads the log. */
function logInterruptions({ link, info: { id, name } }: UpPeer | DownPeer, logger: Logger): void {
  link.on("away", (reason, grace) => {
    const cause = describe(reason);
    logger.warn({ peer: id, name, cause, grace }, "Link interrupted; waiting for it to come back");
  });
  link.on("back", () => logger.info({ peer: id, name }, "Link resumed; nothing is lost"));
}
