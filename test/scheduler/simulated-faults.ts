import { InvariantError, type SchedulerEvent } from "@pydist/scheduler";
import type { Agenda } from "./agenda.js";
import { SUBMITTER } from "./simulated-executor.js";
import type { ExecutorNode, SimNode, SimulatedTree } from "./simulated-tree.js";
import type { SimulationOptions } from "./simulation-options.js";

/** Milliseconds of silence after which a link is given up. */
const GRACE = 30;

/** Everything that goes wrong, or changes, in a schedule: planned before it begins, drawn from its seed. */
export class SimulatedFaults {
  readonly #options: SimulationOptions;
  readonly #tree: SimulatedTree;
  readonly #agenda: Agenda;
  readonly #draw: () => number;
  readonly #handle: (node: SimNode, event: SchedulerEvent) => void;

  constructor(
    options: SimulationOptions,
    tree: SimulatedTree,
    agenda: Agenda,
    draw: () => number,
    handle: (node: SimNode, event: SchedulerEvent) => void,
  ) {
    this.#options = options;
    this.#tree = tree;
    this.#agenda = agenda;
    this.#draw = draw;
    this.#handle = handle;
  }

  plan(): void {
    const { faultsUntil, slots } = this.#options;
    const { losses, cuts, joins, cancels, stops = 0, quits = 0 } = this.#options;
    const { aways = 0, clogs = 0, freezes = 0, restarts = 0, rootRestarts = 0 } = this.#options;
    const { drains = 0, departures = 0 } = this.#options;
    const tree = this.#tree;
    const sometimes = (times: number, what: (nth: number) => void): void => {
      for (let i = 0; i < times; i++) this.#agenda.at(this.#draw() * faultsUntil, () => what(i));
    };
    sometimes(losses, () => this.#lose(tree.any()));
    sometimes(cuts, () => this.#cut(tree.any()));
    sometimes(cancels, () => this.#cancelSome("cancel"));
    sometimes(stops, () => this.#cancelSome("stop"));
    // A program dies: nobody waits for its tasks any more.
    sometimes(quits, (i) => tree.end(tree.executors[i] as SimNode));
    sometimes(joins, () => tree.join(tree.add(Math.max(1, slots(this.#draw)))));
    sometimes(aways, () => this.#sendAway());
    sometimes(clogs, () => this.#clog(tree.any(true)));
    sometimes(freezes, () => this.#freeze(tree.any()));
    sometimes(restarts, () => this.#restart(tree.any()));
    sometimes(rootRestarts, () => this.#restart(tree.root));
    sometimes(drains, () => this.#drain(tree.any(true)));
    sometimes(departures, () => this.#depart(tree.any()));
    // When all who could work are gone, the tasks wait for somebody to come.
    this.#agenda.at(faultsUntil, () => tree.join(tree.add(1)));
  }

  /** One that leaves goes as soon as nothing runs there, with the last of what it said. */
  drained(node: SimNode): void {
    const { state, standing } = node.scheduler;
    const left = standing === "leaving" ? state.leases.size : state.pool.leases.size;
    if (left > 0) throw new InvariantError("I4", `${node.id} says that it is drained and runs ${left} leases`);
    if (standing === "leaving") this.#goOnceSaid(node);
  }

  #goOnceSaid(node: SimNode): void {
    const said = [...node.up.values()].every(({ wire }) => wire.state === "broken" || wire.up.empty);
    node.clock.after(said ? 0 : 1, () => (said ? this.#lose(node) : this.#goOnceSaid(node)));
  }

  #lose(node: SimNode): void {
    if (node !== this.#tree.root) this.#tree.end(node);
  }

  #drain(node: SimNode): void {
    if (node.scheduler.standing !== "ready") return;
    this.#handle(node, { type: "duty", duty: "drained" });
    node.clock.after(this.#draw() * 60, () => {
      if (node.scheduler.standing !== "leaving") this.#handle(node, { type: "duty", duty: "working" });
    });
  }

  #depart(node: SimNode): void {
    if (node === this.#tree.root || node.scheduler.standing === "leaving") return;
    node.clock.after(this.#options.drainGrace ?? 40, () => this.#lose(node));
    this.#handle(node, { type: "duty", duty: "leaving" });
  }

  #cut(node: SimNode): void {
    for (const link of node.up.values()) if (link.upper.submitter === undefined) this.#tree.break(link);
  }

  /** Shorter than the grace: nobody above hears of it. */
  #sendAway(): void {
    const links = [...this.#tree.any(true).up.values()];
    const link = links[Math.floor(this.#draw() * links.length)];
    if (link === undefined) return;
    const { lower, upstream, wire } = link;
    wire.awayUntil = this.#agenda.now + this.#draw() * GRACE;
    this.#handle(lower, { type: "upstreamAway", upstream });
    lower.clock.at(wire.awayUntil, () => this.#handle(lower, { type: "upstreamBack", upstream }));
  }

  /** It starts none of an upstream's tasks meanwhile; what runs, and all that is below, goes on. */
  #clog(node: SimNode): void {
    const upstreams = [...node.up.keys()];
    const upstream = upstreams[Math.floor(this.#draw() * upstreams.length)];
    if (upstream === undefined) return;
    this.#handle(node, { type: "upstreamClogged", upstream, clogged: true });
    node.clock.after(this.#draw() * 60, () => {
      if (node.up.has(upstream)) this.#handle(node, { type: "upstreamClogged", upstream, clogged: false });
    });
  }

  /** Its process stands still, its threads included. If that takes too long, the others give it up. */
  #freeze(node: SimNode): void {
    if (node === this.#tree.root) return;
    const duration = this.#draw() * 3 * GRACE;
    node.clock.freeze(duration);
    if (duration >= GRACE) this.#agenda.after(GRACE, () => this.#tree.isolate(node));
  }

  /** Its process dies, and a supervisor starts another one, which knows nothing of what the first one had. */
  #restart(node: SimNode): void {
    if (node.state === "dead") return;
    const tree = this.#tree;
    tree.end(node);
    this.#agenda.after(this.#draw() * 40, () => {
      const next = tree.add(node.slots, node.id);
      if (node === tree.root) tree.root = next;
      else tree.join(next);
    });
  }

  #cancelSome(how: "cancel" | "stop"): void {
    const { executors } = this.#tree;
    const executor = executors[Math.floor(this.#draw() * executors.length)] as ExecutorNode;
    for (const batch of executor.scheduler.state.upstreams.get(SUBMITTER)?.batches.values() ?? []) {
      if (this.#draw() < 0.5) continue;
      const from = Math.floor(this.#draw() * batch.count);
      const to = Math.min(batch.count, from + 1 + Math.floor(this.#draw() * 20));
      executor.submitter.cancel(batch.upstreamLease, [from, to], how);
      return;
    }
  }
}
