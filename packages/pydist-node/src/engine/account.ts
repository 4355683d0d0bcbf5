import { dump, type Scheduler } from "@pydist/scheduler";
import type { LinkLike } from "../links/link-like.js";
import type { CodeExchange } from "./code-exchange.js";
import type { EngineOptions } from "./engine-options.js";
import type { DownPeer, Peers, UpPeer } from "./peer.js";
import type { TreeExchange } from "./tree-exchange.js";
import type { Workshop } from "./workshop.js";

export interface AccountSources {
  readonly options: EngineOptions;
  readonly scheduler: Scheduler;
  readonly peers: Peers;
  readonly codes: CodeExchange;
  readonly trees: TreeExchange;
  /** Absent without threads. */
  readonly workshop: () => Workshop | undefined;
}

/** What an engine can say of itself: in a line for those who list nodes, and at length for those who look for a fault. */
export class Account {
  readonly #sources: AccountSources;

  constructor(sources: AccountSources) {
    this.#sources = sources;
  }

  /** What it answers for itself when it is asked; nothing to what it does not understand. */
  answer(what: string, to?: LinkLike): unknown[] {
    const self = what === "nodes" ? this.describe(to) : undefined;
    return self === undefined ? [] : [self];
  }

  /** As `nodes()` gives it; undefined for an executor that is no node. */
  describe(to?: LinkLike) {
    const { options, scheduler, workshop } = this.#sources;
    const self = options.self?.(to);
    if (self === undefined) return undefined;
    const tally = workshop()?.tally ?? { completed: 0, failed: 0, busyMs: 0 };
    return { ...self, state: scheduler.standing, ...scheduler.load, ...tally };
  }

  /** Everything, as JSON takes it, but secrets and what belongs to users: arguments, results and captured values. */
  dump(): object {
    const { options, scheduler, peers, codes, trees, workshop } = this.#sources;
    return {
      ...(this.describe() ?? { id: options.id, name: options.name }),
      time: new Date().toISOString(),
      scheduler: dump(scheduler, performance.now()),
      /** The scheduler's upstreams and receivers by the same numbers; 0 is the pool, 1 the executor of this process. */
      links: [...peers.up.values(), ...peers.down.values()].map(linkOf),
      pool: workshop()?.dump(),
      code: codes.dump(),
      trees: trees.dump(),
    };
  }
}

function linkOf(peer: UpPeer | DownPeer) {
  const { key, direction, link, info } = peer;
  const { remoteAddress, state, quiet, rtt, buffered, bytesIn, bytesOut } = link;
  return {
    id: key,
    peer: info.id,
    name: info.name,
    role: info.role,
    is: direction === "up" ? "above" : "below",
    dialed: link.direction === "dialed",
    address: remoteAddress,
    state,
    quiet: Math.round(quiet),
    rtt,
    buffered,
    bytesIn,
    bytesOut,
    ...(peer.direction === "up" ? { flow: peer.flow } : { standing: peer.standing, questions: peer.asked.size }),
  };
}
