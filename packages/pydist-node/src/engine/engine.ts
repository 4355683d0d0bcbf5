import {
  type Ancestor,
  type BatchHeader,
  type Bodies,
  type Credit,
  countOf,
  decodeFrame,
  encodeFailure,
  encodeFrame,
  type Frame,
  type NodeDescription,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
  repeatBody,
  unpackBodies,
} from "@pydist/protocol";
import { POOL, Scheduler, type SchedulerAction, type SchedulerEvent } from "@pydist/scheduler";
import { EventEmitter } from "eventemitter3";
import type { CloseReason, LinkLike } from "../links/link-like.js";
import { type Logger, silent } from "../logger.js";
import { Pool } from "../pool/pool.js";
import { CodeStore } from "./code-store.js";
import { Directory } from "./directory.js";
import type { DownPeer, PeerInfo, UpPeer } from "./peer.js";

/** The upstream that is the executor in this process. */
const SUBMITTER = 1;
/** While this many bytes of results wait for an upstream, none of its tasks are started. */
const CLOGGED_BYTES = 32 * 1024 * 1024;
/** How long, in milliseconds, a peer below has to answer a question. */
const ANSWER_TIME = 5000;

export interface EngineOptions {
  /** Id of this node or executor; results name it. */
  readonly id: string;
  /** Worker threads; 0 for none. */
  readonly workers: number;
  readonly tasksPerWorker: number;
  readonly hopLimit: number;
  /** An attached executor: no slots, and its links cost no hop. */
  readonly routesOnly: boolean;
  /** This node as others are told of it; absent for an executor that is no node. */
  readonly self?: () => NodeDescription;
  readonly logger?: Logger;
}

/** What comes back to the executor in this process. */
export interface Submitter {
  report(lease: number, from: number, bodies: Bodies, info: ResultInfo): void;
  started(lease: number, ranges: Ranges): void;
  granted(credit: Credit): void;
}

/** What the pool of this process did, for all executors together. */
export interface Tally {
  completed: number;
  failed: number;
  busyMs: number;
  bytesIn: number;
  bytesOut: number;
}

export interface EngineEvents {
  nodeJoined: (node: NodeDescription) => void;
  nodeLost: (node: NodeDescription, cause: string) => void;
  peerLost: (peer: UpPeer | DownPeer, cause: string) => void;
  ancestry: (peer: UpPeer, chain: readonly Ancestor[], settled: boolean) => void;
  /** A task left something behind that threw after it was over. */
  stray: (name: string, message: string) => void;
}

function describe({ kind, detail }: CloseReason): string {
  return detail === "" ? kind : `${kind}: ${detail}`;
}

/**
 * Drives one scheduler: turns frames and the pool's news into its events, and its actions into frames and runs.
 * The same engine is in every node and in every executor; what differs is who is above and below (design decision 13).
 */
export class Engine extends EventEmitter<EngineEvents> {
  readonly options: EngineOptions;
  readonly codes = new CodeStore();
  readonly directory = new Directory();
  readonly tally: Tally = { completed: 0, failed: 0, busyMs: 0, bytesIn: 0, bytesOut: 0 };
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #pool: Pool | undefined;
  readonly #up = new Map<number, UpPeer>();
  readonly #down = new Map<number, DownPeer>();
  readonly #events: SchedulerEvent[] = [];
  /** By code: the upstream that last sent tasks of it down, to be asked when a child lacks it. */
  readonly #sources = new Map<string, number>();
  #submitter: Submitter | undefined;
  #state: "handling" | "resting" | "closed" = "resting";
  /** Tasks from the submitter that wait for their turn among the events. */
  #arriving = 0;
  #lastKey = SUBMITTER;
  #lastQuestion = 0;
  #wake: NodeJS.Timeout | undefined;

