import { asCompleted, ClusterExecutor, type Future, TimeoutError, wait } from "pydist";
import { afterAll, describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";

const executor = new ClusterExecutor({ maxWorkers: 2, tasksPerWorker: 8 });
const other = new ClusterExecutor({ maxWorkers: 1 });
afterAll(() => Promise.all([executor.shutdown(), other.shutdown()]));

function after(milliseconds: number): Future<number> {
  return executor.submit(
    async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ms;
    },
    [milliseconds],
  );
}

/** Not done before the gate opens. */
function held(gate: Gate, n: number): Future<unknown> {
  return executor.submit(hold, [gate.port, n]);
}

function failing(milliseconds: number): Future<never> {
  return executor.submit(
    async (ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      throw new Error("failing");
    },
    [milliseconds],
  );
}

function cancelled(): Future<number> {
  const future = executor.submit(() => 1);
  future.cancel();
  return future;
}

describe("wait", () => {
  it("for all, whatever becomes of them, throws nothing (row 106)", async () => {
    const futures = [after(5), failing(1), cancelled()];
    const { done, notDone } = await wait(futures);
    expect(done).toEqual(new Set(futures));
    expect(notDone.size).toBe(0);
  });

  it("counts duplicates once (row 100)", async () => {
    const future = after(1);
    expect((await wait([future, future])).done.size).toBe(1);
  });

  it("for the first that completes (rows 101, 102)", async () => {
    const gate = await Gate.make();
    const [fast, slow] = [after(1), held(gate, 1)];
    expect(await wait([fast, slow], { returnWhen: "FIRST_COMPLETED" })).toEqual({
      done: new Set([fast]),
      notDone: new Set([slow]),
    });
    const ready = cancelled();
    expect((await wait([ready, slow], { returnWhen: "FIRST_COMPLETED" })).done).toEqual(new Set([ready]));
    gate.open();
    await slow;
  });

  it("for the first that throws, with the successes so far (rows 103, 104, 105)", async () => {
    const gate = await Gate.make();
    const fast = after(1);
    await fast;
    const [bad, slow, gone] = [failing(1), held(gate, 1), cancelled()];
    const { done, notDone } = await wait([fast, bad, slow, gone], { returnWhen: "FIRST_EXCEPTION" });
    expect(done).toEqual(new Set<unknown>([fast, bad, gone]));
    expect(notDone).toEqual(new Set([slow]));
    expect((await wait([bad, slow], { returnWhen: "FIRST_EXCEPTION" })).done).toEqual(new Set([bad]));
    gate.open();
    await slow;
  });

  it("for some time only (row 107)", async () => {
    const gate = await Gate.make();
    const [fast, slow] = [after(1), held(gate, 1)];
    await fast;
    expect(await wait([fast, slow], { timeout: 0 })).toEqual({
      done: new Set([fast]),
      notDone: new Set([slow]),
    });
    expect((await wait([fast, slow], { timeout: 5 })).notDone).toEqual(new Set([slow]));
    gate.open();
    await slow;
  });

  it("for a hundred that complete together (row 108), and for those of several executors", async () => {
    const futures = Array.from({ length: 100 }, (_, i) => (i % 2 ? executor : other).submit((n: number) => n, [i]));
    expect((await wait(futures)).done.size).toBe(100);
    expect((await wait([])).done.size).toBe(0);
  });
});

