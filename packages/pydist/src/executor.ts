import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import {
  type AnyFunction,
  callUser,
  checkOptions,
  Dispatcher,
  Executor,
  Future,
  findTask,
  milliseconds,
  Statistics,
  type Stats,
  type TaskSettled,
} from "@pydist/futures";
import { BrokenExecutorError, type NodeDescription, type OutputNews, ShutdownError } from "@pydist/protocol";
import { type ShippedCode, withCodeDir } from "@pydist/shipping";
import type { EventEmitter } from "eventemitter3";
import { DEFAULT_HOP_LIMIT, defaultWorkers, describeNode, Engine, type NodeInfo, toNodeInfos } from "pydist-node";
import { readArguments, refuseInWorker } from "./arguments.js";
import { codeDirOf } from "./code-dir.js";
import { Connection } from "./connection.js";
import { isExiting } from "./exit.js";
import { Explanation } from "./explanation.js";
import { shipInitializer } from "./initializer.js";
import { nodesThere } from "./nodes-there.js";
import { checkExecutorOptions, checkShutdownOptions, type ExecutorOptions, type ShutdownOptions } from "./options.js";
import { outputHandler } from "./output.js";
import { Root } from "./root.js";
import { type RunOnAllRest, runOnAll } from "./run-on-all.js";

/** Times, in milliseconds, and counts that hold unless told otherwise. */
const DEFAULT_ATTEMPTS = 3;
const DEFAULT_ABORT_GRACE = 1000;
/** Milliseconds that the nodes on the way of a task have to tell of it. */
const EXPLAIN_TIME = 4000;

export interface ExecutorEvents {
  nodeJoined: (node: NodeDescription) => void;
  nodeLost: (node: NodeDescription, cause: string) => void;
  /** The link to the cluster was lost; it is looked for. */
  disconnected: (cause: string) => void;
  reconnected: (address: string) => void;
  /** Nothing more is to be expected of it: it was shut down, or cannot go on. */
  ended: (reason: Error) => void;
  taskSettled: (task: TaskSettled) => void;
  /** A running task told how far it is, by `task.context().progress()`. */
  progress: (progress: { readonly name: string; readonly node: string; readonly fraction: number }) => void;
  /** A task left something behind that threw after it was over; nobody else is affected. */
  strayError: (task: string, message: string) => void;
}

type State =
  | { readonly is: "running" }
  | { readonly is: "broken"; readonly error: Error }
  | { readonly is: "shutdown"; readonly over: Promise<void> };

/**
 * `concurrent.futures.Executor` for a machine or a tree of machines.
 *
 * Without an address it is embedded: its tasks run on this machine's cores. With one, or with PYDIST_ADDRESS set, they
 * run on the node there and on all nodes below it.
 *
 * @typeParam I the initializer, which `initargs` has to fit
 */
export class ClusterExecutor<I extends AnyFunction = AnyFunction> extends Executor<ExecutorEvents> {
  readonly #engine: Engine;
  protected override readonly dispatcher: Dispatcher;
  readonly #statistics = new Statistics();
  readonly #connection: Connection | undefined;
  readonly #root: Root | undefined;
  /** The folder that is kept on every node. */
  readonly #codeDir: string | undefined;
  /** The version of it that was copied last. */
  #kept: string | undefined;
  readonly #ready: Promise<void>;
  /** Aborted, with the reason, once nothing more is to be expected. */
  readonly #ended = new AbortController();
  #state: State = { is: "running" };

