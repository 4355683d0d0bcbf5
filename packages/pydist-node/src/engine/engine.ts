import type { Content, Port, Submitter } from "@pydist/futures";
import {
  type BatchHeader,
  type Bodies,
  countOf,
  type DownNote,
  decodeFrame,
  type Frame,
  type NodeDescription,
  type Order,
  type Ranges,
  type Stop,
} from "@pydist/protocol";
import { type Duty, PATIENCE, POOL, Scheduler, type SchedulerAction, type SchedulerEvent } from "@pydist/scheduler";
import { EventEmitter } from "eventemitter3";
import type { CloseReason, LinkLike } from "../links/link-like.js";
import { type Logger, silent } from "../logger.js";
import { Account } from "./account.js";
import { CodeExchange } from "./code-exchange.js";
import type { EngineEvents, EngineOptions } from "./engine-options.js";
import { checkFrame, malformed } from "./frame-schema.js";
import { logDropped, logLost } from "./losses.js";
import { type OrderAnswer, Orders } from "./orders.js";
import { type DownPeer, describe, hasLeft, mayTell, type PeerInfo, Peers, SUBMITTER, type UpPeer } from "./peer.js";
import { Roll } from "./roll.js";
import { type Step, Trail } from "./trail.js";
import { eventFromAbove, eventFromBelow, frameOf, type Outgoing, tell, withStop } from "./translate.js";
import { TreeExchange } from "./tree-exchange.js";
import { Voices } from "./voices.js";
import { Workshop } from "./workshop.js";

/**
 * Drives one scheduler: turns frames and the pool's news into its events, and its actions into frames and runs.
 * The same engine is in every node and in every executor; what differs is who is above and below (design decision 13).
 */