describe("asCompleted", () => {
  it("gives those that are done first, then the others as they complete (row 109)", async () => {
    const [first, second] = [await Gate.make(), await Gate.make()];
    const [late, later, ready] = [held(first, 1), held(second, 2), cancelled()];
    const order: unknown[] = [];
    for await (const future of asCompleted([later, late, ready])) {
      order.push(future);
      (future === ready ? first : second).open();
    }
    expect(order).toEqual([ready, late, later]);
  });

  it("gives each once, of any iterable (row 111)", async () => {
    const future = after(1);
    const seen: unknown[] = [];
    for await (const each of asCompleted(new Set([future, future]).values())) seen.push(each);
    for await (const each of asCompleted([future, future])) seen.push(each);
    expect(seen).toEqual([future, future]);
  });

  it("after its time throws, having given what was done (rows 110, 113)", async () => {
    const gate = await Gate.make();
    const [fast, fast2, slow, slow2] = [after(1), after(1), held(gate, 1), held(gate, 2)];
    await Promise.all([fast, fast2]);
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const future of asCompleted([fast, slow, fast2, slow2], { timeout: 0 })) seen.push(future);
    };
    await expect(read()).rejects.toThrow(new TimeoutError("2 (of 4) futures unfinished"));
    expect(seen).toEqual([fast, fast2]);
    gate.open();
    await Promise.all([slow, slow2]);
  });

  it("may be asked for several at once: each is given another one", async () => {
    const gates = [await Gate.make(), await Gate.make(), await Gate.make()];
    const futures = gates.map(held);
    const completing = asCompleted(futures);
    const asked = Array.from({ length: 4 }, () => completing.next());
    for (const [i, gate] of gates.entries()) {
      gate.open();
      await futures[i];
    }
    const given = await Promise.all(asked);
    expect(given.map(({ value }) => value)).toEqual([...futures, undefined]);
    const gate = await Gate.make();
    const late = asCompleted([held(gate, 0)], { timeout: 20 });
    const [first, second] = await Promise.allSettled([late.next(), late.next()]);
    gate.open();
    expect([first, second]).toEqual([
      { status: "rejected", reason: new TimeoutError("1 (of 1) futures unfinished") },
      { status: "fulfilled", value: { done: true, value: undefined } },
    ]);
  });

  it("lets those go that wait when it is left", async () => {
    const gate = await Gate.make();
    const slow = held(gate, 1);
    const completing = asCompleted([slow]);
    const [one, two] = [completing.next(), completing.next()];
    await completing.return();
    expect(await Promise.all([one, two])).toEqual(Array(2).fill({ done: true, value: undefined }));
    expect(slow.done()).toBe(false);
    gate.open();
    await slow;
  });

  it("can be left", async () => {
    const slow = after(200);
    for await (const future of asCompleted([after(1), slow])) {
      expect(future).not.toBe(slow);
      break;
    }
    await slow;
  });
});

describe("a wrong argument is named", () => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose.
  const [anyWait, anyCompleted] = [wait as any, asCompleted as any];

  it("by wait and asCompleted", async () => {
    await expect(anyWait(3)).rejects.toThrow("wait's futures are 3; they must be an iterable of futures.");
    await expect(anyWait([Promise.resolve(1)])).rejects.toThrow(
      "wait was given Promise { 1 }; it takes futures, as submit returns them.",
    );
    await expect(anyWait([], { returnWhen: "SOMETIME" })).rejects.toThrow(
      "returnWhen is 'SOMETIME'; it must be one of ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION.",
    );
    await expect(anyWait([], { timeout: "1" })).rejects.toThrow("timeout is '1'; it must be a number.");
    expect(() => anyCompleted([], { timeout: -1 })).toThrow("timeout is -1; it must be milliseconds of at least 0.");
    for (const options of [5, null]) {
      const message = `options are ${options}; they must be an object.`;
      await expect(anyWait([], options)).rejects.toThrow(message);
      expect(() => anyCompleted([], options)).toThrow(message);
    }
    await expect(anyWait([], { timeOut: 1 })).rejects.toThrow(
      "wait has no option 'timeOut'; it has timeout, returnWhen.",
    );
    await expect(anyWait([], { returnWhen: "toString" })).rejects.toThrow(
      "returnWhen is 'toString'; it must be one of",
    );
    expect(() => anyCompleted([], { tmeout: 1 })).toThrow("asCompleted has no option 'tmeout'; it has timeout.");
    expect(() => anyCompleted("futures")).toThrow(
      "asCompleted's futures are 'futures'; they must be an iterable of futures.",
    );
  });
});
