import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ClusterExecutor } from "pydist";
import { describe, expect, it } from "vitest";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function* naturals(ended: () => void): Generator<number> {
  try {
    for (let n = 0; ; n++) yield n;
  } finally {
    ended();
  }
}

/** Collects until the event has come. */
async function collectUntil(event: Promise<void>): Promise<void> {
  let state: "open" | "come" = "open";
  void event.then(() => {
    state = "come";
  });
  while (state === "open") {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a map whose result is collected", () => {
  it.each(["not read", "read once"])("and was %s ends its source", async (how) => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    let ended = (): void => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    // In a function of its own: what it holds can be collected once it has returned.
    await (async () => {
      const map = executor.map((n: number) => n, naturals(ended));
      if (how === "read once") expect(await map.next()).toEqual({ done: false, value: 0 });
    })();
    await collectUntil(end);
    await executor.shutdown();
  });

  it("goes on if somebody awaits it, or if all of it has left", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const ms = Array<number>(20).fill(5);
    const sleep = (n: number): Promise<number> => new Promise((resolve) => setTimeout(resolve, n, n));
    let state: "awaited" | "there" = "awaited";
    const values = executor.map(sleep, ms).then((all) => {
      state = "there";
      return all;
    });
    void executor.map(sleep, ms);
    while (state === "awaited") {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await values).toEqual(ms);
    await executor.shutdown();
    expect((await executor.stats()).nodes[0]?.completed).toBe(40);
  });
});
