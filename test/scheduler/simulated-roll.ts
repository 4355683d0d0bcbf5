import type { SchedulerEvent } from "@pydist/scheduler";
import type { Link, SimNode } from "./simulated-tree.js";

/** Nodes and their slots, as those above them are told. */
type Nodes = readonly { readonly id: string; readonly slots: number }[];

/** Who is below whom, told upwards over the same links as everything else, so that the order of all news is the engine's. */
export class SimulatedRoll {
  readonly #delay: () => number;
  readonly #handle: (node: SimNode, event: SchedulerEvent) => void;

  /** @param handle carries out what an event leads to */
  constructor(delay: () => number, handle: (node: SimNode, event: SchedulerEvent) => void) {
    this.#delay = delay;
    this.#handle = handle;
  }

  /** The lower end of a new link tells of itself and of all below. */
  introduce(link: Link): void {
    const { id, slots, scheduler } = link.lower;
    const below = [...scheduler.state.ways].map(([each, way]) => ({ id: each, slots: way.slots }));
    this.#tell(link, (at) => this.#joined(at, link.receiver, [{ id, slots }, ...below]));
  }

  /** The link to a child is gone, and with it everyone below. */
  lost(upper: SimNode, receiver: number): void {
    const ids = [...upper.scheduler.state.ways].filter(([, way]) => way.receiver === receiver).map(([id]) => id);
    this.#lost(upper, receiver, ids);
  }

  #joined(at: SimNode, child: number, nodes: Nodes): void {
    const { ways } = at.scheduler.state;
    const fresh = nodes.filter(({ id }) => !ways.has(id));
    if (fresh.length > 0)
      for (const link of at.up.values()) this.#tell(link, (above) => this.#joined(above, link.receiver, fresh));
    this.#handle(at, { type: "nodesJoined", child, nodes });
  }

  #lost(at: SimNode, child: number, ids: readonly string[]): void {
    const { ways } = at.scheduler.state;
    const gone = ids.filter((id) => ways.get(id)?.receiver === child);
    if (gone.length === 0) return;
    for (const link of at.up.values()) this.#tell(link, (above) => this.#lost(above, link.receiver, gone));
    this.#handle(at, { type: "nodesLost", child, ids: gone });
  }

  #tell({ wire, upper }: Link, news: (upper: SimNode) => void): void {
    if (wire.state === "broken") return;
    wire.up.send(this.#delay(), () => {
      if (upper.state === "alive") news(upper);
    });
  }
}