export class Engine extends EventEmitter<EngineEvents> implements Port {
  /** What is submitted in this process is the program's own. */
  readonly depth = 0;
  readonly options: EngineOptions;
  readonly #peers: Peers;
  readonly #codes: CodeExchange;
  readonly #trees: TreeExchange;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #roll: Roll;
  readonly #orders: Orders;
  readonly #voices: Voices;
  readonly #account: Account;
  readonly #trail: Trail;
  readonly #workshop: Workshop | undefined;
  readonly #events: SchedulerEvent[] = [];
  #submitter: Submitter | undefined;
  #state: "handling" | "resting" | "closed" = "resting";
  /** Tasks from the submitter that wait for their turn among the events. */
  #arriving = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(options: EngineOptions) {
    super();
    this.options = options;
    this.#logger = options.logger ?? silent;
    this.#peers = new Peers(this.#logger);
    this.#codes = new CodeExchange(this.#peers);
    this.#trees = new TreeExchange(this.#peers, this.#logger, options.cache ?? {});
    const { id, workers, tasksPerWorker, hopLimit, routesOnly } = options;
    this.#scheduler = new Scheduler({ node: id, slots: workers * tasksPerWorker, hopLimit, routesOnly });
    const listener = {
      reached: (child: number, nodes: readonly NodeDescription[]) =>
        this.#handle({ type: "nodesJoined", child, nodes }),
      unreached: (child: number, ids: readonly string[]) => this.#handle({ type: "nodesLost", child, ids }),
      nodeJoined: (node: NodeDescription) => void this.emit("nodeJoined", node),
      nodeLost: (node: NodeDescription, cause: string) => void this.emit("nodeLost", node, cause),
      reunited: (child: number) => this.#handle({ type: "reunited", child }),
    };
    const sources = { scheduler: this.#scheduler, peers: this.#peers, workshop: () => this.#workshop };
    this.#account = new Account({ ...sources, options, codes: this.#codes, trees: this.#trees });
    this.#roll = new Roll(this.#peers, this.#logger, listener, (what, to) => this.#account.answer(what, to));
    const self = () => this.#account.describe();
    this.#orders = new Orders(this.#peers, this.#roll, { self, obey: options.obey, dump: () => this.dump() });
    const station = () => ({ node: id, name: options.name, address: options.self?.().address ?? "" });
    this.#trail = new Trail({ ...sources, roll: this.#roll, self: station });
    this.#voices = new Voices(this.#peers, this.#logger, options, this);
    if (workers === 0) return;
    this.#workshop = new Workshop({
      ...options,
      node: id,
      codes: this.#codes,
      trees: (keys) => this.#trees.find(keys),
      handle: (event) => this.#handle(event),
      infoOf: (lease) => this.#scheduler.infoOf(lease),
      voices: this.#voices,
      logger: this.#logger,
    });
  }

  /** Runs under way on this node's slots, tasks that began here and wait for their own, and tasks that wait here. */
  get load(): { readonly running: number; readonly suspended: number; readonly queued: number } {
    const { running, suspended, queued } = this.#scheduler.load;
    return { running, suspended, queued: queued + this.#arriving };
  }

  /** Tasks that were handed on, to the own pool or below, and have not come back. */
  get lent(): number {
    return this.#scheduler.lent;
  }

  take(duty: Duty): void {
    this.#handle({ type: "duty", duty });
  }

  /** The nodes below. */
  get below(): Roll["directory"] {
    return this.#roll.directory;
  }

  /** Links to those that are reached without another one between. */
  get children(): LinkLike[] {
    return [...this.#peers.down.values()].map(({ link }) => link);
  }

  // ---- the executor in this process

  get executor(): string {
    return this.options.id;
  }

  get queued(): number {
    return this.load.queued;
  }

  attach(submitter: Submitter): void {
    this.#submitter = submitter;
    this.#handle({ type: "upstreamJoined", upstream: SUBMITTER, own: true });
  }

  /** Tasks of this process are about to name it. */
  keep(content: Content): void {
    this.#codes.keep(content);
  }

  letGo(hash: string): void {
    this.#codes.letGo(hash);
  }

  /** A tree that tasks of this process are about to name, by its hash. */
  keepTree(hash: string): void {
    void this.#trees.keep(hash);
  }

  submit(lease: number, head: BatchHeader, bodies: Bodies, cancelled: Ranges = []): void {
    this.#arriving += countOf(bodies);
    this.#handle({ type: "accept", upstream: SUBMITTER, lease, head, bodies, cancelled });
  }

  cancel(lease: number, ranges: Ranges, stop?: Stop): void {
    this.#handle({ type: "cancel", upstream: SUBMITTER, lease, ranges, ...withStop(stop) });
  }

  /** Tells a running task of this process's executor something. */
  tell(lease: number, index: number, call: string, note: DownNote, bodies?: Bodies): void {
    this.#handle({ type: "told", upstream: SUBMITTER, lease, index, call, note, bodies });
  }

  // ---- peers

  /** A parent, or an executor that attached itself, may now hand tasks down; a client may ask. */
  addUpstream(link: LinkLike, info: PeerInfo): void {
    const peer = this.#peers.addUp(link, info);
    link.on("message", (bytes) => this.#receive(peer, bytes));
    link.on("close", (reason) => this.#upstreamLost(peer, describe(reason)));
    link.on("drain", () => this.#measureFlow(peer));
    if (info.role === "client") return;
    if (info.role === "node") {
      link.on("away", () => this.#handle({ type: "upstreamAway", upstream: peer.key }));
      link.on("back", () => this.#handle({ type: "upstreamBack", upstream: peer.key }));
      this.#trees.parentJoined();
    }
    const self = this.options.self?.(link);
    if (self !== undefined) this.#roll.introduce(self, peer);
    this.#handle({ type: "upstreamJoined", upstream: peer.key, own: false });
  }

  /** A child, or the node that this executor is attached to, may now be handed tasks. */
  addChild(link: LinkLike, info: PeerInfo): void {
    const peer = this.#peers.addDown(link, info);
    link.on("message", (bytes) => this.#receive(peer, bytes));
    link.on("close", (reason) => this.#childLost(peer, reason));
    this.#handle({ type: "childJoined", child: peer.key, node: info.id, attachment: this.options.routesOnly });
  }

  #upstreamLost(peer: UpPeer, cause: string): void {
    if (!this.#peers.up.delete(peer.key)) return;
    logDropped(this.#logger, this.#scheduler, peer, cause);
    this.#codes.upstreamLost(peer.key);
    const parent = peer.info.role === "node";
    this.#trees.upstreamLost(peer.key, parent ? PATIENCE.forParent : 0);
    this.#handle({ type: "upstreamLost", upstream: peer.key, ...(parent ? { role: "parent" } : {}) });
  }

  #childLost(peer: DownPeer, reason: CloseReason): void {
    if (!this.#peers.down.delete(peer.key)) return;
    const cause = describe(reason);
    logLost(this.#logger, this.#scheduler, peer, cause);
    const orphans = this.#roll.childLost(peer, cause, hasLeft(reason));
    this.#handle({ type: "childLost", child: peer.key, cause, orphans });
  }

  #measureFlow(peer: UpPeer): void {
    const flow = this.#peers.flowTo(peer);
    if (flow === peer.flow || !this.#peers.up.has(peer.key)) return;
    peer.flow = flow;
    this.#handle({ type: "upstreamClogged", upstream: peer.key, clogged: flow === "clogged" });
  }

  // ---- frames in

  #receive(peer: UpPeer | DownPeer, bytes: Uint8Array): void {
    try {
      const { frame: arrived, payload } = decodeFrame(bytes);
      const frame = checkFrame(arrived);
      if (frame === undefined) return;
      if (!mayTell(peer, frame))
        throw malformed(`"${frame.t}" from ${peer.info.role === "node" ? "a" : "an"} ${peer.info.role}`);
      if (peer.direction === "up") this.#fromAbove(peer, frame, payload);
      else this.#fromBelow(peer, frame, payload);
    } catch (error) {
      this.#peers.refuse(peer, error);
    }
  }

  #fromAbove(peer: UpPeer, frame: Frame, payload: Uint8Array): void {
    const event = eventFromAbove(frame, payload, peer.key);
    if (event !== undefined) {
      if (event.type === "accept") this.#codes.namedBy(event.head, peer.key);
      return this.#handle(event);
    }
    switch (frame.t) {
      case "code":
        void this.#codes.arrived(frame, payload).then(undefined, (error) => this.#peers.refuse(peer, error));
        return;
      case "noCode":
        return this.#codes.missing(frame.hash, peer.key, frame.why);
      case "ask":
        return this.#peers.answer(peer, frame.id, this.#roll.ask(frame.what, peer.link, frame.time));
      case "trace": {
        const { id, lease, index, time } = frame;
        return this.#peers.answer(peer, id, this.#trail.follow({ upstream: peer.key, lease, index }, time));
      }
      case "order":
        return this.#peers.answer(peer, frame.id, this.#orders.give(frame.order, frame.node));
      case "ancestry":
        this.emit("ancestry", frame.chain, frame.settled);
        return;
      default:
        return this.#trees.fromAbove(peer, frame, payload);
    }
  }

  #fromBelow(peer: DownPeer, frame: Frame, payload: Uint8Array): void {
    const event = eventFromBelow(frame, payload, peer.key);
    if (event !== undefined) return this.#handle(event);
    switch (frame.t) {
      case "needCode":
        return this.#codes.give(peer, frame.hash);
      case "stray":
        return this.#voices.stray(frame, frame.node);
      case "output":
        return this.#voices.output(frame);
      case "answer":
        return this.#roll.answered(peer, frame.id, frame.value);
      case "nodeJoined":
        return this.#roll.joined(frame.nodes, peer);
      case "nodeLost":
        return this.#roll.lost(frame.ids, peer, frame.cause, frame.left);
      default:
        return this.#trees.fromBelow(peer, frame);
    }
  }

  /** Asks this node and all below; a list with what each of them knows of itself. */
  ask(what: string): Promise<unknown[]> {
    return this.#roll.ask(what);
  }

  /** Has a node below do it. */
  order(order: Order, node: string): Promise<OrderAnswer> {
    return this.#orders.give(order, node);
  }

  /** Where a task of this process's executor is: all nodes on its way. `time` is as `Trail`'s. */
  trace(lease: number, index: number, time: number): Promise<Step[]> {
    return this.#trail.follow({ upstream: SUBMITTER, lease, index }, time);
  }

  /** All that this engine knows of itself, for those who look for a fault. */
  dump(): object {
    return this.#account.dump();
  }

  // ---- the scheduler

  /** Events that come while one is being handled, as the pool's answers do, wait for their turn. */
  #handle(event: SchedulerEvent): void {
    if (this.#state === "closed") return;
    this.#events.push(event);
    if (this.#state === "handling") return;
    this.#state = "handling";
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        if (next.type === "accept" && next.upstream === SUBMITTER) this.#arriving -= countOf(next.bodies);
        for (const action of this.#scheduler.handle(next, performance.now())) this.#perform(action);
      }
    } finally {
      if (this.#state === "handling") this.#state = "resting";
    }
  }

  #perform(action: SchedulerAction): void {
    if (action.type === "wake") {
      clearTimeout(this.#wake);
      this.#wake = setTimeout(() => this.#handle({ type: "tick" }), Math.max(0, action.at - performance.now()));
      this.#wake.unref();
    } else if (action.type === "drained") this.emit("drained");
    else if (action.type === "resumeAt") this.#workshop?.perform(action);
    else if ("receiver" in action) {
      if (action.receiver === POOL) return this.#workshop?.perform(action);
      this.#send(action.receiver, action);
    } else if (action.upstream === SUBMITTER) tell(this.#submitter, action);
    else this.#send(action.upstream, action);
  }

  #send(key: number, action: Outgoing): void {
    const peer = this.#peers.up.get(key) ?? this.#peers.down.get(key);
    if (peer === undefined) return;
    const { frame, bodies } = frameOf(action);
    this.#peers.send(peer, frame, bodies);
    if (peer.direction === "up") this.#measureFlow(peer);
  }

  /** Closes every link and ends every thread; what is unsettled stays so. */
  async close(reason: string): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#wake);
    await Promise.all([this.#peers.close(reason), this.#workshop?.close()]);
    await this.#trees.close();
  }
}
