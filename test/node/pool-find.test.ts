import { type Bodies, BodiesBuilder, encodeArguments } from "@pydist/protocol";
import { ship } from "@pydist/shipping";
import { describe, expect, it } from "vitest";
import type { Texts } from "../../packages/pydist-node/dist/pool/messages.js";
import { Pool } from "../../packages/pydist-node/dist/pool/pool.js";
import { opened } from "../support/opened.js";

const { hash, text } = ship(() => new Promise<never>(() => {}));
const texts: Texts = { code: text, initializer: undefined, captured: undefined };
const limits = { hops: 1, travelled: 0, priority: 0, attempts: 3, attempt: 1, depth: 0, grace: 1000 };
const head = { code: hash, name: "endless", executor: "e", batch: 1, first: 0, ...limits };

function calls(count: number): Bodies {
  const bodies = new BodiesBuilder();
  for (let n = 0; n < count; n++) bodies.add(encodeArguments([n]));
  return bodies.build();
}

function makePool(tasksPerWorker = 1): Pool {
  const nothing = (): void => {};
  const pool = new Pool(
    { node: "n", workers: 1, tasksPerWorker },
    {
      results: nothing,
      started: nothing,
      returned: nothing,
      suspended: nothing,
      ready: nothing,
      said: nothing,
      stray: nothing,
      output: nothing,
      threadDied: nothing,
    },
  );
  opened({ close: () => pool.destroy() });
  return pool;
}

async function runs(pool: Pool, lease: number): Promise<void> {
  while (pool.find(lease, 0).is !== "running") await new Promise((resolve) => setImmediate(resolve));
}

describe("a pool that is asked where a task is", () => {
  it("says which runs, and how many come before another of the same run", async () => {
    const pool = makePool();
    pool.start(1, head, calls(4), texts);
    await runs(pool, 1);
    const thread = expect.any(Number);
    expect(pool.find(1, 0)).toEqual({ is: "running", for: expect.any(Number), thread });
    expect(pool.find(1, 3)).toEqual({ is: "next", after: 3, for: expect.any(Number), thread });
    pool.recall(1);
    expect(pool.find(1, 3)).toEqual({ is: "over" });
    expect(pool.find(1, 2)).toMatchObject({ is: "next", after: 2 });
  });

  it("says that its code is on the way, and that others are on its thread", async () => {
    const pool = makePool(2);
    pool.start(1, head, calls(1), new Promise(() => {}));
    expect(pool.find(1, 0)).toEqual({ is: "fetching", what: "code", for: expect.any(Number) });
    const busy = ship(() => {
      for (;;);
    });
    pool.start(2, { ...head, code: busy.hash }, calls(1), { ...texts, code: busy.text });
    await runs(pool, 2);
    pool.start(3, head, calls(1), texts);
    expect(pool.find(3, 0)).toMatchObject({ is: "loading", others: 1 });
  });

  it("says that it is over with what it never had", () => {
    expect(makePool().find(9, 0)).toEqual({ is: "over" });
  });
});
