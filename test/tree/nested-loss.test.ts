import { ClusterExecutor, task } from "pydist";
import { afterEach, expect, it } from "vitest";
import { fileHome, isAlive, spawnNode, spawnTree } from "../support/processes.js";

let executor: ClusterExecutor | undefined;
afterEach(() => executor?.shutdown({ cancelFutures: true }));

/** Adds up 1 to n by halves; the halves are tasks of their own, and the smallest take a moment. */
async function sum(from: number, to: number): Promise<number> {
  if (to - from < 2) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return from === to ? from : from + to;
  }
  const middle = (from + to) >> 1;
  const { executor: own } = task.context();
  const [left, right] = await Promise.all([own.submit(sum, [from, middle]), own.submit(sum, [middle + 1, to])]);
  return left + right;
}

it("a node that dies with tasks that wait for their own costs nothing but time", async () => {
  const tree = await spawnTree({
    name: "root",
    workers: 0,
    children: [
      { name: "left", workers: 2, children: [{ name: "leaf", workers: 1 }] },
      { name: "right", workers: 1 },
    ],
  });
  executor = new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile });
  await executor.waitForNodes(4);
  let settled = 0;
  const killed = new Promise<void>((resolve) => {
    executor?.on("taskSettled", () => {
      if (++settled !== 40) return;
      tree.node("left").kill();
      resolve();
    });
  });
  const future = executor.submit(sum, [1, 150], { attempts: 5 });
  await killed;
  expect(await future).toBe((150 * 151) / 2);
  expect(isAlive(tree.node("left").pid)).toBe(false);
});

it("what a task submits reaches the whole tree, not only what is below its node", async () => {
  const root = await spawnNode({ name: "root", workers: 0 });
  const children = await Promise.all(
    ["a", "b", "c"].map((name) => spawnNode({ name, workers: 1, parent: root.address })),
  );
  executor = new ClusterExecutor(root.address, { secretFile: fileHome().secretFile });
  await executor.waitForNodes(4);
  const nodes = await executor.submit(async () => {
    const where = async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return task.context().node;
    };
    const { executor: own } = task.context();
    return Promise.all(Array.from({ length: 12 }, () => own.submit(where)));
  });
  expect(new Set(nodes)).toEqual(new Set(children.map(({ id }) => id)));
});

it("a task that its program no longer wants is stopped, even an endless one: the slot is there for the next program", async () => {
  const root = await spawnNode({ name: "root", workers: 1 });
  const first = new ClusterExecutor(root.address, { secretFile: fileHome().secretFile, abortGrace: 50 });
  const endless = first.submit(async () => {
    task.context().progress(0.5);
    for (;;);
  });
  await new Promise<void>((resolve) => first.once("progress", () => resolve()));
  await Promise.all([first.terminateWorkers(), endless.catch(() => {})]);
  executor = new ClusterExecutor(root.address, { secretFile: fileHome().secretFile });
  expect(await executor.submit(() => "free")).toBe("free");
});