  /**
   * @throws TypeError or RangeError naming the argument that is wrong; ShippingError or SerializationError for an
   *   initializer that cannot travel
   */
  constructor(options?: ExecutorOptions<I>);
  constructor(address: string | readonly string[], options?: ExecutorOptions<I>);
  constructor(first?: string | readonly string[] | ExecutorOptions<I>, second?: ExecutorOptions<I>) {
    super();
    refuseInWorker();
    const { addresses, options, by } = readArguments(first as string | readonly string[] | ExecutorOptions, second);
    checkExecutorOptions(options, by);
    this.#codeDir = codeDirOf(options);
    const attached = by !== "not";
    const workers = attached ? 0 : (options.maxWorkers ?? defaultWorkers());
    const tasksPerWorker = options.tasksPerWorker ?? 1;
    const id = randomUUID();
    const name = options.name ?? `executor-${id.slice(0, 4)}`;
    const allowExec = options.allowExec ?? options.listen === undefined;
    const identity = { id, name, pid: process.pid, workers, tasksPerWorker, allowExec };
    this.#engine = new Engine({
      ...identity,
      routesOnly: attached,
      hopLimit: Number.MAX_SAFE_INTEGER,
      cache: options,
      maxTasksPerWorker: options.maxTasksPerWorker,
      workerMemory: options.workerMemory,
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      ...(attached ? {} : { self: (to) => describeNode(identity, this.#root?.addressFor(to) ?? "", null) }),
    });
    const initializer = shipInitializer(options, (code) => this.#bind(code));
    this.dispatcher = new Dispatcher(this.#engine, {
      hopLimit: options.hopLimit ?? DEFAULT_HOP_LIMIT,
      attempts: options.attempts ?? DEFAULT_ATTEMPTS,
      abortGrace: options.abortGrace ?? DEFAULT_ABORT_GRACE,
      statistics: this.#statistics,
      bind: (code) => this.#bind(code),
      onNote: (task, note) => {
        if (note.kind === "progress") this.emit("progress", { name: task, node: note.node, fraction: note.fraction });
        else callUser("logger", () => options.logger?.[note.level]({ task, node: note.node }, note.text));
      },
      initializer,
      onBroken: (error) => {
        callUser("logger", () => options.logger?.error({ error }, "The initializer failed: the executor is broken"));
        this.#broken(brokenError(error));
      },
      onSettled: () => {
        if (this.listenerCount("taskSettled") === 0) return undefined;
        return (task) => this.emit("taskSettled", task);
      },
    });
    const { signal } = this.#ended;
    signal.addEventListener("abort", () => this.emit("ended", signal.reason), { once: true });
    this.#passEventsOn(outputHandler(options.output ?? "print", id));
    if (attached) {
      let connected = (): void => {};
      let failed = (_error: Error): void => {};
      this.#ready = new Promise((resolve, reject) => {
        connected = resolve;
        failed = reject;
      });
      this.#connection = new Connection(this.#engine, addresses, options, {
        connected: (address, again) => {
          connected();
          if (again) this.emit("reconnected", address);
        },
        disconnected: (cause) => this.emit("disconnected", cause),
        failed: (error) => {
          failed(error);
          this.#broken(error);
        },
      });
      void this.#connection.keep();
    } else {
      this.#statistics.see(id, identity.name);
      this.#root = options.listen === undefined ? undefined : new Root(this.#engine, options.listen, options);
      this.#ready = this.#root?.open() ?? Promise.resolve();
      this.#ready.catch((error) => this.#broken(error));
    }
    // Whoever does not ask for `ready` hears of a failure from the futures.
    this.#ready.catch(() => {});
  }

  /** Code of the directory is bound to its present version. */
  #bind(code: ShippedCode): ShippedCode {
    if (this.#codeDir === undefined) return code;
    const bound = withCodeDir(code, this.#codeDir);
    if (bound.tree !== undefined && bound.tree !== this.#kept) {
      this.#kept = bound.tree;
      this.#engine.keepTree(bound.tree);
    }
    return bound.code;
  }

  override emit: EventEmitter<ExecutorEvents>["emit"] = (event, ...args) => {
    let heard = false;
    callUser(`listener of "${event}"`, () => {
      heard = super.emit(event, ...args);
    });
    return heard;
  };

  #passEventsOn(output: (news: OutputNews) => void): void {
    this.#engine.on("output", output);
    this.#engine.on("nodeJoined", (node) => {
      this.#statistics.see(node.id, node.name);
      this.emit("nodeJoined", node);
    });
    this.#engine.on("nodeLost", (node, cause) => this.emit("nodeLost", node, cause));
    this.#engine.on("stray", (task, message) => this.emit("strayError", task, message));
  }

  /** Everything submitted so far and from now on fails with the reason; what is in the tree is stopped. */
  #broken(error: Error): void {
    if (this.#state.is === "broken") return;
    // During a shutdown the state stays: it waits for the futures, and they are about to fail.
    if (this.#state.is === "running") this.#state = { is: "broken", error };
    this.#ended.abort(error);
    this.dispatcher.breakAll(error);
  }

  /**
   * Resolves when the executor can run tasks; `submit` may be called before.
   * @throws ConnectionError, AuthenticationError or VersionMismatchError if the cluster cannot be reached
   */
  async ready(): Promise<void> {
    await this.#alive(this.#ready);
  }

  /** `host:port` at which nodes can join, with the option `listen`; else undefined. */
  get address(): string | undefined {
    return this.#root?.addressFor() || undefined;
  }

  /** The node that this executor is attached to, or is, and all below it. */
  async nodes(): Promise<NodeInfo[]> {
    await this.ready();
    return toNodeInfos(await this.#alive(this.#engine.ask("nodes")));
  }

  /**
   * Runs `fn(...args)` once on every node that has workers and takes tasks now.
   * @returns what came of it, by the id of the node: a node that is lost meanwhile has a NodeLostError
   * @throws as `submit` (the promise rejects)
   */
  async runOnAll<F extends AnyFunction>(
    fn: F,
    ...rest: RunOnAllRest<F>
  ): Promise<Map<string, PromiseSettledResult<Awaited<ReturnType<F>>>>> {
    return runOnAll(this, fn, rest);
  }

  /**
   * Resolves when the tree has `count` nodes, the one attached to included; an embedded executor is one itself.
   * @throws TimeoutError after `timeout` milliseconds
   */
  async waitForNodes(count: number, options: { timeout?: number } = {}): Promise<void> {
    checkOptions("waitForNodes", options, { timeout: milliseconds });
    if (typeof count !== "number") throw new TypeError(`waitForNodes was given ${inspect(count)}; it takes a number.`);
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`waitForNodes was given ${inspect(count)}; it takes a whole number of at least 0.`);
    }
    const here = (): number => this.#engine.below.size + (this.#connection === undefined ? 1 : 0);
    await this.#alive(nodesThere(this, here, count, { timeout: options.timeout, ended: this.#ended.signal }));
  }

  /** Who did how much of this executor's work. Nodes that were lost stay listed. */
  async stats(): Promise<Stats> {
    return this.#statistics.read();
  }

  /**
   * Where the task of a future of this executor is, which way it took and what it waits for. Answers within some seconds,
   * also while nodes stand still: it names those that do not answer.
   * @throws TypeError (the promise rejects) for what is no future, or another executor's
   */
  async explain(future: Future<unknown>): Promise<Explanation> {
    if (!(future instanceof Future)) {
      throw new TypeError(`explain was given ${inspect(future, { depth: 0 })}; it takes a future that submit gave.`);
    }
    const found = findTask(future, this.dispatcher);
    if (found === undefined) return new Explanation({ future });
    if (found.is === "held") return new Explanation({ future, task: found.name, waitsFor: found.missing });
    const path = await this.#alive(this.#engine.trace(found.lease, found.index, EXPLAIN_TIME));
    return new Explanation({ future, task: found.name, path });
  }

  /**
   * Takes no more tasks, waits for those there are, and leaves nothing behind: no thread, socket or timer.
   * @param options.wait false returns at once; tasks go on and their futures settle all the same
   * @param options.cancelFutures cancels tasks that have not begun
   * @param options.stopNodes with `listen`: the nodes that joined end as well
   * @throws TypeError (the promise rejects) for a wrong option; the executor goes on
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkShutdownOptions(options);
    const { wait = true, cancelFutures = false, stopNodes = false } = options;
    if (stopNodes && this.#root === undefined) {
      throw new TypeError(
        "stopNodes is true, but no nodes join this executor: that needs the option listen. Leave stopNodes out.",
      );
    }
    if (this.#state.is !== "shutdown") {
      const failed = this.#state.is === "broken";
      this.#state = { is: "shutdown", over: this.#close(failed, stopNodes) };
    }
    if (cancelFutures) this.dispatcher.cancelAll();
    if (wait) await this.#alive(this.#state.over);
  }

  /**
   * Ends everything now: tasks that run are stopped without any grace and fail with a BrokenExecutorError, those that have
   * not begun are cancelled, and nothing is left behind. On a cluster only this executor's tasks are concerned.
   */
  async terminateWorkers(): Promise<void> {
    const over = this.shutdown();
    this.dispatcher.terminate();
    await over;
  }

  async #close(failed: boolean, stopNodes: boolean): Promise<void> {
    if (!failed) await this.dispatcher.idle();
    if (stopNodes) await this.#root?.stopNodes();
    this.#connection?.close();
    await this.#root?.close();
    await this.#engine.close("the executor was shut down");
    this.#ended.abort(new ShutdownError("The executor was shut down."));
  }

  /** `shutdown()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  protected override checkOpen(): void {
    if (isExiting()) {
      throw new ShutdownError("The executor cannot schedule new futures after the process has begun to exit.");
    }
    if (this.#state.is === "running") return;
    if (this.#state.is === "broken") throw this.#state.error;
    throw new ShutdownError("The executor was shut down; it takes no new tasks. Make a new one.");
  }

  /** Holds the process while somebody waits. */
  async #alive<T>(promise: Promise<T>): Promise<T> {
    const { keepAlive } = this.dispatcher;
    keepAlive.add(1);
    try {
      return await promise;
    } finally {
      keepAlive.remove(1);
    }
  }
}

function brokenError(error: unknown): BrokenExecutorError {
  if (error instanceof BrokenExecutorError) return error;
  return new BrokenExecutorError("The initializer failed, so the executor is broken.", { cause: error });
}
