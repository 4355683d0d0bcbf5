import { task } from "pydist";
import { expect, it } from "vitest";
import { describeExecutors } from "./executors.js";

function where(_item?: number): string {
  return task.context().node;
}

describeExecutors("tasks for one node", (open) => {
  it("submit with `node` runs there and nowhere else, map's calls as well", async () => {
    const executor = await open();
    for (const { id } of await executor.nodes()) {
      const futures = Array.from({ length: 20 }, () => executor.submit(where, [], { node: id }));
      expect(new Set(await Promise.all(futures))).toEqual(new Set([id]));
      expect(futures.every((future) => future.node === id)).toBe(true);
      expect(new Set(await executor.map(where, Array<number>(50).fill(0), { node: id }))).toEqual(new Set([id]));
    }
  });

  it("runOnAll runs once on every node, and tells of each what came of it", async () => {
    const executor = await open();
    const ids = (await executor.nodes()).map(({ id }) => id);
    const places = await executor.runOnAll(where);
    expect([...places].map(([id, { status }]) => [id, status])).toEqual(ids.map((id) => [id, "fulfilled"]));
    for (const [id, settled] of places) expect(settled).toEqual({ status: "fulfilled", value: id });
    const sums = await executor.runOnAll((a: number, b: number) => a + b, [1, 2]);
    expect([...sums.values()]).toEqual(ids.map(() => ({ status: "fulfilled", value: 3 })));
    const failed = await executor.runOnAll(() => {
      throw new RangeError("not here");
    });
    for (const settled of failed.values()) {
      expect(settled).toMatchObject({ status: "rejected", reason: { name: "RangeError", message: "not here" } });
    }
  });

  it("a task may place its own", async () => {
    const executor = await open();
    const ids = (await executor.nodes()).map(({ id }) => id);
    const places = await executor.submit(
      async (nodes: string[]) => {
        const { executor: own } = task.context();
        return Promise.all(nodes.map((node) => own.submit(() => task.context().node, [], { node })));
      },
      [ids],
    );
    expect(places).toEqual(ids);
  });
});
