import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { type Cluster, startCluster } from "../support/processes.js";

/** Makes an executor for one test; it is shut down after it. */
export type Open = (options?: ExecutorOptions) => Promise<ClusterExecutor>;

/**
 * The same behaviour, whoever runs the tasks: this process's threads, a node in a process of its own, or a tree of
 * three levels of such processes.
 */
const KINDS = {
  embedded: [],
  "one remote node": [{ name: "root", workers: 2 }],
  "a tree of three levels": [
    { name: "root", workers: 1 },
    { name: "left", parent: "root", workers: 1 },
    { name: "right", parent: "root", workers: 1 },
    { name: "leaf", parent: "left", workers: 1 },
  ],
} as const;

export function describeExecutors(what: string, tests: (open: Open) => void): void {
  describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(`${what}: %s`, (kind) => {
    let cluster: Cluster | undefined;
    const opened: ClusterExecutor[] = [];

    beforeAll(async () => {
      if (KINDS[kind].length > 0) cluster = await startCluster(KINDS[kind]);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true })));
    });
    afterAll(() => cluster?.stop());

    tests(async (options = {}) => {
      const executor =
        cluster === undefined
          ? new ClusterExecutor({ maxWorkers: 2, ...options })
          : new ClusterExecutor(cluster.address, { secretFile: cluster.secretFile, ...options });
      opened.push(executor);
      await executor.ready();
      await executor.waitForNodes(Math.max(1, KINDS[kind].length), { timeout: 10_000 });
      return executor;
    });
  });
}
