import type { BatchHeader } from "@pydist/protocol";
import { Scheduler, type SchedulerEvent } from "@pydist/scheduler";
import type { Agenda } from "./agenda.js";
import { Clock } from "./clock.js";
import { SimulatedExecutor, SUBMITTER } from "./simulated-executor.js";
import { SimulatedLink } from "./simulated-link.js";
import { SimulatedPool, type Tally } from "./simulated-pool.js";
import { SimulatedRoll } from "./simulated-roll.js";
import type { SimulationOptions } from "./simulation-options.js";

/** So short that it ends now and then before those come that are waited for. */
const PATIENCE = { forOrphans: 40, forOffers: 5, forParent: 60, forAnswer: 40, forNode: 50 };

export interface Link {
  readonly upper: SimNode;
  readonly lower: SimNode;
  /** The upper end's name of the lower one, and the reverse. */
  readonly receiver: number;
  readonly upstream: number;
  readonly wire: SimulatedLink;
}

export interface SimNode {
  readonly id: string;
  readonly slots: number;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly up: Map<number, Link>;
  readonly down: Map<number, Link>;
  readonly pool: SimulatedPool;
  readonly submitter: SimulatedExecutor | undefined;
  state: "alive" | "dead";
  lastName: number;
}

/** It has no slots. */
export interface ExecutorNode extends SimNode {
  readonly submitter: SimulatedExecutor;
}

/** Nodes and executors, and who is linked to whom: what breaks is joined again, wherever there is a place. */
export class SimulatedTree {
  readonly nodes: SimNode[] = [];
  readonly executors: ExecutorNode[] = [];
  readonly tally: Tally = { suspended: 0, resumed: 0, killed: 0, misled: 0 };
  root!: SimNode;
  readonly #options: SimulationOptions;
  readonly #agenda: Agenda;
  readonly #draw: () => number;
  readonly #handle: (node: SimNode, event: SchedulerEvent) => void;
  readonly #roll: SimulatedRoll;

  /** @param handle carries out what an event leads to */
  constructor(
    options: SimulationOptions,
    agenda: Agenda,
    draw: () => number,
    handle: (node: SimNode, event: SchedulerEvent) => void,
  ) {
    this.#options = options;
    this.#agenda = agenda;
    this.#draw = draw;
    this.#handle = handle;
    this.#roll = new SimulatedRoll(() => options.delay(draw), handle);
  }

