import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { afterEach, beforeAll, describe } from "vitest";
import { fileHome, type Shape, spawnTree, type Tree } from "../support/processes.js";

/** Makes an executor for one test; it is shut down after it. */
export type Open = (options?: ExecutorOptions) => Promise<ClusterExecutor>;

/**
 * The same behaviour, whoever runs the tasks: this process's threads, a node in a process of its own, or a tree of
 * three levels of such processes.
 */
const KINDS: Readonly<Record<string, { readonly shape: Shape | undefined; readonly nodes: number }>> = {
  embedded: { shape: undefined, nodes: 1 },
  "one remote node": { shape: { name: "root", workers: 2 }, nodes: 1 },
  "a tree of three levels": {
    shape: { name: "root", children: [{ name: "left", children: [{ name: "leaf" }] }, { name: "right" }] },
    nodes: 4,
  },
};

export function describeExecutors(what: string, tests: (open: Open) => void): void {
  describe.each(Object.entries(KINDS))(`${what}: %s`, (_kind, { shape, nodes }) => {
    let tree: Tree | undefined;
    const opened: ClusterExecutor[] = [];

    beforeAll(async () => {
      if (shape !== undefined) tree = await spawnTree(untilFile(shape));
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true })));
    });

    tests(async (options = {}) => {
      const executor =
        tree === undefined
          ? new ClusterExecutor({ maxWorkers: 2, ...options })
          : new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile, ...options });
      opened.push(executor);
      await executor.ready();
      await executor.waitForNodes(nodes, { timeout: 10_000 });
      return executor;
    });
  });
}

function untilFile(shape: Shape): Shape {
  return { ...shape, until: "file", children: (shape.children ?? []).map(untilFile) };
}
