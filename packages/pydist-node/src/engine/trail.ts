import { type Hindrance, POOL, type Scheduler, type Tries, whereabouts } from "@pydist/scheduler";
import type { LinkState } from "../links/link-like.js";
import type { Place } from "../pool/view.js";
import type { DownPeer, Peers } from "./peer.js";
import { type Roll, SHARE } from "./roll.js";
import type { Workshop } from "./workshop.js";

/** A node or an executor. */
export interface Station {
  /** Its id. */
  readonly node: string;
  readonly name: string;
  /** `host:port`; empty for an executor that is no node. */
  readonly address: string;
}

/** One node on the way of a task, from the executor down to where the task is. Times are in milliseconds. */
export type Step = Station &
  (
    | ({ readonly is: "queued"; readonly because: Hindrance; readonly away: readonly string[] } & Tries)
    | ({
        readonly is: "handedOn";
        readonly to: Station;
        readonly for: number;
        readonly link: { readonly state: LinkState; readonly quiet: number; readonly buffered: number };
      } & Tries)
    | (Place & Tries)
    /** It knows nothing of the task any more, or not yet: news of it is on its way, up or down. */
    | { readonly is: "gone" }
    /** It was not asked, because the link to it is away, or has not answered in time. */
    | { readonly is: "away" }
    | { readonly is: "silent"; readonly within: number }
  );

export interface TrailSources {
  readonly scheduler: Scheduler;
  readonly peers: Peers;
  readonly roll: Roll;
  readonly workshop: () => Workshop | undefined;
  readonly self: () => Station;
}

/** Follows a task from lease to lease, and tells of each node on the way. */
export class Trail {
  readonly #sources: TrailSources;

  constructor(sources: TrailSources) {
    this.#sources = sources;
  }

  /**
   * Where a task of an upstream's batch is.
   * @param time milliseconds in which there is an answer, whoever below is silent
   */
  async follow(
    task: { readonly upstream: number; readonly lease: number; readonly index: number },
    time: number,
  ): Promise<Step[]> {
    const { scheduler, peers, workshop, self } = this.#sources;
    const here = self();
    const { is, ...found } = whereabouts(scheduler, task, performance.now());
    if ("because" in found) {
      const away = [...peers.down.values()].filter(({ link }) => link.state === "away");
      return [{ ...here, is: "queued", ...found, away: away.map(({ info }) => info.name) }];
    }
    if (!("receiver" in found)) return [{ ...here, is: "gone" }];
    const { receiver, lease, index, for: since, ...tries } = found;
    if (receiver === POOL) return [{ ...here, ...tries, ...(workshop()?.find(lease, index) ?? { is: "over" }) }];
    const peer = peers.down.get(receiver);
    if (peer === undefined) return [{ ...here, is: "gone" }];
    const { link, info } = peer;
    const { state, quiet, buffered } = link;
    const to = { node: info.id, name: info.name, address: this.#addressOf(peer) };
    const way = { state, quiet: Math.round(quiet), buffered };
    const step: Step = { ...here, is: "handedOn", to, for: Math.round(since), link: way, ...tries };
    const below = state === "open" ? await this.#ask(peer, lease, index, time) : [];
    if (below.length > 0) return [step, ...below];
    return [step, link.state === "open" ? { ...to, is: "silent", within: time } : { ...to, is: "away" }];
  }

  /** @returns nothing if there is no answer in time, or the link breaks meanwhile */
  async #ask(peer: DownPeer, lease: number, index: number, time: number): Promise<Step[]> {
    const below = Math.floor(time * SHARE);
    const frameOf = (id: number) => ({ t: "trace", id, lease, index, time: below }) as const;
    let interrupted = (): void => {};
    const interruption = new Promise<void>((resolve) => {
      interrupted = resolve;
    });
    peer.link.once("away", interrupted);
    const answer = await Promise.race([this.#sources.roll.question(peer, frameOf, time), interruption]);
    peer.link.off("away", interrupted);
    return Array.isArray(answer) ? answer.filter(isStep) : [];
  }

  /** As the node itself says; where it was not heard yet, as its link does. */
  #addressOf({ info, link }: DownPeer): string {
    return this.#sources.roll.directory.get(info.id)?.address || link.remoteAddress;
  }
}

/** What a newer peer says beyond is passed on as it is. */
function isStep(value: unknown): value is Step {
  if (typeof value !== "object" || value === null) return false;
  const { node, name, address, is } = value as Partial<Record<string, unknown>>;
  return [node, name, address, is].every((each) => typeof each === "string");
}