  constructor(options: EngineOptions) {
    super();
    this.options = options;
    this.#logger = options.logger ?? silent;
    const slots = options.workers * options.tasksPerWorker;
    this.#scheduler = new Scheduler({
      node: options.id,
      slots,
      hopLimit: options.hopLimit,
      routesOnly: options.routesOnly,
    });
    if (options.workers === 0) return;
    this.#pool = new Pool(
      { node: options.id, workers: options.workers, tasksPerWorker: options.tasksPerWorker },
      {
        results: (lease, from, bodies) => this.#poolResults(lease, from, bodies),
        started: (lease, ranges) => this.#handle({ type: "started", receiver: POOL, lease, ranges }),
        returned: (lease, ranges) => this.#handle({ type: "returned", receiver: POOL, lease, ranges }),
        stray: (name, message) => {
          this.#logger.error({ task: name }, `A task left an error behind after it was over: ${message}`);
          this.emit("stray", name, message);
        },
      },
    );
  }

  /** Runs under way on this node's slots, and tasks that wait here. */
  get load(): { readonly running: number; readonly queued: number } {
    const { running, queued } = this.#scheduler.load;
    return { running, queued: queued + this.#arriving };
  }

  get upPeers(): readonly UpPeer[] {
    return [...this.#up.values()];
  }

  get downPeers(): readonly DownPeer[] {
    return [...this.#down.values()];
  }

  // ---- the executor in this process

  attachSubmitter(submitter: Submitter): void {
    this.#submitter = submitter;
    this.#handle({ type: "upstreamJoined", upstream: SUBMITTER, own: true });
  }

  submit(lease: number, head: BatchHeader, bodies: Bodies): void {
    this.#arriving += countOf(bodies);
    this.#handle({ type: "accept", upstream: SUBMITTER, lease, head, bodies });
  }

  cancel(lease: number, ranges: Ranges): void {
    this.#handle({ type: "cancel", upstream: SUBMITTER, lease, ranges });
  }

  // ---- peers

  /** A parent, or an executor that attached itself, may now hand tasks down. */
  addUpstream(link: LinkLike, info: PeerInfo): UpPeer {
    const peer: UpPeer = { direction: "up", key: ++this.#lastKey, link, info, flow: "clear" };
    this.#up.set(peer.key, peer);
    link.on("message", (bytes) => this.#receive(peer, bytes));
    link.on("close", (reason) => this.#upstreamLost(peer, describe(reason)));
    link.on("drain", () => this.#measureFlow(peer));
    // A client, such as the status command, only asks.
    if (info.role === "client") return peer;
    const self = this.options.self?.();
    if (self !== undefined) this.#send(peer, { t: "nodeJoined", nodes: [self, ...this.directory.nodes] });
    this.#handle({ type: "upstreamJoined", upstream: peer.key, own: false });
    return peer;
  }

  /** A child, or the node that this executor is attached to, may now be handed tasks. */
  addChild(link: LinkLike, info: PeerInfo): DownPeer {
    const peer: DownPeer = { direction: "down", key: ++this.#lastKey, link, info, asked: new Map() };
    this.#down.set(peer.key, peer);
    link.on("message", (bytes) => this.#receive(peer, bytes));
    link.on("close", (reason) => this.#childLost(peer, describe(reason)));
    this.#handle({ type: "childJoined", child: peer.key, attachment: this.options.routesOnly });
    return peer;
  }

  tellChildren(frame: Frame): void {
    for (const peer of this.#down.values()) this.#send(peer, frame);
  }

  #tellAbove(frame: Frame): void {
    for (const peer of this.#up.values()) if (peer.info.role !== "client") this.#send(peer, frame);
  }

  #upstreamLost(peer: UpPeer, cause: string): void {
    if (!this.#up.delete(peer.key)) return;
    this.codes.sourceLost(peer.key);
    for (const [hash, source] of this.#sources) if (source === peer.key) this.#sources.delete(hash);
    this.#handle({ type: "upstreamLost", upstream: peer.key });
    this.emit("peerLost", peer, cause);
  }

  #childLost(peer: DownPeer, cause: string): void {
    if (!this.#down.delete(peer.key)) return;
    for (const answer of peer.asked.values()) answer(undefined);
    this.#nodesLost(this.directory.idsVia(peer.key), peer, cause);
    this.#handle({ type: "childLost", child: peer.key, node: peer.info.id, cause });
    this.emit("peerLost", peer, cause);
  }

  #measureFlow(peer: UpPeer): void {
    const flow = peer.link.buffered > CLOGGED_BYTES ? "clogged" : "clear";
    if (flow === peer.flow || !this.#up.has(peer.key)) return;
    peer.flow = flow;
    this.#handle({ type: "upstreamClogged", upstream: peer.key, clogged: flow === "clogged" });
  }

  #send(peer: UpPeer | DownPeer, frame: Frame, bodies?: Bodies): void {
    const bytes = encodeFrame(frame, bodies);
    this.tally.bytesOut += bytes.length;
    if (frame.t === "credit") peer.link.latest("credit", bytes);
    else peer.link.send(bytes);
  }

  // ---- frames in

  #receive(peer: UpPeer | DownPeer, bytes: Uint8Array): void {
    this.tally.bytesIn += bytes.length;
    try {
      const { frame, payload } = decodeFrame(bytes);
      if (peer.direction === "up") this.#receiveDown(peer, frame, payload);
      else this.#receiveUp(peer, frame, payload);
    } catch (error) {
      this.#logger.error({ peer: peer.info.id, error }, "A peer sent what cannot be understood; its link is closed");
      void peer.link.close("a frame could not be understood");
    }
  }

  /** From above. Unknown frames are of a newer version and passed over. */
  #receiveDown(peer: UpPeer, frame: Frame, payload: Uint8Array): void {
    const upstream = peer.key;
    switch (frame.t) {
      case "tasks":
        return this.#handle({
          type: "accept",
          upstream,
          lease: frame.lease,
          head: frame.head,
          bodies: unpackBodies(payload),
        });
      case "cancel":
        return this.#handle({ type: "cancel", upstream, lease: frame.lease, ranges: frame.ranges });
      case "recall":
        return this.#handle({ type: "recall", upstream, id: frame.id, max: frame.max });
      case "code":
        return this.codes.add(frame.hash, frame.text);
      case "noCode":
        return this.codes.missing(frame.hash, upstream, frame.why);
      case "ask":
        void this.ask(frame.what).then((value) => this.#send(peer, { t: "answer", id: frame.id, value }));
        return;
      case "ancestry":
        this.emit("ancestry", peer, frame.chain, frame.settled);
    }
  }

  /** From below. */
  #receiveUp(peer: DownPeer, frame: Frame, payload: Uint8Array): void {
    const receiver = peer.key;
    switch (frame.t) {
      case "results": {
        const { lease, from, node, hops, attempt } = frame;
        const bodies = unpackBodies(payload);
        return this.#handle({ type: "results", receiver, lease, from, bodies, node, hops, attempt });
      }
      case "started":
        return this.#handle({ type: "started", receiver, lease: frame.lease, ranges: frame.ranges });
      case "returned":
        return this.#handle({ type: "returned", receiver, lease: frame.lease, ranges: frame.ranges });
      case "recalled":
        return this.#handle({ type: "recalled", receiver });
      case "credit": {
        const { slots, busyElsewhere, window, bytes } = frame;
        return this.#handle({ type: "credit", child: receiver, slots, busyElsewhere, window, bytes });
      }
      case "needCode":
        return this.#giveCode(peer, frame.hash);
      case "answer":
        peer.asked.get(frame.id)?.(frame.value);
        return;
      case "nodeJoined":
        return this.#nodesJoined(frame.nodes, peer);
      case "nodeLost":
        return this.#nodesLost(frame.ids, peer, frame.cause);
    }
  }

  // ---- who is below

  #nodesJoined(nodes: readonly NodeDescription[], peer: DownPeer): void {
    const fresh = this.directory.add(nodes, peer.key);
    this.#tellAbove({ t: "nodeJoined", nodes });
    for (const node of fresh) {
      this.#logger.info({ node: node.id, name: node.name, address: node.address }, "Node joined");
      this.emit("nodeJoined", node);
    }
  }

  #nodesLost(ids: readonly string[], peer: DownPeer, cause: string): void {
    const described = ids.map((id) => this.directory.get(id));
    const gone = this.directory.remove(ids, peer.key);
    if (gone.length === 0) return;
    this.#tellAbove({ t: "nodeLost", ids: gone, cause });
    for (const node of described) {
      if (node === undefined || !gone.includes(node.id)) continue;
      this.#logger.warn({ node: node.id, name: node.name, cause }, "Node lost");
      this.emit("nodeLost", node, cause);
    }
  }

  /** Asks this node and all below; a list with what each of them knows of itself. */
  async ask(what: string): Promise<unknown[]> {
    const below = [...this.#down.values()].map((peer) => this.#askPeer(peer, what));
    const answers = await Promise.all(below);
    return [...this.#answer(what), ...answers.flatMap((answer) => (Array.isArray(answer) ? answer : []))];
  }

  #answer(what: string): unknown[] {
    const self = this.options.self?.();
    if (what !== "nodes" || self === undefined) return [];
    const { completed, failed, busyMs, bytesIn, bytesOut } = this.tally;
    return [{ ...self, ...this.load, completed, failed, busyMs, bytesIn, bytesOut }];
  }

  #askPeer(peer: DownPeer, what: string): Promise<unknown> {
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const late = setTimeout(() => answer(undefined), ANSWER_TIME);
      const answer = (value: unknown): void => {
        clearTimeout(late);
        peer.asked.delete(id);
        resolve(value);
      };
      peer.asked.set(id, answer);
      this.#send(peer, { t: "ask", id, what });
    });
  }

  // ---- code

  #giveCode(peer: DownPeer, hash: string): void {
    const source = this.#sources.get(hash) ?? SUBMITTER;
    this.codes
      .obtain(hash, hash.slice(0, 8), source, () => this.#askForCode(hash, source))
      .then(
        (text) => this.#send(peer, { t: "code", hash, text }),
        (error: Error) => this.#send(peer, { t: "noCode", hash, why: error.message }),
      );
  }

  #askForCode(hash: string, source: number): void {
    const above = this.#up.get(source);
    if (above === undefined) this.codes.missing(hash, source, "whoever sent the task is gone");
    else this.#send(above, { t: "needCode", hash });
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
    switch (action.type) {
      case "dispatch":
        if (action.receiver === POOL) return this.#run(action);
        this.#sources.set(action.head.code, action.upstream);
        return this.#tell(action.receiver, { t: "tasks", lease: action.lease, head: action.head }, action.bodies);
      case "cancelAt":
        if (action.receiver === POOL) return this.#pool?.cancel(action.lease, action.ranges);
        return this.#tell(action.receiver, { t: "cancel", lease: action.lease, ranges: action.ranges });
      case "recallFrom":
        if (action.receiver !== POOL) return this.#tell(action.receiver, { t: "recall", id: 0, max: action.max });
        this.#pool?.recall(action.max);
        return this.#handle({ type: "recalled", receiver: POOL });
      case "report": {
        const { upstream, lease, from, bodies, node, hops, attempt } = action;
        if (upstream === SUBMITTER) return this.#submitter?.report(lease, from, bodies, { node, hops, attempt });
        return this.#tell(upstream, { t: "results", lease, from, node, hops, attempt }, bodies);
      }
      case "reportStarted":
        if (action.upstream === SUBMITTER) return this.#submitter?.started(action.lease, action.ranges);
        return this.#tell(action.upstream, { t: "started", lease: action.lease, ranges: action.ranges });
      case "giveBack":
        return this.#tell(action.upstream, { t: "returned", lease: action.lease, ranges: action.ranges });
      case "recallDone":
        return this.#tell(action.upstream, { t: "recalled", id: action.id });
      case "grant": {
        const { slots, busyElsewhere, window, bytes } = action;
        if (action.upstream === SUBMITTER) return this.#submitter?.granted({ slots, busyElsewhere, window, bytes });
        return this.#tell(action.upstream, { t: "credit", slots, busyElsewhere, window, bytes });
      }
      case "wake":
        clearTimeout(this.#wake);
        this.#wake = setTimeout(() => this.#handle({ type: "tick" }), Math.max(0, action.at - performance.now()));
        this.#wake.unref();
    }
  }

  #tell(key: number, frame: Frame, bodies?: Bodies): void {
    const peer = this.#up.get(key) ?? this.#down.get(key);
    if (peer === undefined) return;
    this.#send(peer, frame, bodies);
    if (peer.direction === "up") this.#measureFlow(peer);
  }

  #run({ lease, head, bodies, upstream }: Extract<SchedulerAction, { type: "dispatch" }>): void {
    const pool = this.#pool as Pool;
    const here = this.codes.get(head.code);
    if (here !== undefined) return pool.start(lease, head, bodies, here);
    this.codes
      .obtain(head.code, head.name, upstream, () => this.#askForCode(head.code, upstream))
      .then(
        (text) => this.#state !== "closed" && pool.start(lease, head, bodies, text),
        (error) => this.#poolResults(lease, 0, repeatBody(encodeFailure(error), countOf(bodies), Outcome.Failed)),
      );
  }

  #poolResults(lease: number, from: number, bodies: Bodies): void {
    for (let i = 0; i < countOf(bodies); i++) {
      const outcome = outcomeAt(bodies, i);
      if (outcome & Outcome.Cancelled) continue;
      if (outcome & Outcome.Failed) this.tally.failed++;
      else this.tally.completed++;
      this.tally.busyMs += bodies.times?.[i] ?? 0;
    }
    const info = this.#scheduler.infoOf(lease);
    if (info !== undefined) this.#handle({ type: "results", receiver: POOL, lease, from, bodies, ...info });
  }

  /** Closes every link and ends every thread; what is unsettled stays so. */
  async close(reason: string): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#wake);
    const peers = [...this.#up.values(), ...this.#down.values()];
    this.#up.clear();
    for (const peer of this.#down.values()) for (const answer of peer.asked.values()) answer(undefined);
    this.#down.clear();
    await Promise.all([...peers.map((peer) => peer.link.close(reason)), this.#pool?.destroy()]);
  }
}
