import { ClusterExecutor } from "pydist";
import { beforeAll, describe } from "vitest";
import { attach } from "../support/attach.js";
import { opened } from "../support/opened.js";
import { spawnTree, type Tree } from "../support/processes.js";

/** Ten slots, so that up to nine ranks run at once: several on each thread, several threads of a process, or two nodes. */
export function describePlaces(what: string, tests: (open: () => ClusterExecutor) => void): void {
  describe(`${what}: on one node`, () => {
    tests(() => {
      const executor = new ClusterExecutor({ maxWorkers: 2, tasksPerWorker: 5 });
      opened({ close: () => executor.shutdown({ cancelFutures: true }) });
      return executor;
    });
  });

  describe(`${what}: on two nodes`, () => {
    let tree: Tree;
    beforeAll(async () => {
      const args = ["--tasks-per-worker", "5"];
      tree = await spawnTree({ name: "root", args, until: "file", children: [{ name: "leaf", args, until: "file" }] });
    });
    tests(() => attach(tree.address));
  });
}
