import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { afterEach, beforeAll, describe } from "vitest";
import { openGates } from "../support/gate.js";
import { fileHome, type Shape, spawnTree, type Tree } from "../support/processes.js";

/** Makes an executor for one test; it is shut down after it. */
export type Open = (options?: ExecutorOptions) => Promise<ClusterExecutor>;

/** Where the tasks run; there from the first test on. */
export interface Place {
  readonly kind: "embedded" | "attached";
  /** What a program needs for its bare `new ClusterExecutor()` to run its tasks there. */
  readonly env: NodeJS.ProcessEnv;
  /** The nodes' processes. @throws where there are none */
  readonly tree: Tree;
}

/** What every place is to have. */
interface Furnishing {
  /** MiB that a worker may use. */
  readonly workerMemory?: number;
}

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

export function describeExecutors(
  what: string,
  tests: (open: Open, place: Place) => void,
  { workerMemory }: Furnishing = {},
): void {
  const args = workerMemory === undefined ? [] : ["--worker-memory", `${workerMemory}`];
  describe.each(Object.entries(KINDS))(`${what}: %s`, (_kind, { shape, nodes }) => {
    let tree: Tree | undefined;
    const opened: ClusterExecutor[] = [];

    beforeAll(async () => {
      if (shape !== undefined) tree = await spawnTree(furnished(shape, args));
    });
    afterEach(async () => {
      // A test that failed may have left tasks standing there.
      openGates();
      await Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true })));
    });

    const open: Open = async (options = {}) => {
      const executor =
        tree === undefined
          ? new ClusterExecutor({ maxWorkers: 2, ...(workerMemory === undefined ? {} : { workerMemory }), ...options })
          : new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile, ...options });
      opened.push(executor);
      await executor.ready();
      await executor.waitForNodes(nodes, { timeout: 10_000 });
      return executor;
    };
    tests(open, {
      kind: shape === undefined ? "embedded" : "attached",
      get env() {
        return tree === undefined ? {} : { PYDIST_ADDRESS: tree.address };
      },
      get tree() {
        if (tree === undefined) throw new Error("An embedded executor has no nodes of its own.");
        return tree;
      },
    });
  });
}

function furnished(shape: Shape, args: readonly string[]): Shape {
  return { ...shape, args, until: "file", children: (shape.children ?? []).map((child) => furnished(child, args)) };
}
