import { asCompleted, type Future, TimeoutError } from "pydist";
import { expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, hold } from "../support/gate.js";
import { row } from "./row.js";
import { list, namesOf, range } from "./support.js";

describeExecutors("asCompleted", (open) => {
  row(109, "gives all, those first that are done already", async () => {
    const executor = await open();
    const [done, failed] = [
      executor.submit(() => 1),
      executor.submit(() => Promise.reject<number>(new Error("failed"))),
    ];
    await Promise.allSettled([done, failed]);
    const cancelled = executor.submit(() => 3);
    cancelled.cancel();
    const [one, other] = [await Gate.make(), await Gate.make()];
    const first = executor.submit(hold, [one.port, 4]);
    const second = executor.submit(hold, [other.port, 5]);
    await Promise.all([one.entered(1), other.entered(1)]);
    const futures: Record<string, Future<unknown>> = { second, done, failed, first, cancelled };
    const seen: Future<unknown>[] = [];
    for await (const future of asCompleted<Future<unknown>>(Object.values(futures))) {
      // The compiler takes what such a loop gives for awaited; it is not.
      seen.push(future as Future<unknown>);
      if (seen.length === 3) one.open();
      if (seen.length === 4) other.open();
    }
    expect(namesOf(seen, futures)).toEqual(["done", "failed", "cancelled", "first", "second"]);
  });

  row(110, "for some time only gives what is done by then, then throws", async () => {
    const executor = await open();
    const done = executor.submit(() => 1);
    const cancelled = executor.submit(() => 2);
    cancelled.cancel();
    await done;
    const never = executor.submit(hold, [(await Gate.make()).port, 3]);
    for (const timeout of [0, 100]) {
      const completions = asCompleted<Future<unknown>>([cancelled, done, never], { timeout });
      expect((await completions.next()).value).toBe(cancelled);
      expect((await completions.next()).value).toBe(done);
      await expect(completions.next()).rejects.toBeInstanceOf(TimeoutError);
      expect(await completions.next()).toEqual({ done: true, value: undefined });
    }
  });

  row(111, "gives duplicates once, and takes any iterable", async () => {
    const executor = await open();
    const future = executor.submit(() => 1);
    function* twice(): Generator<Future<number>> {
      yield future;
      yield future;
    }
    for (const futures of [[future, future], twice(), new Set([future]), new Map([[future, 1]]).keys()]) {
      expect(namesOf(await list(asCompleted(futures)), { future })).toEqual(["future"]);
    }
  });

  row(113, "says how many are unfinished when the time is over", async () => {
    const executor = await open();
    const done = range(2).map((i) => executor.submit((n: number) => n, [i]));
    await Promise.all(done);
    const gate = await Gate.make();
    const never = range(2).map((i) => executor.submit(hold, [gate.port, i]));
    const completions = asCompleted<Future<unknown>>([...never, ...done], { timeout: 0 });
    await completions.next();
    await completions.next();
    await expect(completions.next()).rejects.toThrow(new TimeoutError("2 (of 4) futures unfinished"));
  });
});
