import type { BatchHeader } from "@pydist/protocol";
import type { UpstreamId } from "./events.js";
import { FairQueue } from "./queue.js";

/**
 * All that waits here. Tasks for one node have a queue for that node, so that what can run elsewhere never waits behind
 * them, nor counts them when work is shared out.
 */
export class Queues {
  readonly anywhere = new FairQueue();
  /** For this node alone. */
  readonly here = new FairQueue();
  /** For another node, by its id. */
  readonly elsewhere = new Map<string, FairQueue>();
  readonly #self: string;

  constructor(self: string) {
    this.#self = self;
  }

  /** Tasks that wait, wherever they may run. */
  get count(): number {
    let count = 0;
    for (const queue of this.#all()) count += queue.count;
    return count;
  }

  of({ node }: Pick<BatchHeader, "node">): FairQueue {
    if (node === undefined) return this.anywhere;
    if (node === this.#self) return this.here;
    const queue = this.elsewhere.get(node) ?? new FairQueue();
    this.elsewhere.set(node, queue);
    return queue;
  }

  /** As `FairQueue.drop`. */
  drop(upstream: UpstreamId): void {
    for (const queue of this.#all()) queue.drop(upstream);
  }

  #all(): FairQueue[] {
    return [this.anywhere, this.here, ...this.elsewhere.values()];
  }
}
