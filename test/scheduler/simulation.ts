import { BodiesBuilder } from "@pydist/protocol";
import { InvariantError, POOL, type SchedulerAction, type SchedulerEvent, validate } from "@pydist/scheduler";
import { random } from "../support/random.js";
import { Agenda } from "./agenda.js";
import { type Settled, SUBMITTER } from "./simulated-executor.js";
import { SimulatedFaults } from "./simulated-faults.js";
import { type SimNode, SimulatedTree } from "./simulated-tree.js";
import type { Outcomes, SimulationOptions } from "./simulation-options.js";

/** Any number of production schedulers under one virtual clock and a network that may fail. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #agenda = new Agenda();
  readonly #draw: () => number;
  readonly #tree: SimulatedTree;
  readonly #faults: SimulatedFaults;
  #checking: boolean;
  #events = 0;
  #messages = 0;
  #deepest = 0;
  #lastSettled = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#draw = random(options.seed);
    this.#checking = options.validate;
    const handle = (node: SimNode, event: SchedulerEvent): void => this.#handle(node, event);
    this.#tree = new SimulatedTree(options, this.#agenda, this.#draw, handle);
    this.#faults = new SimulatedFaults(options, this.#tree, this.#agenda, this.#draw, handle);
  }

  run(): Outcomes {
    this.#tree.grow();
    this.#submitAll();
    this.#faults.plan();
    this.#step(() => this.#open > 0);
    if (this.#open > 0) throw new InvariantError("I1", `${this.#open} tasks never settled: ${this.#whereabouts()}`);
    const outcomes = this.#outcomes();
    // Only the end counts of what is left to do by now.
    this.#checking = false;
    this.#step(() => true);
    for (const node of this.#tree.living()) expectNothingLeft(node);
    return outcomes;
  }

  /** For whoever looks for the reason. */
  #whereabouts(): string {
    const living = [...this.#tree.living()];
    const holding = living.map(({ id, scheduler }) => ({ id, load: scheduler.load, leases: scheduler.state.leases }));
    return holding
      .filter(({ load, leases }) => load.queued + leases.size > 0)
      .map(({ id, load, leases }) => `${id} has ${JSON.stringify({ ...load, leases: leases.size })}`)
      .join(", ");
  }

  /** Tasks that somebody still waits for. */
  get #open(): number {
    let open = 0;
    for (const { state, submitter } of this.#tree.executors) if (state === "alive") open += submitter.open;
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

  #submitAll(): void {
    const { tasks, spawning, placed = 0 } = this.#options;
    for (const { submitter } of this.#tree.executors) {
      let first = 0;
      while (first < tasks) {
        const count = Math.min(tasks - first, 1 + Math.floor(this.#draw() * 400));
        const builder = new BodiesBuilder();
        for (let i = 0; i < count; i++) builder.add({ kind: 0, text: `[${first + i}]`, bytes: undefined });
        const priority = Math.floor(this.#draw() * 3);
        const node = placed > 0 && this.#draw() < placed ? this.#tree.any(true).id : undefined;
        const only = node === undefined ? {} : { node };
        submitter.submit({ ...only, priority, depth: 0, grace: spawning === undefined ? 1000 : 20 }, builder.build());
        first += count;
      }
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
      case "offer":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "offered", receiver }));
      case "decline":
        return this.#down(node, action.receiver, (upstream) => ({ ...action, type: "declined", upstream }));
      case "recallDone":
        return this.#up(node, action.upstream, (receiver) => ({ type: "recalled", receiver }));
      case "grant": {
        const window = Math.min(action.window, this.#options.window ?? action.window);
        return this.#up(node, action.upstream, (child) => ({ ...action, type: "credit", child, window }));
      }
      case "drained":
        return this.#faults.drained(node);
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
    if (active > window && action.adopts === undefined)
      throw new InvariantError("I6", `${active} tasks sent where ${window} may be`);
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
    const { node: only = node.id } = action.head;
    if (only !== node.id) throw new InvariantError("I10", `${node.id} starts a task that is for ${only} alone`);
    if (duty !== "working") throw new InvariantError("I4", `${node.id} starts a task although it is ${duty}`);
    this.#deepest = Math.max(this.#deepest, action.head.travelled);
    node.pool.start(action);
  }

  #outcomes(): Outcomes {
    const submitters = this.#tree.executors.map((each) => each.submitter);
    const all = submitters.flatMap((each) => each.settled);
    const ran = new Map<string, number>();
    for (const { id, pool } of this.#tree.nodes) ran.set(id, (ran.get(id) ?? 0) + pool.ran);
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
      tally: { ...this.#tree.tally },
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
