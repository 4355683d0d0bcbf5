import { type BatchHeader, BodiesBuilder } from "@pydist/protocol";
import {
  InvariantError,
  POOL,
  Scheduler,
  type SchedulerAction,
  type SchedulerEvent,
  validate,
} from "@pydist/scheduler";
import { random } from "../support/random.js";
import { Agenda } from "./agenda.js";
import { Clock } from "./clock.js";
import { type Settled, SimulatedExecutor, SUBMITTER } from "./simulated-executor.js";
import { SimulatedLink } from "./simulated-link.js";
import { SimulatedPool, type Tally } from "./simulated-pool.js";
import type { Outcomes, SimulationOptions } from "./simulation-options.js";

/** Milliseconds of silence after which a link is given up. */
const GRACE = 30;

interface Link {
  readonly upper: SimNode;
  readonly lower: SimNode;
  /** The upper end's name of the lower one, and the reverse. */
  readonly receiver: number;
  readonly upstream: number;
  readonly wire: SimulatedLink;
}

interface SimNode {
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
interface ExecutorNode extends SimNode {
  readonly submitter: SimulatedExecutor;
}

/** Any number of production schedulers under one virtual clock and a network that may fail. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #agenda = new Agenda();
  readonly #draw: () => number;
  readonly #nodes: SimNode[] = [];
  #root!: SimNode;
  readonly #executors: ExecutorNode[] = [];
  readonly #tally: Tally = { suspended: 0, resumed: 0, killed: 0, misled: 0 };
  #checking: boolean;
  #events = 0;
  #messages = 0;
  #deepest = 0;
  #lastSettled = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#draw = random(options.seed);
    this.#checking = options.validate;
  }

  run(): Outcomes {
    this.#build();
    this.#submitAll();
    this.#planFaults();
    this.#step(() => this.#open > 0);
    if (this.#open > 0) throw new InvariantError("I1", `${this.#open} tasks never settled: ${this.#whereabouts()}`);
    const outcomes = this.#outcomes();
    // Only the end counts of what is left to do by now.
    this.#checking = false;
    this.#step(() => true);
    for (const node of [...this.#nodes, ...this.#executors]) if (node.state === "alive") expectNothingLeft(node);
    return outcomes;
  }

  /** For whoever looks for the reason. */
  #whereabouts(): string {
    const living = [...this.#nodes, ...this.#executors].filter((node) => node.state === "alive");
    const holding = living.map(({ id, scheduler }) => ({ id, load: scheduler.load, leases: scheduler.state.leases }));
    return holding
      .filter(({ load, leases }) => load.queued + leases.size > 0)
      .map(({ id, load, leases }) => `${id} has ${JSON.stringify({ ...load, leases: leases.size })}`)
      .join(", ");
  }

  /** Tasks that somebody still waits for. */
  get #open(): number {
    let open = 0;
    for (const { state, submitter } of this.#executors) if (state === "alive") open += submitter.open;
    return open;
  }