  grow(): void {
    const { nodes, executors, slots, parent } = this.#options;
    for (let i = 0; i < nodes; i++) {
      const node = this.add(slots(this.#draw));
      if (i === 0) this.root = node;
      else this.#connect(this.nodes[parent(i, this.#draw)] as SimNode, node);
    }
    for (let e = 0; e < executors; e++) {
      const executor = this.#newExecutor();
      this.executors.push(executor);
      this.#handle(executor, { type: "upstreamJoined", upstream: SUBMITTER, own: true });
      this.#connect(this.root, executor, true);
    }
  }

  /** All that still live. */
  *living(): Iterable<SimNode> {
    for (const node of this.nodes) if (node.state === "alive") yield node;
    for (const executor of this.executors) if (executor.state === "alive") yield executor;
  }

  /** A living node; the root, where the executors are attached, only if asked for. */
  any(rootToo = false, except?: SimNode): SimNode {
    const fits = (node: SimNode): boolean => node.state === "alive" && !node.clock.frozen && node !== except;
    const living = this.nodes.filter((node) => fits(node) && (rootToo || node !== this.root));
    return living[Math.floor(this.#draw() * living.length)] ?? this.root;
  }

  /** @param id of a process that this one takes the place of */
  add(slots: number, id = `node${this.nodes.length}`): SimNode {
    const node = this.#new(id, "node", slots, () => undefined);
    this.nodes.push(node);
    return node;
  }

  /** Its process dies. */
  end(node: SimNode): void {
    node.state = "dead";
    this.isolate(node);
  }

  /** All its links are lost. */
  isolate(node: SimNode): void {
    for (const link of [...node.up.values(), ...node.down.values()]) this.break(link);
  }

  /** Both ends notice, each in its own time; the lower one joins somewhere else, and a program looks for the root. */
  break(link: Link): void {
    const { upper, lower, wire } = link;
    if (wire.state === "broken") return;
    wire.state = "broken";
    const above = upper.state === "alive" ? upper : parentOf(upper);
    upper.clock.after(this.#draw() * 20, () => this.#loseLower(link));
    lower.clock.after(this.#draw() * 20, () => {
      if (!lower.up.delete(link.upstream) || lower.state === "dead") return;
      const role = upper.submitter === undefined ? { role: "parent" as const } : {};
      this.#handle(lower, { type: "upstreamLost", upstream: link.upstream, ...role });
      if (upper.submitter === undefined) lower.clock.after(this.#draw() * 20, () => this.join(lower, above));
    });
  }

  /** Finds it a parent. @param nearest the living node that was above it, where it mostly looks first */
  join(node: SimNode, nearest?: SimNode): void {
    if (node.state === "dead" || node.up.size > 0) return;
    const place = this.#placeFor(node, this.#draw() < 0.7 ? nearest : undefined);
    if (place.state === "alive") this.#connect(place, node);
    else node.clock.after(this.#draw() * 20, () => this.join(node));
  }

  #newExecutor(): ExecutorNode {
    const { hopLimit, attempts = 3 } = this.#options;
    const id = `executor${this.executors.length}`;
    return this.#new(id, "executor", 0, (handle) => new SimulatedExecutor(id, hopLimit, attempts, handle));
  }

  #new<S extends SimulatedExecutor | undefined>(
    id: string,
    role: "node" | "executor",
    slots: number,
    submitterOf: (handle: (event: SchedulerEvent) => void) => S,
  ): SimNode & { readonly submitter: S } {
    const clock = new Clock(this.#agenda);
    const { hopLimit, duration, spawning } = this.#options;
    const handle = (event: SchedulerEvent): void => this.#handle(node, event);
    const pool = new SimulatedPool({
      node: id,
      slots,
      agenda: clock,
      draw: this.#draw,
      duration,
      spawning,
      tally: this.tally,
      alive: () => node.state === "alive",
      handle,
      endless: (head, index) => this.#stopSometime(head, index),
    });
    const node: SimNode & { readonly submitter: S } = {
      id,
      slots,
      clock,
      scheduler: new Scheduler({ node: id, slots, hopLimit, routesOnly: role === "executor", patience: PATIENCE }),
      up: new Map(),
      down: new Map(),
      pool,
      submitter: submitterOf(handle),
      state: "alive",
      lastName: SUBMITTER,
    };
    return node;
  }

  /** Whoever submitted a task that never ends loses patience with it. */
  #stopSometime({ executor: id, first }: BatchHeader, index: number): void {
    const executor = this.executors.find((each) => each.id === id) as ExecutorNode;
    this.#agenda.after(20 + this.#draw() * 80, () => executor.submitter.stop(first + index));
  }

  /** An executor is above the node that it is attached to; a node is below its parent. */
  #connect(parent: SimNode, child: SimNode, attachment = false): void {
    const [upper, lower] = attachment ? [child, parent] : [parent, child];
    // Who comes back as another process ends what the one before it has left behind.
    for (const old of upper.down.values()) if (old.lower.id === lower.id) this.#loseLower(old);
    const wire = new SimulatedLink(upper.clock, lower.clock);
    const link: Link = { upper, lower, receiver: ++upper.lastName, upstream: ++lower.lastName, wire };
    upper.down.set(link.receiver, link);
    lower.up.set(link.upstream, link);
    this.#handle(upper, { type: "childJoined", child: link.receiver, node: lower.id, attachment });
    this.#roll.introduce(link);
    this.#handle(lower, { type: "upstreamJoined", upstream: link.upstream, own: false });
  }

  #loseLower({ upper, lower, receiver }: Link): void {
    if (!upper.down.delete(receiver) || upper.state === "dead") return;
    this.#roll.lost(upper, receiver);
    this.#handle(upper, { type: "childLost", child: receiver, cause: "simulated", orphans: this.#below(lower) });
    // Who is back is known by what is told, whenever that comes.
    upper.clock.after(this.#draw() * 2 * PATIENCE.forOrphans, () =>
      this.#handle(upper, { type: "reunited", child: receiver }),
    );
    if (upper.submitter !== undefined) this.#attach(upper);
  }

  /** Whether anybody was below it when it was lost; that is told of, so it may be out of date. */
  #below({ down, state }: SimNode): number {
    return state === "dead" ? this.#draw() * 2 : down.size;
  }

  /** Again and again, until the root is there. */
  #attach(executor: SimNode): void {
    executor.clock.after(this.#draw() * 20, () => {
      if (executor.state === "dead" || executor.down.size > 0) return;
      if (this.root.state === "alive") this.#connect(this.root, executor, true);
      else this.#attach(executor);
    });
  }

  /** A living node that is not below the given one, so that no cycle comes about. */
  #placeFor(node: SimNode, wished?: SimNode): SimNode {
    for (let tries = 0; tries < 5; tries++) {
      const place = tries === 0 && wished?.state === "alive" ? wished : this.any(true, node);
      let above: SimNode | undefined = place;
      while (above !== undefined && above !== node) above = parentOf(above);
      if (above !== node && this.#isRooted(place)) return place;
    }
    return this.root;
  }

  #isRooted(node: SimNode): boolean {
    let above: SimNode | undefined = node;
    while (above !== undefined && above !== this.root) above = parentOf(above);
    return above !== undefined;
  }
}

function parentOf(node: SimNode): SimNode | undefined {
  for (const link of node.up.values()) if (link.upper.submitter === undefined) return link.upper;
  return undefined;
}
