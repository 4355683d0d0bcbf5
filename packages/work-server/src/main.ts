import { ClusterExecutor } from "pydist";
import { ClusterNode, formatAddress } from "pydist-node";
import { exitCodeOf, isForUsers, type ProgramCall, programSettings } from "pydist-node/program";
import type { JobNodeClass, JobOptions, JobServer } from "./job.js";
import { runJob } from "./run-job.js";

/** Options of `main`. */
export interface MainOptions extends JobOptions {
  /** Flags of the program's own, as `parseArgs` of node:util takes them; their values are given to the server's factory. */
  readonly flags?: Readonly<
    Record<string, { readonly type: "boolean" | "string"; readonly default?: boolean | string }>
  >;
  /** Default: those of the process. */
  readonly args?: readonly string[];
}

/** What the program's own flags were given. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

const SETTINGS = ["parent", "host", "port", "workers", "name", "cluster", "connectTimeout"] as const;
type Call = ProgramCall<(typeof SETTINGS)[number]>;

/** A block cannot be asked to stop, so nobody waits long for that: milliseconds. */
const ABORT_GRACE = 100;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * One program for both sides, as in Parasnake: with `--server` it listens, hands out the job's blocks and tells all nodes
 * that joined it to end when the job is done; without, it is such a node. Sets the exit code; never rejects.
 *
 * Flags are those of `pydist-node spawn`, with its variables and its configuration file: `--port` and `--host` say where the
 * server listens; a node joins `--parent host:port`, or `--ip host` at `--port`. `--workers` of a server is 0 by default.
 * @param createServer called with the values of the program's own flags, only with `--server`
 */
export async function main<Init, Data, Result>(
  createServer: (values: Values) => JobServer<Init, Data, Result> | Promise<JobServer<Init, Data, Result>>,
  NodeClass: JobNodeClass<Init, Data, Result>,
  options: MainOptions = {},
): Promise<void> {
  const { flags = {}, args = process.argv.slice(2), ...job } = options;
  try {
    const sides = { server: { type: "boolean" }, ip: { type: "string" } } as const;
    const call = programSettings(SETTINGS, { ...flags, ...sides }, args);
    if (call.own.server === true) await serve(call, await createServer(call.own), NodeClass, job);
    else await join(call);
  } catch (error) {
    console.error(isForUsers(error) ? error.message : error);
    process.exitCode = exitCodeOf(error);
  }
}

async function serve<Init, Data, Result>(
  { values, secret }: Call,
  server: JobServer<Init, Data, Result>,
  NodeClass: JobNodeClass<Init, Data, Result>,
  job: JobOptions,
): Promise<void> {
  const { host, port, workers = 0, name, cluster } = values;
  const executor = new ClusterExecutor({
    listen: formatAddress({ host, port }),
    maxWorkers: workers,
    cluster,
    abortGrace: ABORT_GRACE,
    ...(name === undefined ? {} : { name }),
    ...secret,
  });
  try {
    await executor.ready();
    console.log(`The server is ready at ${executor.address}. Start nodes with --parent ${executor.address}`);
    await runJob(executor, server, NodeClass, job);
  } finally {
    await executor.shutdown({ cancelFutures: true, stopNodes: true });
  }
}

/** Resolves when the server says that it is over, or a signal ends it. */
async function join({ values, secret, own }: Call): Promise<void> {
  const { parent, port, workers, name, cluster, connectTimeout } = values;
  const node = await ClusterNode.start({
    parent: parent.length > 0 ? parent : [`${own.ip ?? "127.0.0.1"}:${port}`],
    port: 0,
    cluster,
    connectTimeout,
    ...(workers === undefined ? {} : { workers }),
    ...(name === undefined ? {} : { name }),
    ...secret,
  });
  // A second signal ends the process at once, as nobody listens any more.
  const signals = Object.entries(SIGNALS).map(([signal, code]) => {
    const leave = (): void => {
      process.exitCode = code;
      void node.stop();
    };
    process.once(signal, leave);
    return () => process.off(signal, leave);
  });
  console.log(`Node ${node.name} has joined.`);
  await new Promise<void>((resolve, reject) => {
    node.once("stopped", resolve);
    node.once("failed", (error) => void node.close().then(() => reject(error)));
  });
  for (const forget of signals) forget();
}
