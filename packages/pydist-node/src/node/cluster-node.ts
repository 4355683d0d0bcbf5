import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Ancestor, Order } from "@pydist/protocol";
import { EventEmitter } from "eventemitter3";
import { DEFAULT_CLUSTER, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DRAIN_GRACE, DEFAULT_HOP_LIMIT } from "../defaults.js";
import { Engine } from "../engine/engine.js";
import { type DialOptions, formatAddress, type HelloInput, type Listener, resolveSecret } from "../links/index.js";
import { type Logger, silent } from "../logger.js";
import type { CacheOptions } from "../store/cache-folder.js";
import { VERSION } from "../version.js";
import { defaultWorkers, describeNode, type Identity, type NodeInfo, toNodeInfos } from "./description.js";
import { openDoorway } from "./doorway.js";
import { Duties } from "./duties.js";
import { accompany, type Guide } from "./guide.js";
import { Lineage } from "./lineage.js";
import { Parenthood } from "./parenthood.js";
import { reachableAddress } from "./reachable.js";

export interface ClusterNodeOptions extends CacheOptions {
  /** Addresses of the parent, tried in order; none makes this the root of a tree. */
  readonly parent?: string | readonly string[];
  /**
   * Whether others of the cluster on this network find the node, and whether it finds and joins them if it has no `parent`.
   * Needs the package @pydist/discovery. Default false.
   */
  readonly discover?: boolean;
  /** Where to listen. Default 127.0.0.1: other machines reach the node only if asked for. */
  readonly host?: string;
  /** 0 for any free port. Default 9000. */
  readonly port?: number;
  /** What others dial to reach this node, if it is not where it listens (behind NAT, or bound to 0.0.0.0). */
  readonly advertise?: string;
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
  /** Milliseconds that `stop` waits at most for what runs. Default 30,000. */
  readonly drainGrace?: number;
  /** pino-shaped; silent by default. */
  readonly logger?: Logger;
}

export interface ClusterNodeEvents {
  /** The node cannot go on: its parent came back with another secret, in another cluster, or too old or too new. */
  failed: (error: Error) => void;
  /** The node has left the tree, because `stop` was called or somebody ordered it. */
  stopped: () => void;
}

/** Milliseconds for a parent that was found to answer, and to tell that its way up ends at a root. */
const FOLLOW_TIMEOUT = 2000;

