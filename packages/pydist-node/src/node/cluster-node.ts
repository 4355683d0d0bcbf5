import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ancestor, Order } from "@pydist/protocol";
import { EventEmitter } from "eventemitter3";
import { DEFAULT_CLUSTER, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_GRACE, DEFAULT_HOP_LIMIT } from "../defaults.js";
import { Engine } from "../engine/engine.js";
import { GOODBYE } from "../engine/peer.js";
import { type DialOptions, type HelloInput, type LinkLike, parseAddress, resolveSecret } from "../links/index.js";
import { type Logger, silent } from "../logger.js";
import type { CacheOptions } from "../store/cache-folder.js";
import { VERSION } from "../version.js";
import { Admission } from "./admission.js";
import { defaultWorkers, describeNode, type Identity, type NodeInfo, toNodeInfos } from "./description.js";
import { DialledChildren } from "./dialled-children.js";
import { type Doorway, openDoorway } from "./doorway.js";
import { Duties } from "./duties.js";
import { accompany, type Guide } from "./guide.js";
import { Lineage } from "./lineage.js";
import { Parenthood } from "./parenthood.js";

export interface ClusterNodeOptions extends CacheOptions {
  /** Addresses of the parent, tried in order; none makes this the root of a tree. */
  readonly parent?: string | readonly string[];
  /** Whether the parent dials this node, where the node cannot dial out. It listens, and works for whoever attaches itself. */
  readonly awaitParent?: boolean;
  /** Addresses of nodes with `awaitParent`, which are dialled, now and whenever their links are lost, to be children. */
  readonly children?: readonly string[];
  /**
   * Whether others of the cluster on this network find the node, and whether it finds and joins them if it has no `parent`.
   * Needs the package @pydist/discovery. Default false.
   */
  readonly discover?: boolean;
  /** Where to listen. Default 127.0.0.1: other machines reach the node only if asked for. */
  readonly host?: string;
  /** 0 for any free port. Default 9000. */
  readonly port?: number;
  /** What others dial to reach this node, if it is not where it listens, as behind NAT. */
  readonly advertise?: string;
  /** Nodes beyond that number are sent on to those that have joined, so that the tree stays balanced. Default: all stay. */
  readonly maxChildren?: number;
  /** Worker threads; 0 makes a node that only routes. Default: every core. */
  readonly workers?: number;
  /** Tasks that a worker runs at once, for tasks that mostly wait. Default 1. */
  readonly tasksPerWorker?: number;
  /** Most MiB that a worker may have on its heap, and as many outside it. Default: what Node gives it, and no limit. */
  readonly workerMemory?: number;
  /** Whether tasks may run programs for others, as `exec` of @pydist/exec does. Default: they may not. */
  readonly allowExec?: boolean;
  /**
   * Begins tasks only while others use less than a quarter of the machine's processor time; on Linux, they run at the
   * lowest priority. Default: always, as others.
   */
  readonly whenIdle?: boolean;
  readonly name?: string;
  /** Default: a random one. A process that takes the place of one that died keeps its id, and so its place in the tree. */
  readonly id?: string;
  /** What `nodes()` gives as the process that the user started. Default: this one. */
  readonly pid?: number;
  /** Nodes of different clusters refuse each other. */
  readonly cluster?: string;
  /** No task travels more links below this node than this. Default 16. */
  readonly hopLimit?: number;
  readonly secret?: string;
  readonly secretFile?: string;
  /** Milliseconds to find the parent. Default 10,000. */
  readonly connectTimeout?: number;
  /** Milliseconds to find a way back into the tree after the parent was lost; then the node has "failed". Default: Infinity. */
  readonly reconnect?: number;
  /** Milliseconds that `stop` waits at most for what runs. Default 30,000. */
  readonly drainGrace?: number;
  /** pino-shaped; silent by default. */
  readonly logger?: Logger;
}

export interface ClusterNodeEvents {
  /** The node cannot go on: no way back into the tree within `reconnect`, or a parent with another secret or version. */
  failed: (error: Error) => void;
  /** The node has left the tree, because `stop` was called or somebody ordered it. */
  stopped: () => void;
}

/** Milliseconds for a parent that was found to answer, and to tell that its way up ends at a root. */
const FOLLOW_TIMEOUT = 4000;

