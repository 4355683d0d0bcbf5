import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  bodyAt,
  countOf,
  Outcome,
  outcomeAt,
  sliceBodies,
} from "@pydist/protocol";
import {
  eachIndex,
  InvariantError,
  POOL,
  Scheduler,
  type SchedulerAction,
  type SchedulerEvent,
  validate,
} from "@pydist/scheduler";
import { Agenda, random } from "./agenda.js";

/** The executor's own upstream: the submitter in its process. */
const SUBMITTER = 1;

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly executors: number;
  /** Tasks that each executor submits. */
  readonly tasks: number;
  /** Milliseconds of one task; drawn per task. */
  readonly duration: (draw: () => number) => number;
  /** Milliseconds of a link, one way; drawn per message. */
  readonly delay: (draw: () => number) => number;
  readonly slots: (draw: () => number) => number;
  /** Index of the parent of node `i > 0`. */
  readonly parent: (index: number, draw: () => number) => number;
  readonly hopLimit: number;
  /** Faults and joins, each at a random time within the first `faultsUntil` milliseconds. */
  readonly losses: number;
  readonly cuts: number;
  readonly joins: number;
  readonly cancels: number;
  readonly faultsUntil: number;
  /** Check every invariant after every event, not only at the end. */
  readonly validate: boolean;
}

export interface Outcomes {
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly makespan: number;
  readonly events: number;
  readonly messages: number;
  readonly deepest: number;
  /** How many tasks each node ran. */
  readonly ran: ReadonlyMap<string, number>;
}

/** A link between two schedulers. Messages keep their order; those under way when it breaks are lost. */
interface Link {
  readonly upper: SimNode;
  readonly lower: SimNode;
  /** The upper end's name of the lower one, and the reverse. */
  readonly receiver: number;
  readonly upstream: number;
  state: "open" | "broken";
  lastDown: number;
  lastUp: number;
}

interface Run {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly bodies: Bodies;
  next: number;
  end: number;
  readonly cancelled: Set<number>;
}

interface SimNode {
  readonly id: string;
  readonly role: "node" | "executor";
  readonly scheduler: Scheduler;
  readonly up: Map<number, Link>;
  readonly down: Map<number, Link>;
  readonly runs: Map<number, Run>;
  readonly slots: number;
  state: "alive" | "dead";
  lastName: number;
  ran: number;
}

