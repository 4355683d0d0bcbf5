import type { LinkLike } from "../links/link-like.js";

/** Who is at the other end, as its hello said. */
export interface PeerInfo {
  readonly id: string;
  readonly name: string;
  readonly role: "node" | "executor" | "client";
}

/** A peer that hands tasks down to us. */
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
  /** Questions that it has not answered yet. */
  readonly asked: Map<number, (answer: unknown) => void>;
}
