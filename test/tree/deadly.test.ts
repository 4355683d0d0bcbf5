import { NodeLostError } from "pydist";
import { expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { spawnNode } from "../support/processes.js";
import { watch } from "../support/watchdog.js";

it("a task that ends its node again and again fails, and those that ran beside it each time do not", {
  timeout: 60_000,
}, async () => {
  const node = await spawnNode({ workers: 2 });
  const executor = attach(node.address, { connectTimeout: 60_000 });
  const deadly = executor.submit(() => {
    // As native code does that breaks.
    process.kill(process.pid, "SIGABRT");
    return new Promise(() => {});
  });
  const nap = (i: number) => new Promise<number>((resolve) => setTimeout(() => resolve(i), 100));
  const others = Array.from({ length: 12 }, (_, i) => executor.submit(nap, [i]));
  const error: unknown = await watch(
    deadly.catch((reason: unknown) => reason),
    { executor, futures: [deadly] },
    40_000,
  );
  expect(error).toBeInstanceOf(NodeLostError);
  expect(error).toMatchObject({ nodes: [node.id, node.id, node.id], attempts: 3 });
  expect(await watch(Promise.all(others), { executor, futures: others })).toEqual(others.map((_, i) => i));
  // It had a neighbour that was with it twice.
  expect(Math.max(...others.map(({ attempts }) => attempts as number))).toBeGreaterThan(1);
});