/** One process of the tree: runs tasks on its cores and hands on what is more to the nodes that joined it. */
export class ClusterNode extends EventEmitter<ClusterNodeEvents> {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly #engine: Engine;
  readonly #duties: Duties;
  readonly #lineage: Lineage;
  readonly #admission: Admission;
  /** When this process of the node began. */
  readonly #since = Date.now();
  /** A root has none. */
  #parenthood: Parenthood | undefined;
  #dialled: DialledChildren | undefined;
  #guide: Guide | undefined;
  readonly #options: ClusterNodeOptions;
  readonly #dial: (role: HelloInput["role"]) => DialOptions;
  #doorway: Doorway | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(options: ClusterNodeOptions, key: Buffer, secretSource: string) {
    super();
    this.#options = options;
    this.id = options.id ?? randomUUID();
    this.pid = options.pid ?? process.pid;
    this.name = options.name ?? `${hostname()}-${this.id.slice(0, 4)}`;
    const { workers = defaultWorkers(), tasksPerWorker = 1, allowExec = false, hopLimit = DEFAULT_HOP_LIMIT } = options;
    const { logger = silent, connectTimeout = DEFAULT_CONNECT_TIMEOUT } = options;
    const identity: Identity = { id: this.id, name: this.name, pid: this.pid, workers, tasksPerWorker, allowExec };
    this.#engine = new Engine({
      ...identity,
      workerMemory: options.workerMemory,
      priority: options.whenIdle === true ? "low" : undefined,
      hopLimit,
      cache: options,
      routesOnly: false,
      logger,
      self: (to) => describeNode(identity, this.#addressFor(to), this.#parenthood?.link?.peer.id ?? null),
      obey: (order) => this.#obey(order),
    });
    this.#duties = new Duties(this.#engine, this.name, logger, options.whenIdle === true ? "idle" : "always");
    this.#lineage = new Lineage(
      (): Ancestor => ({ id: this.id, name: this.name, address: this.address, since: this.#since }),
      isRoot(options) ? "settled" : "joining",
    );
    this.#admission = new Admission({
      id: this.id,
      name: this.name,
      maxChildren: options.maxChildren,
      children: () => this.#engine.children,
      below: () => this.#engine.below.nodes,
      standing: () => this.#duties.standing,
      logger,
    });
    this.#engine.on("ancestry", (chain, settled) => this.#parenthood?.heard(chain, settled));
    this.#dial = (role) => ({ key, secretSource, hello: { ...(this.#doorway?.hello() ?? this.#hello()), role } });
    if (!isRoot(options)) this.#parenthood = this.#parenthoodOf(parentsOf(options), connectTimeout);
  }

  #parenthoodOf(parents: readonly string[], connectTimeout: number, letGo?: () => void): Parenthood {
    const { reconnect = Number.POSITIVE_INFINITY, logger = silent } = this.#options;
    return new Parenthood(this.#engine, this.#lineage, {
      parents,
      connectTimeout,
      reconnect,
      logger,
      dial: () => this.#dial("node"),
      onLineage: () => this.#tellLineage(),
      onFailed: (error) => this.emit("failed", error),
      ...(letGo === undefined ? {} : { letGo }),
    });
  }

  /**
   * Listens, joins the parent if there is one that does not dial itself, and resolves when tasks can come.
   * @throws ConnectionError if the port is taken or no parent answers in time
   * @throws AuthenticationError if there is no secret, or the parent has another
   * @throws CycleError if the parent is below this node, or is this node
   * @throws VersionMismatchError if the parent speaks no common version of the link protocol
   * @throws TypeError if there is a parent to dial and one that dials
   */
  static async start(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
    const { secret, secretFile, discover = false } = options;
    if (options.awaitParent === true && parentsOf(options).length > 0) {
      throw new TypeError(
        "parent and awaitParent were both given; either the node dials its parent, or it is dialled.",
      );
    }
    // Two nodes that wrote one each, and discover each other, would never let each other in.
    const mayGenerate = isRoot(options) && !discover;
    const found = await resolveSecret({ secret, secretFile, env: process.env, mayGenerate });
    const node = new ClusterNode(options, found.key, found.source);
    try {
      await node.#open(found.key);
      if (options.awaitParent !== true) await node.#parenthood?.join();
      node.#dialChildren();
      if (discover) await node.#discover();
    } catch (error) {
      await node.close();
      throw error;
    }
    return node;
  }

  /** `host:port`, as others reach this node. */
  get address(): string {
    return this.#addressFor();
  }

  /** By default for those above: what they are told of this node, they tell others. */
  #addressFor(peer: LinkLike | undefined = this.#parenthood?.link): string {
    return this.#doorway?.addressFor(peer) ?? "";
  }

  /** `host:port` where it listens. */
  get listening(): string {
    return this.#doorway?.listening ?? "";
  }

  /** This node and all below it. */
  async nodes(): Promise<NodeInfo[]> {
    return toNodeInfos(await this.#engine.ask("nodes"));
  }

  /** All that this node knows of itself, as JSON takes it, to find faults: no secrets, arguments, results or captured values. */
  dump(): object {
    return this.#engine.dump();
  }

  async #open(key: Buffer): Promise<void> {
    const { host = "127.0.0.1", port = 9000, logger = silent } = this.#options;
    this.#doorway = await openDoorway(this.#engine, {
      host,
      port,
      advertise: this.#options.advertise,
      key,
      logger,
      hello: () => this.#hello(),
      onHello: (theirs, remoteAddress) => this.#admission.verdict(theirs, remoteAddress),
      lineage: () => this.#lineage,
      parenthood: this.#options.awaitParent === true ? this.#parenthood : undefined,
    });
  }

  #dialChildren(): void {
    const { children = [], logger = silent } = this.#options;
    this.#dialled = new DialledChildren({
      addresses: children,
      dial: () => this.#dial("parent"),
      logger,
      onChild: (link) => this.#doorway?.takeIn(link),
    });
  }

  async #discover(): Promise<void> {
    const { cluster = DEFAULT_CLUSTER, advertise, logger = silent } = this.#options;
    const { host, port } = parseAddress(this.listening);
    this.#guide = await accompany({
      ...{ id: this.id, name: this.name, cluster, version: VERSION, host, port, advertise, logger },
      way: () => (this.#lineage.settled ? this.#lineage.chain : undefined),
      join: this.#parenthood === undefined ? (address) => this.#follow(address) : undefined,
    });
    await this.#guide.settled;
  }

  /** What is below comes along. */
  async #follow(address: string): Promise<void> {
    const parenthood = this.#parenthoodOf([address], FOLLOW_TIMEOUT, () => {
      this.#options.logger?.info({ parent: address }, "The parent is gone for good; looking for another tree");
      this.#standAlone();
    });
    this.#parenthood = parenthood;
    try {
      await parenthood.join(1);
    } catch (error) {
      if (this.#parenthood === parenthood) this.#standAlone();
      throw error;
    }
  }

  /** A root that begins again to look for others. */
  #standAlone(): void {
    this.#parenthood?.leave();
    this.#parenthood = undefined;
    this.#lineage.alone();
    this.#tellLineage();
  }

  #hello(): Omit<HelloInput, "address"> {
    const { workers = defaultWorkers(), cluster = DEFAULT_CLUSTER } = this.#options;
    const { id, name } = this;
    return { version: VERSION, role: "node", id, name, cluster, workers };
  }

  #tellLineage(): void {
    this.#doorway?.tellLineage();
    this.#guide?.moved();
  }

  /**
   * Gives this node's own workers no new tasks, and back what waits for them; its children work on.
   * Resolves when what they run is over, or when the node is resumed or stopped meanwhile.
   * @throws ShutdownError if the node is leaving the tree
   */
  async drain(): Promise<void> {
    await this.#duties.drain();
  }

  /** Undoes `drain`. @throws ShutdownError if the node is leaving the tree */
  resume(): void {
    this.#duties.resume();
  }

  /** Leaves the tree once all that it has begun, here and below, is over: at the latest after `drainGrace`. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#duties.leave(this.#options.drainGrace ?? DEFAULT_DRAIN_GRACE);
    // Whoever ordered it is answered first.
    await nextTurn();
    await this.close();
    this.#options.logger?.info({}, "Left the tree");
    this.emit("stopped");
  }

  #obey(order: Exclude<Order, "dump">): void {
    if (order === "drain") void this.#duties.drain();
    else if (order === "resume") this.resume();
    else void this.stop();
  }

  /** Leaves the tree at once and ends all threads. What runs here runs again elsewhere. */
  async close(): Promise<void> {
    this.#duties.close();
    const parenthood = this.#parenthood;
    this.#parenthood = undefined;
    parenthood?.leave();
    this.#dialled?.leave();
    await this.#guide?.close();
    await this.#doorway?.close();
    await this.#engine.close(GOODBYE);
  }
}

function parentsOf({ parent = [] }: ClusterNodeOptions): readonly string[] {
  return typeof parent === "string" ? [parent] : parent;
}

function isRoot(options: ClusterNodeOptions): boolean {
  return options.awaitParent !== true && parentsOf(options).length === 0;
}
