import { inspect } from "node:util";
import type { ClusterExecutor, Future } from "pydist";

/** Milliseconds after which what has not ended is taken for stuck. */
const BOUND = 12_000;
/** ... and for the nodes to say how they are: they may be what is stuck. */
const LAST_WORDS = 2000;

export interface Watched {
  readonly executor: ClusterExecutor;
  readonly futures?: readonly Future<unknown>[];
}

/**
 * What `ending` resolves with. If it does not end in time, the state of every node, of the statistics and of the futures
 * is printed, and the test fails: that something hangs says nothing, where it hangs does.
 */
export async function watch<T>(ending: Promise<T>, watched: Watched, bound = BOUND): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, bound, "late");
  });
  const first = await Promise.race([ending.then((value) => ({ value })), late]).finally(() => clearTimeout(timer));
  if (first !== "late") return first.value;
  const report = await reportOn(watched);
  console.error(report);
  throw new Error(`Nothing came of it within ${bound} ms.\n${report}`);
}

async function reportOn({ executor, futures = [] }: Watched): Promise<string> {
  const nodes = await withinReason(executor.nodes());
  const stats = await withinReason(executor.stats());
  const states = futures.map((future, i) => `${i}: ${inspect(future)}`);
  return [
    `nodes: ${inspect(nodes, { depth: 4 })}`,
    `stats: ${inspect(stats, { depth: 4 })}`,
    `futures: ${states.length === 0 ? "none" : `\n  ${states.join("\n  ")}`}`,
  ].join("\n");
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