/** Any number of production schedulers under one virtual clock and a network that may fail. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #agenda = new Agenda();
  readonly #draw: () => number;
  readonly #nodes: SimNode[] = [];
  readonly #executors: SimNode[] = [];
  /** By executor and task: how it was settled. */
  readonly #settled = new Map<string, ("finished" | "failed" | "cancelled" | undefined)[]>();
  readonly #cancelRequested = new Set<string>();
  #open = 0;
  #events = 0;
  #messages = 0;
  #deepest = 0;
  #lastSettled = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#draw = random(options.seed);
  }

  run(): Outcomes {
    this.#build();
    this.#submitAll();
    this.#planFaults();
    // Far more than any healthy schedule needs: reaching it means that something goes round in circles.
    const mostEvents = 2_000_000;
    while (this.#open > 0 && this.#agenda.step()) {
      if (this.#events > mostEvents)
        throw new InvariantError("I1", `${this.#open} tasks still open after ${mostEvents} events`);
    }
    if (this.#open > 0) throw new InvariantError("I1", `${this.#open} tasks never settled`);
    return this.#outcomes();
  }

  #build(): void {
    const { nodes, executors, slots, parent } = this.#options;
    for (let i = 0; i < nodes; i++) {
      const node = this.#addNode("node", slots(this.#draw));
      this.#nodes.push(node);
      if (i > 0) this.#connect(this.#nodes[parent(i, this.#draw)] as SimNode, node);
    }
    for (let e = 0; e < executors; e++) {
      const executor = this.#addNode("executor", 0);
      this.#executors.push(executor);
      this.#handle(executor, { type: "upstreamJoined", upstream: SUBMITTER, own: true });
      this.#connect(this.#nodes[0] as SimNode, executor, true);
    }
  }

  #addNode(role: SimNode["role"], slots: number): SimNode {
    const id = `${role}${this.#nodes.length + this.#executors.length}`;
    const { hopLimit } = this.#options;
    const scheduler = new Scheduler({ node: id, slots, hopLimit, routesOnly: role === "executor" });
    const maps = { up: new Map(), down: new Map(), runs: new Map() };
    return { id, role, scheduler, slots, state: "alive", lastName: SUBMITTER, ran: 0, ...maps };
  }

  /** An executor is above the node that it is attached to; a node is below its parent. */
  #connect(parent: SimNode, child: SimNode, attachment = false): void {
    const [upper, lower] = attachment ? [child, parent] : [parent, child];
    const link: Link = {
      upper,
      lower,
      receiver: ++upper.lastName,
      upstream: ++lower.lastName,
      state: "open",
      lastDown: this.#agenda.now,
      lastUp: this.#agenda.now,
    };
    upper.down.set(link.receiver, link);
    lower.up.set(link.upstream, link);
    this.#handle(upper, { type: "childJoined", child: link.receiver, node: lower.id, attachment });
    this.#handle(lower, { type: "upstreamJoined", upstream: link.upstream, own: false });
  }

  #submitAll(): void {
    for (const executor of this.#executors) {
      const { tasks, hopLimit } = this.#options;
      this.#settled.set(executor.id, new Array(tasks));
      this.#open += tasks;
      let first = 0;
      for (let batch = 1; first < tasks; batch++) {
        const count = Math.min(tasks - first, 1 + Math.floor(this.#draw() * 400));
        const builder = new BodiesBuilder();
        for (let i = 0; i < count; i++) builder.add({ kind: 0, text: `[${first + i}]`, bytes: undefined });
        const head: BatchHeader = {
          code: "c0de",
          name: "simulated",
          executor: executor.id,
          batch,
          first,
          hops: hopLimit,
          travelled: 0,
          priority: Math.floor(this.#draw() * 3),
          attempts: 3,
          attempt: 1,
          depth: 0,
          grace: 1000,
        };
        const bodies = builder.build();
        this.#handle(executor, { type: "accept", upstream: SUBMITTER, lease: first, head, bodies });
        first += count;
      }
    }
  }

  #planFaults(): void {
    const { losses, cuts, joins, cancels, faultsUntil, slots } = this.#options;
    const sometime = (what: () => void): void => this.#agenda.at(this.#draw() * faultsUntil, what);
    for (let i = 0; i < losses; i++) sometime(() => this.#lose(this.#anyNode()));
    for (let i = 0; i < cuts; i++) sometime(() => this.#cut(this.#anyNode()));
    for (let i = 0; i < cancels; i++) sometime(() => this.#cancelSome());
    for (let i = 0; i < joins; i++) {
      sometime(() => this.#join(Math.max(1, slots(this.#draw))));
    }
    // When all who could work are gone, the tasks wait for somebody to come.
    this.#agenda.at(faultsUntil, () => this.#join(1));
  }

  #join(slots: number): void {
    const node = this.#addNode("node", slots);
    this.#nodes.push(node);
    this.#connect(this.#placeFor(node), node);
  }

  /** A living node; the root, where the executors are attached, only if asked for. */
  #anyNode(rootToo = false, except?: SimNode): SimNode {
    const living = this.#nodes.filter((node, i) => node.state === "alive" && node !== except && (rootToo || i > 0));
    return (living[Math.floor(this.#draw() * living.length)] ?? this.#nodes[0]) as SimNode;
  }

  #lose(node: SimNode): void {
    if (node === this.#nodes[0]) return;
    node.state = "dead";
    for (const link of [...node.up.values(), ...node.down.values()]) this.#break(link);
  }

  #cut(node: SimNode): void {
    for (const link of node.up.values()) if (link.upper.role === "node") this.#break(link);
  }

  /** Both ends notice, each in its own time; the lower one joins somewhere else. */
  #break(link: Link): void {
    if (link.state === "broken") return;
    link.state = "broken";
    const { upper, lower } = link;
    this.#agenda.after(this.#draw() * 20, () => {
      if (!upper.down.delete(link.receiver) || upper.state === "dead") return;
      this.#handle(upper, { type: "childLost", child: link.receiver, cause: "simulated" });
    });
    this.#agenda.after(this.#draw() * 20, () => {
      if (!lower.up.delete(link.upstream) || lower.state === "dead") return;
      this.#handle(lower, { type: "upstreamLost", upstream: link.upstream });
      const above = this.#placeFor(lower);
      this.#agenda.after(this.#draw() * 20, () => {
        if (lower.state === "alive" && lower.up.size === 0)
          this.#connect(above.state === "alive" ? above : (this.#nodes[0] as SimNode), lower);
      });
    });
  }

  /** A living node that is not below the given one, so that no cycle comes about. */
  #placeFor(node: SimNode): SimNode {
    for (let tries = 0; tries < 5; tries++) {
      const place = this.#anyNode(true, node);
      let above: SimNode | undefined = place;
      while (above !== undefined && above !== node) above = this.#parentOf(above);
      if (above !== node && this.#isRooted(place)) return place;
    }
    return this.#nodes[0] as SimNode;
  }

  #parentOf(node: SimNode): SimNode | undefined {
    for (const link of node.up.values()) if (link.upper.role === "node") return link.upper;
    return undefined;
  }

  #isRooted(node: SimNode): boolean {
    let above: SimNode | undefined = node;
    while (above !== undefined && above !== this.#nodes[0]) above = this.#parentOf(above);
    return above !== undefined;
  }

  #cancelSome(): void {
    const executor = this.#executors[Math.floor(this.#draw() * this.#executors.length)] as SimNode;
    for (const batch of executor.scheduler.state.upstreams.get(SUBMITTER)?.batches.values() ?? []) {
      if (this.#draw() < 0.5) continue;
      const from = Math.floor(this.#draw() * batch.count);
      const to = Math.min(batch.count, from + 1 + Math.floor(this.#draw() * 20));
      for (let i = from; i < to; i++) this.#cancelRequested.add(`${executor.id} ${batch.head.first + i}`);
      this.#handle(executor, { type: "cancel", upstream: SUBMITTER, lease: batch.upstreamLease, ranges: [from, to] });
      return;
    }
  }

  #handle(node: SimNode, event: SchedulerEvent): void {
    if (node.state === "dead") return;
    this.#events++;
    const actions = node.scheduler.handle(event, this.#agenda.now);
    if (this.#options.validate) validate(node.scheduler);
    for (const action of actions) this.#carryOut(node, action);
  }

  #carryOut(node: SimNode, action: SchedulerAction): void {
    switch (action.type) {
      case "dispatch":
        return action.receiver === POOL ? this.#startRun(node, action) : this.#dispatch(node, action);
      case "cancelAt":
        if (action.receiver === POOL) return this.#cancelInRun(node, action);
        return this.#down(node, action.receiver, (upstream) => ({ ...action, type: "cancel", upstream }));
      case "recallFrom":
        if (action.receiver === POOL) return this.#recallRuns(node, action.max);
        return this.#down(node, action.receiver, (upstream) => ({ type: "recall", upstream, max: action.max }));
      case "report":
        if (action.upstream === SUBMITTER) return this.#settle(node, action);
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "results", receiver }));
      case "reportStarted":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "started", receiver }));
      case "reportWaiting":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "waiting", receiver }));
      case "giveBack":
        return this.#up(node, action.upstream, (receiver) => ({ ...action, type: "returned", receiver }));
      case "recallDone":
        return this.#up(node, action.upstream, (receiver) => ({ type: "recalled", receiver }));
      case "grant":
        return this.#up(node, action.upstream, (child) => ({ ...action, type: "credit", child }));
      case "wake":
        return this.#agenda.at(action.at, () => this.#handle(node, { type: "tick" }));
    }
  }

  #dispatch(node: SimNode, action: Extract<SchedulerAction, { type: "dispatch" }>): void {
    const { head } = action;
    if (head.hops < 0 || head.travelled > this.#options.hopLimit) {
      throw new InvariantError("I3", `a task travelled ${head.travelled} links with ${head.hops} left`);
    }
    this.#down(node, action.receiver, (upstream) => ({ ...action, type: "accept", upstream }));
  }

  #down(node: SimNode, receiver: number, make: (upstream: number) => SchedulerEvent): void {
    const link = node.down.get(receiver);
    if (link === undefined || link.state === "broken") return;
    this.#messages++;
    link.lastDown = Math.max(link.lastDown, this.#agenda.now + this.#options.delay(this.#draw));
    this.#agenda.at(link.lastDown, () => {
      if (link.state === "open") this.#handle(link.lower, make(link.upstream));
    });
  }

  #up(node: SimNode, upstream: number, make: (receiver: number) => SchedulerEvent): void {
    const link = node.up.get(upstream);
    if (link === undefined || link.state === "broken") return;
    this.#messages++;
    link.lastUp = Math.max(link.lastUp, this.#agenda.now + this.#options.delay(this.#draw));
    this.#agenda.at(link.lastUp, () => {
      if (link.state === "open") this.#handle(link.upper, make(link.receiver));
    });
  }

  #startRun(node: SimNode, action: Extract<SchedulerAction, { type: "dispatch" }>): void {
    const { lease, head, bodies } = action;
    if (node.runs.size >= node.slots) throw new InvariantError("I4", `${node.id} runs more than ${node.slots} tasks`);
    const run: Run = { lease, head, bodies, next: 0, end: countOf(bodies), cancelled: new Set() };
    node.runs.set(lease, run);
    this.#deepest = Math.max(this.#deepest, head.travelled);
    this.#agenda.after(0, () => {
      this.#handle(node, { type: "started", receiver: POOL, lease, ranges: [0, 1] });
      this.#continue(node, run);
    });
  }

  /** Runs tasks for about five milliseconds, then hands out their results, as a worker does. */
  #continue(node: SimNode, run: Run): void {
    if (node.state === "dead") return;
    const from = run.next;
    let spent = 0;
    const times: number[] = [];
    const flags: number[] = [];
    while (run.next < run.end && spent < 5) {
      const index = run.next++;
      const cancelled = run.cancelled.has(index);
      const time = cancelled ? 0 : this.#options.duration(this.#draw);
      if (!cancelled) node.ran++;
      times.push(time);
      flags.push(cancelled ? Outcome.Cancelled : 0);
      spent += time;
    }
    if (from === run.next) {
      node.runs.delete(run.lease);
      return;
    }
    const to = run.next;
    this.#agenda.after(spent, () => {
      if (node.state === "dead") return;
      if (run.next === run.end && to === run.next) node.runs.delete(run.lease);
      const part = sliceBodies(run.bodies, from, to);
      const bodies = {
        ...part,
        kinds: part.kinds.map((kind, i) => kind | (flags[i] as number)),
        times: Float32Array.from(times),
      };
      const info = { node: node.id, hops: run.head.travelled, attempt: run.head.attempt };
      this.#handle(node, { type: "results", receiver: POOL, lease: run.lease, from, bodies, ...info });
      if (node.runs.get(run.lease) === run) this.#continue(node, run);
    });
  }

  #cancelInRun(node: SimNode, action: Extract<SchedulerAction, { type: "cancelAt" }>): void {
    const run = node.runs.get(action.lease);
    eachIndex(action.ranges, Number.MAX_SAFE_INTEGER, (index) => {
      if (run !== undefined && index >= run.next) run.cancelled.add(index);
    });
  }

  #recallRuns(node: SimNode, max: number): void {
    let left = max;
    for (const run of node.runs.values()) {
      const take = Math.min(left, run.end - run.next);
      if (take <= 0) continue;
      left -= take;
      run.end -= take;
      const ranges = [run.end, run.end + take];
      this.#agenda.after(0, () => this.#handle(node, { type: "returned", receiver: POOL, lease: run.lease, ranges }));
    }
    this.#agenda.after(0, () => this.#handle(node, { type: "recalled", receiver: POOL }));
  }

  /** I1: each task settles exactly once at its submitter, with its own value. */
  #settle(executor: SimNode, { lease, from, bodies }: Extract<SchedulerAction, { type: "report" }>): void {
    const settled = this.#settled.get(executor.id) as ("finished" | "failed" | "cancelled" | undefined)[];
    for (let i = 0; i < countOf(bodies); i++) {
      const task = lease + from + i;
      if (settled[task] !== undefined) throw new InvariantError("I1", `task ${task} settled twice`);
      const outcome = outcomeAt(bodies, i);
      if (outcome & Outcome.Cancelled) {
        if (!this.#cancelRequested.has(`${executor.id} ${task}`)) {
          throw new InvariantError("I1", `task ${task} was cancelled by nobody`);
        }
        settled[task] = "cancelled";
      } else if (outcome & Outcome.Failed) settled[task] = "failed";
      else {
        const value = new TextDecoder().decode(bodyAt(bodies, i));
        if (value !== `[${task}]`) throw new InvariantError("I1", `task ${task} got the result ${value}`);
        settled[task] = "finished";
      }
      this.#open--;
      this.#lastSettled = this.#agenda.now;
    }
  }

  #outcomes(): Outcomes {
    const all = [...this.#settled.values()].flat();
    return {
      finished: all.filter((each) => each === "finished").length,
      failed: all.filter((each) => each === "failed").length,
      cancelled: all.filter((each) => each === "cancelled").length,
      makespan: this.#lastSettled,
      events: this.#events,
      messages: this.#messages,
      deepest: this.#deepest,
      ran: new Map(this.#nodes.map((node) => [node.id, node.ran])),
    };
  }
}