/** One process of the tree: runs tasks on its cores and hands on what is more to the nodes that joined it. */
export class ClusterNode extends EventEmitter<ClusterNodeEvents> {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly #engine: Engine;
  readonly #duties: Duties;
  readonly #lineage: Lineage;
  /** When this process of the node began. */
  readonly #since = Date.now();
  readonly #dial: () => DialOptions;
  /** A root has none. */
  #parenthood: Parenthood | undefined;
  #guide: Guide | undefined;
  readonly #options: ClusterNodeOptions;
  #listener: Listener | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(options: ClusterNodeOptions, key: Buffer, secretSource: string) {
    super();
    this.#options = options;
    this.id = options.id ?? randomUUID();
    this.pid = options.pid ?? process.pid;
    this.name = options.name ?? `${hostname()}-${this.id.slice(0, 4)}`;
    const { workers = defaultWorkers(), tasksPerWorker = 1, allowExec = false, hopLimit = DEFAULT_HOP_LIMIT } = options;
    const { logger = silent, connectTimeout = DEFAULT_CONNECT_TIMEOUT, parent = [] } = options;
    const parents = typeof parent === "string" ? [parent] : parent;
    const identity: Identity = { id: this.id, name: this.name, pid: this.pid, workers, tasksPerWorker, allowExec };
    this.#engine = new Engine({
      ...identity,
      workerMemory: options.workerMemory,
      priority: options.whenIdle === true ? "low" : undefined,
      hopLimit,
      cache: options,
      routesOnly: false,
      logger,
      self: () => describeNode(identity, this.address, this.#parenthood?.parent ?? null),
      obey: (order) => this.#obey(order),
    });
    this.#duties = new Duties(this.#engine, this.name, logger, options.whenIdle === true ? "idle" : "always");
    this.#lineage = new Lineage(
      (): Ancestor => ({ id: this.id, name: this.name, address: this.address, since: this.#since }),
      parents.length === 0 ? "settled" : "joining",
    );
    this.#engine.on("ancestry", (chain, settled) => this.#parenthood?.heard(chain, settled));
    this.#dial = () => ({ key, secretSource, hello: this.#hello() });
    if (parents.length > 0) this.#parenthood = this.#parenthoodOf(parents, connectTimeout);
  }

  #parenthoodOf(parents: readonly string[], connectTimeout: number, letGo?: () => void): Parenthood {
    return new Parenthood(this.#engine, this.#lineage, {
      parents,
      connectTimeout,
      logger: this.#options.logger ?? silent,
      dial: this.#dial,
      onLineage: () => this.#tellLineage(),
      onFailed: (error) => this.emit("failed", error),
      ...(letGo === undefined ? {} : { letGo }),
    });
  }

  /**
   * Listens, joins the parent if there is one, and resolves when tasks can come.
   * @throws ConnectionError if the port is taken or no parent answers in time
   * @throws AuthenticationError if there is no secret, or the parent has another
   * @throws CycleError if the parent is below this node, or is this node
   * @throws VersionMismatchError if the parent speaks no common version of the link protocol
   */
  static async start(options: ClusterNodeOptions = {}): Promise<ClusterNode> {
    const { secret, secretFile, discover = false } = options;
    // Two nodes that wrote one each would never let each other in.
    const mayGenerate = !discover && (options.parent === undefined || options.parent.length === 0);
    const found = await resolveSecret({ secret, secretFile, env: process.env, mayGenerate });
    const node = new ClusterNode(options, found.key, found.source);
    try {
      await node.#open(found.key);
      await node.#parenthood?.join();
      if (discover) await node.#discover();
    } catch (error) {
      await node.close();
      throw error;
    }
    return node;
  }

  /** `host:port`, as others reach this node. */
  get address(): string {
    if (this.#options.advertise !== undefined) return this.#options.advertise;
    if (this.#listener === undefined) return "";
    return reachableAddress(this.#listener.address);
  }

  /** `host:port` where it listens. */
  get listening(): string {
    return this.#listener === undefined ? "" : formatAddress(this.#listener.address);
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
    this.#listener = await openDoorway(this.#engine, {
      host,
      port,
      key,
      logger,
      hello: () => this.#hello(),
      onChild: () => this.#tellLineage(),
    });
  }

  async #discover(): Promise<void> {
    const { cluster = DEFAULT_CLUSTER, advertise, logger = silent } = this.#options;
    const { host, port } = (this.#listener as Listener).address;
    this.#guide = await accompany({
      ...{ id: this.id, name: this.name, cluster, version: VERSION, host, port, advertise, logger },
      way: () => (this.#lineage.settled ? this.#lineage.chain : undefined),
      join: this.#parenthood === undefined ? (address) => this.#follow(address) : undefined,
    });
    await this.#guide.settled;
  }

  /** What is below comes along. */
  async #follow(address: string): Promise<void> {
    const parenthood = this.#parenthoodOf([address], FOLLOW_TIMEOUT, () => this.#standAlone());
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

  #hello(): HelloInput {
    const { workers = defaultWorkers(), cluster = DEFAULT_CLUSTER } = this.#options;
    const { id, name, address } = this;
    return { version: VERSION, role: "node", id, name, cluster, address, workers };
  }

  #tellLineage(): void {
    this.#engine.tellChildren({ t: "ancestry", chain: this.#lineage.chain, settled: this.#lineage.settled });
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
    await this.#guide?.close();
    await this.#listener?.close();
    await this.#engine.close("the node was closed");
  }
}