  #step(wanted: () => boolean): void {
    // Far more than any healthy schedule needs: reaching it means that something goes round in circles.
    const mostEvents = 2_000_000;
    while (wanted() && this.#agenda.step()) {
      if (this.#events > mostEvents) {
        throw new InvariantError("I1", `${this.#open} tasks still open after ${mostEvents} events`);
      }
    }
  }

  #build(): void {
    const { nodes, executors, slots, parent } = this.#options;
    for (let i = 0; i < nodes; i++) {
      const node = this.#addNode(slots(this.#draw));
      if (i === 0) this.#root = node;
      else this.#connect(this.#nodes[parent(i, this.#draw)] as SimNode, node);
    }
    for (let e = 0; e < executors; e++) {
      const executor = this.#addExecutor();
      this.#executors.push(executor);
      this.#handle(executor, { type: "upstreamJoined", upstream: SUBMITTER, own: true });
      this.#connect(this.#root, executor, true);
    }
  }

  /** @param id of a process that this one takes the place of */
  #addNode(slots: number, id = `node${this.#nodes.length}`): SimNode {
    const node = this.#newNode(id, "node", slots, () => undefined);
    this.#nodes.push(node);
    return node;
  }

  #addExecutor(): ExecutorNode {
    const { hopLimit, attempts = 3 } = this.#options;
    const id = `executor${this.#executors.length}`;
    return this.#newNode(id, "executor", 0, (handle) => new SimulatedExecutor(id, hopLimit, attempts, handle));
  }

  #newNode<S extends SimulatedExecutor | undefined>(
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
      tally: this.#tally,
      alive: () => node.state === "alive",
      handle,
      endless: (head, index) => this.#stopSometime(head, index),
    });
    const node: SimNode & { readonly submitter: S } = {
      id,
      slots,
      clock,
      scheduler: new Scheduler({ node: id, slots, hopLimit, routesOnly: role === "executor" }),
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
    const executor = this.#executors.find((each) => each.id === id) as ExecutorNode;
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
    this.#handle(lower, { type: "upstreamJoined", upstream: link.upstream, own: false });
  }

  #submitAll(): void {
    const { tasks, spawning } = this.#options;
    for (const { submitter } of this.#executors) {
      let first = 0;
      while (first < tasks) {
        const count = Math.min(tasks - first, 1 + Math.floor(this.#draw() * 400));
        const builder = new BodiesBuilder();
        for (let i = 0; i < count; i++) builder.add({ kind: 0, text: `[${first + i}]`, bytes: undefined });
        const priority = Math.floor(this.#draw() * 3);
        submitter.submit({ priority, depth: 0, grace: spawning === undefined ? 1000 : 20 }, builder.build());
        first += count;
      }
    }
  }

  #planFaults(): void {
    const { faultsUntil, slots } = this.#options;
    const { losses, cuts, joins, cancels, stops = 0, quits = 0 } = this.#options;
    const { aways = 0, freezes = 0, restarts = 0, rootRestarts = 0 } = this.#options;
    const { drains = 0, departures = 0 } = this.#options;
    const sometimes = (times: number, what: (nth: number) => void): void => {
      for (let i = 0; i < times; i++) this.#agenda.at(this.#draw() * faultsUntil, () => what(i));
    };
    sometimes(losses, () => this.#lose(this.#anyNode()));
    sometimes(cuts, () => this.#cut(this.#anyNode()));
    sometimes(cancels, () => this.#cancelSome("cancel"));
    sometimes(stops, () => this.#cancelSome("stop"));
    sometimes(quits, (i) => this.#quit(this.#executors[i] as SimNode));
    sometimes(joins, () => this.#join(this.#addNode(Math.max(1, slots(this.#draw)))));
    sometimes(aways, () => this.#sendAway());
    sometimes(freezes, () => this.#freeze(this.#anyNode()));
    sometimes(restarts, () => this.#restart(this.#anyNode()));
    sometimes(rootRestarts, () => this.#restart(this.#root));
    sometimes(drains, () => this.#drain(this.#anyNode(true)));
    sometimes(departures, () => this.#depart(this.#anyNode()));
    // When all who could work are gone, the tasks wait for somebody to come.
    this.#agenda.at(faultsUntil, () => this.#join(this.#addNode(1)));
  }

  /** A living node; the root, where the executors are attached, only if asked for. */
  #anyNode(rootToo = false, except?: SimNode): SimNode {
    const fits = (node: SimNode): boolean => node.state === "alive" && !node.clock.frozen && node !== except;
    const living = this.#nodes.filter((node) => fits(node) && (rootToo || node !== this.#root));
    return living[Math.floor(this.#draw() * living.length)] ?? this.#root;
  }

  #lose(node: SimNode): void {
    if (node !== this.#root) this.#end(node);
  }

  #end(node: SimNode): void {
    node.state = "dead";
    for (const link of [...node.up.values(), ...node.down.values()]) this.#break(link);
  }

  #drain(node: SimNode): void {
    if (node.scheduler.standing !== "ready") return;
    this.#handle(node, { type: "duty", duty: "drained" });
    node.clock.after(this.#draw() * 60, () => {
      if (node.scheduler.standing !== "leaving") this.#handle(node, { type: "duty", duty: "working" });
    });
  }

  #depart(node: SimNode): void {
    if (node === this.#root || node.scheduler.standing === "leaving") return;
    node.clock.after(this.#options.drainGrace ?? 40, () => this.#lose(node));
    this.#handle(node, { type: "duty", duty: "leaving" });
  }

  /** One that leaves goes as soon as nothing runs there, with the last of what it said. */
  #drained(node: SimNode): void {
    const { state, standing } = node.scheduler;
    const left = standing === "leaving" ? state.leases.size : state.pool.leases.size;
    if (left > 0) throw new InvariantError("I4", `${node.id} says that it is drained and runs ${left} leases`);
    if (standing !== "leaving") return;
    this.#goOnceSaid(node);
  }

  #goOnceSaid(node: SimNode): void {
    const said = [...node.up.values()].every(({ wire }) => wire.state === "broken" || wire.up.empty);
    node.clock.after(said ? 0 : 1, () => (said ? this.#lose(node) : this.#goOnceSaid(node)));
  }

  /** A program dies: nobody waits for its tasks any more. */
  #quit(executor: SimNode): void {
    this.#end(executor);
  }

  #cut(node: SimNode): void {
    for (const link of node.up.values()) if (link.upper.submitter === undefined) this.#break(link);
  }

  /** Shorter than the grace: nobody above hears of it. */
  #sendAway(): void {
    const links = [...this.#anyNode(true).up.values()];
    const link = links[Math.floor(this.#draw() * links.length)];
    if (link !== undefined) link.wire.awayUntil = this.#agenda.now + this.#draw() * GRACE;
  }

  /** Its process stands still, its threads included. If that takes too long, the others give it up. */
  #freeze(node: SimNode): void {
    if (node === this.#root) return;
    const duration = this.#draw() * 3 * GRACE;
    node.clock.freeze(duration);
    if (duration < GRACE) return;
    this.#agenda.after(GRACE, () => {
      for (const link of [...node.up.values(), ...node.down.values()]) this.#break(link);
    });
  }

  /** Its process dies, and a supervisor starts another one, which knows nothing of what the first one had. */
  #restart(node: SimNode): void {
    if (node.state === "dead") return;
    this.#end(node);
    this.#agenda.after(this.#draw() * 40, () => {
      const next = this.#addNode(node.slots, node.id);
      if (node === this.#root) this.#root = next;
      else this.#join(next);
    });
  }

  /** Both ends notice, each in its own time; the lower one joins somewhere else, and a program looks for the root. */
  #break(link: Link): void {
    const { upper, lower, wire } = link;
    if (wire.state === "broken") return;
    wire.state = "broken";
    upper.clock.after(this.#draw() * 20, () => this.#loseLower(link));
    lower.clock.after(this.#draw() * 20, () => {
      if (!lower.up.delete(link.upstream) || lower.state === "dead") return;
      this.#handle(lower, { type: "upstreamLost", upstream: link.upstream });
      if (upper.submitter === undefined) lower.clock.after(this.#draw() * 20, () => this.#join(lower));
    });
  }

  #loseLower({ upper, receiver }: Link): void {
    if (!upper.down.delete(receiver) || upper.state === "dead") return;
    this.#handle(upper, { type: "childLost", child: receiver, cause: "simulated" });
    if (upper.submitter !== undefined) this.#attach(upper);
  }

  /** Again and again, until the root is there. */
  #attach(executor: SimNode): void {
    executor.clock.after(this.#draw() * 20, () => {
      if (executor.state === "dead" || executor.down.size > 0) return;
      if (this.#root.state === "alive") this.#connect(this.#root, executor, true);
      else this.#attach(executor);
    });
  }

  #join(node: SimNode): void {
    if (node.state === "dead" || node.up.size > 0) return;
    const place = this.#placeFor(node);
    if (place.state === "alive") this.#connect(place, node);
    else node.clock.after(this.#draw() * 20, () => this.#join(node));
  }

  /** A living node that is not below the given one, so that no cycle comes about. */
  #placeFor(node: SimNode): SimNode {
    for (let tries = 0; tries < 5; tries++) {
      const place = this.#anyNode(true, node);
      let above: SimNode | undefined = place;
      while (above !== undefined && above !== node) above = this.#parentOf(above);
      if (above !== node && this.#isRooted(place)) return place;
    }
    return this.#root;
  }

  #parentOf(node: SimNode): SimNode | undefined {
    for (const link of node.up.values()) if (link.upper.submitter === undefined) return link.upper;
    return undefined;
  }

  #isRooted(node: SimNode): boolean {
    let above: SimNode | undefined = node;
    while (above !== undefined && above !== this.#root) above = this.#parentOf(above);
    return above !== undefined;
  }

  #cancelSome(how: "cancel" | "stop"): void {
    const executor = this.#executors[Math.floor(this.#draw() * this.#executors.length)] as ExecutorNode;
    for (const batch of executor.scheduler.state.upstreams.get(SUBMITTER)?.batches.values() ?? []) {
      if (this.#draw() < 0.5) continue;
      const from = Math.floor(this.#draw() * batch.count);
      const to = Math.min(batch.count, from + 1 + Math.floor(this.#draw() * 20));
      executor.submitter.cancel(batch.upstreamLease, [from, to], how);
      return;
    }
  }

  #handle(node: SimNode, event: SchedulerEvent): void {
    if (node.state === "dead") return;
    this.#events++;
    const actions = node.scheduler.handle(event, this.#agenda.now);
    if (this.#checking) validate(node.scheduler);
    for (const action of actions) this.#carryOut(node, action);
  }

  #carryOut(node: SimNode, action: SchedulerAction): void {
    // As in the engine, whoever is told something acts on it once all actions are carried out.
    const { submitter } = node;
    if (
      submitter !== undefined &&
      "upstream" in action &&
      action.upstream === SUBMITTER &&
      action.type !== "dispatch"
    ) {
      if (action.type === "report") this.#lastSettled = this.#agenda.now;
      return this.#agenda.after(0, () => submitter.take(action));
    }
    switch (action.type) {
      case "dispatch":
        return action.receiver === POOL ? this.#startRun(node, action) : this.#dispatch(node, action);
      case "cancelAt":
        if (action.receiver === POOL) return node.pool.cancel(action);
        return this.#down(node, action.receiver, (upstream) => ({ ...action, type: "cancel", upstream }));
      case "recallFrom":
        if (action.receiver === POOL) return node.pool.recall(action.max);
        return this.#down(node, action.receiver, (upstream) => ({ type: "recall", upstream, max: action.max }));
      case "tell":
        if (action.receiver === POOL) return node.pool.tell(action);
        return this.#down(node, action.receiver, (upstream) => ({ ...action, type: "told", upstream }));
      case "resumeAt":
        return node.pool.resume(action);
      case "report":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "results", receiver }));
      case "reportStarted":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "started", receiver }));
      case "reportWaiting":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "waiting", receiver }));
      case "reportSuspended":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "suspended", receiver }));
      case "reportResumed":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "resumed", receiver }));
      case "say":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "said", receiver }));
      case "giveBack":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "returned", receiver }));
      case "recallDone":
        return this.#up(node, action.upstream, (receiver) => ({ type: "recalled", receiver }));
      case "grant": {
        const window = Math.min(action.window, this.#options.window ?? action.window);
        return this.#up(node, action.upstream, (child) => ({ ...action, type: "credit", child, window }));
      }
      case "drained":
        return this.#drained(node);
      case "wake":
        return node.clock.at(action.at, () => this.#handle(node, { type: "tick" }));
    }
  }

  #dispatch(node: SimNode, action: Extract<SchedulerAction, { type: "dispatch" }>): void {
    const { head } = action;
    if (head.hops < 0 || head.travelled > this.#options.hopLimit) {
      throw new InvariantError("I3", `a task travelled ${head.travelled} links with ${head.hops} left`);
    }
    const receiver = node.scheduler.state.receivers.get(action.receiver);
    const { active = 0, credit: { window = 0 } = {} } = receiver ?? {};
    if (active > window) throw new InvariantError("I6", `${active} tasks sent where ${window} may be`);
    this.#down(node, action.receiver, (upstream) => ({ ...action, type: "accept", upstream }));
  }

  #down(node: SimNode, receiver: number, make: (upstream: number) => SchedulerEvent): void {
    const link = node.down.get(receiver);
    if (link === undefined || link.wire.state === "broken") return;
    this.#messages++;
    link.wire.down.send(this.#options.delay(this.#draw), () => this.#handle(link.lower, make(link.upstream)));
  }

  #up(node: SimNode, upstream: number, make: (receiver: number) => SchedulerEvent): void {
    const link = node.up.get(upstream);
    if (link === undefined || link.wire.state === "broken") return;
    this.#messages++;
    link.wire.up.send(this.#options.delay(this.#draw), () => this.#handle(link.upper, make(link.receiver)));
  }

  #startRun(node: SimNode, action: Extract<SchedulerAction, { type: "dispatch" }>): void {
    const { duty } = node.scheduler.state;
    if (duty !== "working") throw new InvariantError("I4", `${node.id} starts a task although it is ${duty}`);
    this.#deepest = Math.max(this.#deepest, action.head.travelled);
    node.pool.start(action);
  }

  #outcomes(): Outcomes {
    const submitters = this.#executors.map((each) => each.submitter);
    const all = submitters.flatMap((each) => each.settled);
    const ran = new Map<string, number>();
    for (const { id, pool } of this.#nodes) ran.set(id, (ran.get(id) ?? 0) + pool.ran);
    const count = (wanted: Settled): number => all.filter((each) => each === wanted).length;
    return {
      finished: count("finished"),
      failed: count("failed"),
      cancelled: count("cancelled"),
      answered: submitters.flatMap((each) => each.settled.slice(0, this.#options.tasks)).filter(isFinished).length,
      makespan: this.#lastSettled,
      events: this.#events,
      messages: this.#messages,
      deepest: this.#deepest,
      nested: submitters.reduce((sum, each) => sum + each.nested, 0),
      orphaned: submitters.reduce((sum, each) => sum + each.orphaned, 0),
      tally: { ...this.#tally },
      ran,
    };
  }
}

function isFinished(settled: Settled | undefined): boolean {
  return settled === "finished";
}

/** When all is settled and every message has arrived, nobody holds anything: no task, no slot, no count. */
function expectNothingLeft({ id, scheduler, pool }: SimNode): void {
  validate(scheduler);
  const { state, load } = scheduler;
  const left = { ...load, leases: state.leases.size, ready: state.ready.size, runs: pool.runs.size };
  for (const [what, count] of Object.entries(left)) {
    if (count > 0) throw new InvariantError("I1", `${id} still counts ${count} ${what} when all is over`);
  }
}
