import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { Countdown } from "../../packages/pydist-node/dist/countdown.js";

/** This thread does nothing else for so long. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function over(milliseconds: number): Promise<void> {
  return new Promise((resolve) => new Countdown(milliseconds, resolve));
}

describe("a countdown", () => {
  it("is over after its time", async () => {
    const started = performance.now();
    await over(30);
    expect(performance.now() - started).toBeGreaterThan(25);
  });

  it("lets those be heard first who spoke while this thread did not listen", async () => {
    const said = new Int32Array(new SharedArrayBuffer(4));
    const source = `const { parentPort, workerData: said } = require("node:worker_threads");
      parentPort.once("message", () => { parentPort.postMessage("in time"); Atomics.store(said, 0, 1); Atomics.notify(said, 0); });`;
    const worker = new Worker(source, { eval: true, workerData: said });
    const order: string[] = [];
    const heard = new Promise<void>((resolve) => {
      worker.once("message", (text) => {
        order.push(text);
        resolve();
      });
    });
    worker.postMessage("speak");
    const late = new Promise<void>((resolve) => {
      new Countdown(5, () => {
        order.push("over");
        resolve();
      });
    });
    Atomics.wait(said, 0, 0);
    standStill(10);
    await Promise.all([heard, late]);
    expect(order).toEqual(["in time", "over"]);
    await worker.terminate();
  });

  it("gives as much time again as this thread stood still, up to once the whole", async () => {
    const started = performance.now();
    const ends = [over(200), over(1000)].map(async (end) => {
      await end;
      return performance.now();
    });
    standStill(500);
    const moved = performance.now();
    const [short = 0, long = 0] = await Promise.all(ends);
    expect(short - moved).toBeGreaterThan(150);
    // It was not due before that.
    expect(long - started).toBeGreaterThan(950);
  });

  it("is nothing once it is stopped, also in the moment when it is due", async () => {
    let called = 0;
    const [early, due, endless] = [30, 1, Number.POSITIVE_INFINITY].map((ms) => new Countdown(ms, () => called++));
    early?.stop();
    // Of two timers for the same time the second goes off behind the first, before anything else.
    setTimeout(() => due?.stop(), 1);
    standStill(10);
    await over(60);
    expect(called).toBe(0);
    endless?.stop();
  });
});
