import { CancelledError, type ClusterExecutor, type Future } from "pydist";
import { expect, it } from "vitest";
import { random } from "../support/random.js";
import { describeExecutors } from "./executors.js";

const TASKS = 10_000;

/** A quick call, one that waits, one that computes, and now and then one that would never end. */
async function mixed(kind: "quick" | "waits" | "computes" | "endless", n: number): Promise<number> {
  if (kind === "waits") await new Promise((resolve) => setTimeout(resolve, 2));
  if (kind === "computes") for (const end = performance.now() + 1; performance.now() < end; );
  if (kind === "endless") for (;;);
  return n;
}

function kindOf(draw: number): Parameters<typeof mixed>[0] {
  if (draw < 0.004) return "endless";
  if (draw < 0.3) return "waits";
  return draw < 0.5 ? "computes" : "quick";
}

/** All slots are there: as many tasks as there are slots wait for each other, which takes all of them at once. */
async function allSlotsAreFree(executor: ClusterExecutor, slots: number): Promise<void> {
  const nap = () => new Promise((resolve) => setTimeout(resolve, 50));
  for (let round = 0; round < 3; round++) {
    const futures = Array.from({ length: slots }, () => executor.submit(nap));
    while (!futures.every((future) => future.running() || future.done())) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(futures);
  }
  for (const node of await executor.nodes()) expect([node.name, node.running, node.queued]).toEqual([node.name, 0, 0]);
}

describeExecutors("10,000 cancellations at random moments", (open) => {
  it("settle every future once, and give back every slot", async () => {
    const executor = await open({ abortGrace: 20 });
    const slots = (await executor.nodes()).reduce((sum, node) => sum + node.slots, 0);
    const draw = random(7);
    const settled = new Map<Future<number>, number>();
    const endless = new Set<Future<number>>();
    let open_ = 0;
    for (let i = 0; i < TASKS; i++) {
      const kind = kindOf(draw());
      const future = executor.submit(mixed, [kind, i]);
      open_++;
      future.addDoneCallback((done) => {
        open_--;
        settled.set(done, (settled.get(done) ?? 0) + 1);
      });
      future.catch(() => {});
      if (kind === "endless") endless.add(future);
      const how = draw();
      const stop = (): void => {
        if (how < 0.4 && future.cancel()) return;
        // What never ends by itself has to be stopped once it is known to run.
        if (how >= 0.4 || kind === "endless") future.abort(new Error("random"));
      };
      const when = draw();
      if (when < 0.1) stop();
      else if (when < 0.5) setImmediate(stop);
      else setTimeout(stop, draw() * 300);
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    while (open_ > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(settled.size).toBe(TASKS);
    expect([...settled.values()].every((times) => times === 1)).toBe(true);
    let cancelled = 0;
    for (const [future] of settled) {
      if (future.cancelled()) {
        cancelled++;
        await expect(future).rejects.toBeInstanceOf(CancelledError);
      } else {
        // Only who was asked to be cancelled too late has a result.
        expect(endless.has(future)).toBe(false);
        expect(await future).toBeGreaterThanOrEqual(0);
      }
    }
    expect(cancelled).toBeGreaterThan(TASKS / 10);
    await allSlotsAreFree(executor, slots);
  });
});
