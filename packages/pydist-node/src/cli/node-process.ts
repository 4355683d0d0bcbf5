import { ConnectionError } from "@pydist/protocol";
import { parseAddress } from "../links/index.js";
import type { Logger } from "../logger.js";
import { ClusterNode, type ClusterNodeOptions } from "../node/cluster-node.js";
import { defaultWorkers } from "../node/description.js";
import { answerDumpSignal } from "../supervisor/dump-signal.js";
import { LEAVING_SIGNALS, type LeavingSignal, type Supervised } from "../supervisor/supervised.js";
import { secretFileOption } from "./client.js";
import { EXIT, EXIT_BY_SIGNAL, exitCodeOf } from "./exit-codes.js";
import { makeLogger } from "./log.js";
import { leaveWithNpx } from "./npx.js";
import { complain, print } from "./output.js";
import type { SpawnCall } from "./spawn.js";

/** The process of a node, from its start to its end. @param ofNpx whether it ends with npx @returns the exit code */
export async function runNode(call: SpawnCall, supervised: Supervised | undefined, ofNpx: boolean): Promise<number> {
  const { values } = call;
  const { parent, connectTimeout } = values;
  const logger = makeLogger(values.logLevel, supervised?.supervision.pid);
  const workers = planWorkers(values.workers, values.oversubscribe, logger);
  const life = new Life(supervised);
  if (ofNpx) leaveWithNpx();
  let node: ClusterNode | undefined;
  const dumpsOver = answerDumpSignal(() => node?.dump() ?? { state: "starting", pid: process.pid, parent }, supervised);
  try {
    if (parent.length > 0) logger.info({ parent, timeout: connectTimeout }, "Joining the parent");
    node = await ClusterNode.start({ ...nodeOptions(call), ...identityOf(supervised), workers, logger });
    if (values.awaitParent) logger.info({ address: node.listening }, "Waiting for a parent that dials");
    life.began();
    // Who waits for the line has read it when the first process of the node was ready.
    if (supervised?.supervision.before === undefined)
      print(values.json ? readyJson(node) : readyText(node, workers, values));
    supervised?.ready({ id: node.id, port: parseAddress(node.listening).port });
    const end = await Promise.race([life.signalled, failureOf(node), stopOf(node)]);
    if ("signal" in end) {
      logger.info({ signal: end.signal }, "Leaving the tree; another signal stops at once");
      await node.stop();
      return EXIT_BY_SIGNAL[end.signal];
    }
    if (end.error === undefined) return EXIT.ok;
    complain(end.error.message);
    await node.close();
    return exitCodeOf(end.error);
  } catch (error) {
    if (!isOwnDoor(error)) throw error;
    complain(error.message);
    return EXIT.failure;
  } finally {
    life.over();
    dumpsOver();
  }
}

/** A process that follows another one of the same node is that node. */
function identityOf(supervised: Supervised | undefined): Pick<ClusterNodeOptions, "id" | "pid" | "port"> {
  return supervised === undefined ? {} : { pid: supervised.supervision.pid, ...supervised.supervision.before };
}

function nodeOptions(call: SpawnCall): Parameters<typeof ClusterNode.start>[0] {
  const { parent, host, port, tasksPerWorker, name, cluster, hopLimit, advertise, connectTimeout } = call.values;
  const { awaitParent, children, discover, maxChildren, reconnect } = call.values;
  const { allowExec, whenIdle, cacheDir, cacheSize, drainGrace, workerMemory } = call.values;
  return {
    ...(parent.length > 0 ? { parent } : {}),
    awaitParent,
    children,
    discover,
    host,
    port,
    tasksPerWorker,
    allowExec,
    whenIdle,
    cluster,
    hopLimit,
    connectTimeout,
    drainGrace,
    ...(workerMemory === undefined ? {} : { workerMemory }),
    ...(name === undefined ? {} : { name }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(maxChildren === undefined ? {} : { maxChildren }),
    ...(reconnect === undefined ? {} : { reconnect }),
    cacheDir,
    cacheSize,
    ...secretFileOption(call),
  };
}

/** More threads than cores make tasks that compute slower, never faster; who wants them anyhow has to say so. */
function planWorkers(asked: number | undefined, oversubscribe: boolean, logger: Logger): number {
  const cores = defaultWorkers();
  if (asked === undefined) return cores;
  if (asked <= cores || oversubscribe) return asked;
  logger.warn(
    { asked, cores },
    "Fewer workers than asked for: there are no more cores. --oversubscribe gives them all",
  );
  return cores;
}

function failureOf(node: ClusterNode): Promise<{ readonly error: Error }> {
  return new Promise((resolve) => node.once("failed", (error) => resolve({ error })));
}

/** Somebody ordered it to stop, and it has. */
function stopOf(node: ClusterNode): Promise<{ readonly error: undefined }> {
  return new Promise((resolve) => node.once("stopped", () => resolve({ error: undefined })));
}

/**
 * Whether the node could not listen. That is a ConnectionError as an unreachable parent is, but nobody was unreachable.
 * What dialling failed with in the end has the last attempt's ConnectionError as its cause, or none.
 */
function isOwnDoor(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && error.cause !== undefined && !(error.cause instanceof ConnectionError);
}

function readyJson(node: ClusterNode): string {
  return JSON.stringify({ event: "ready", id: node.id, address: node.address, pid: node.pid });
}

function readyText(node: ClusterNode, workers: number, { awaitParent }: SpawnCall["values"]): string {
  const size = workers === 1 ? "1 worker" : `${workers} workers`;
  return (
    `Node ${node.name} is ready at ${node.address} with ${size}. ` +
    (awaitParent ? `Dial it: pydist-node spawn --port 0 --children ${node.address}   ` : "") +
    `Join it: pydist-node spawn --port 0 --parent ${node.address}   Use it: new ClusterExecutor("${node.address}")`
  );
}

/** What SIGINT and SIGTERM mean: the first one, once the node is up, leaves in good order; any other stops at once. */
class Life {
  readonly signalled: Promise<{ readonly signal: LeavingSignal }>;
  /** Stops listening. */
  readonly over: () => void;
  #state: "starting" | "up" | "leaving" = "starting";
  #resolve!: (end: { readonly signal: LeavingSignal }) => void;

  constructor(supervised: Supervised | undefined) {
    this.signalled = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.over = supervised?.onLeave(this.#onSignal) ?? onSignals(this.#onSignal);
  }

  began(): void {
    this.#state = "up";
  }

  readonly #onSignal = (signal: LeavingSignal): void => {
    if (this.#state !== "up") {
      complain(
        this.#state === "starting" ? `${signal}: stopped before it was ready.` : `${signal} again: stopped at once.`,
      );
      process.exit(EXIT_BY_SIGNAL[signal]);
    }
    this.#state = "leaving";
    this.#resolve({ signal });
  };
}

function onSignals(listener: (signal: LeavingSignal) => void): () => void {
  for (const signal of LEAVING_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of LEAVING_SIGNALS) process.off(signal, listener);
  };
}
