import { inspect } from "node:util";
import type { ClusterExecutor, Future, NodeInfo } from "pydist";
import { runCli } from "./processes.js";

/** Milliseconds after which what has not ended is taken for stuck. */
const BOUND = 12_000;
/** ... and for the nodes to say how they are: they may be what is stuck. */
const LAST_WORDS = 10_000;
/** Most futures that are explained; those that hang together mostly hang alike. */
const MOST_EXPLAINED = 5;

export interface Watched {
  readonly executor: ClusterExecutor;
  readonly futures?: readonly Future<unknown>[];
  /** Default: to stderr, where it is read even if the test runner is stopped. */
  readonly print?: (report: string) => void;
}

/**
 * What `ending` resolves with. If it does not end in time, the state of every node, of the statistics and of the futures
 * is printed, with explanations and dumps, and the test fails: that something hangs says nothing, where it hangs does.
 */
export async function watch<T>(ending: Promise<T>, watched: Watched, bound = BOUND): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, bound, "late");
  });
  const first = await Promise.race([ending.then((value) => ({ value })), late]).finally(() => clearTimeout(timer));
  if (first !== "late") return first.value;
  const report = await reportOn(watched);
  (watched.print ?? console.error)(report);
  throw new Error(`Nothing came of it within ${bound} ms.\n${report}`);
}

async function reportOn({ executor, futures = [] }: Watched): Promise<string> {
  const states = futures.map((future, i) => `${i}: ${inspect(future)}`);
  const open = futures.filter((future) => !future.done()).slice(0, MOST_EXPLAINED);
  const dumps = executor.nodes().then((nodes) => Promise.all(nodes.map(dumpOf)));
  const [nodes, stats, told, ...explained] = await Promise.all([
    withinReason(executor.nodes()),
    withinReason(executor.stats()),
    withinReason(dumps.then((lines) => lines.join("\n"))),
    ...open.map((future) => withinReason(executor.explain(future))),
  ]);
  return [
    `nodes: ${inspect(nodes, { depth: 4 })}`,
    `stats: ${inspect(stats, { depth: 4 })}`,
    `futures: ${states.length === 0 ? "none" : `\n  ${states.join("\n  ")}`}`,
    ...explained.map(String),
    `dumps: ${told}`,
  ].join("\n");
}

/** What the node at that address says; an executor's own node has none. */
async function dumpOf({ name, address }: NodeInfo): Promise<string> {
  if (address === "") return `${name}: cannot be reached from outside`;
  const { stdout, stderr } = await runCli(["dump", address, "--connect-timeout", `${LAST_WORDS}`]);
  return `${name}: ${stdout}${stderr}`.trim();
}

async function withinReason(answer: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, LAST_WORDS, "no answer");
  });
  return Promise.race([answer, late])
    .catch((error: unknown) => error)
    .finally(() => clearTimeout(timer));
}
