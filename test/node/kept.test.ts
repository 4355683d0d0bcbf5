import { type ShippedCode, ship } from "@pydist/shipping";
import { BrokenExecutorError, CancelledError, type ClusterExecutor, SerializationError, task } from "pydist";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Future } from "../../packages/futures/dist/index.js";
import { MapRun } from "../../packages/futures/dist/map-run.js";
import { sourceOf } from "../../packages/futures/dist/map-source.js";
import { capturedOf, capturing, type Program, programWith } from "../support/captured.js";
import { RawEnd } from "../tree/raw-end.js";

/* What open tasks name by hash is kept for them, and let go with the last of them, however they end. */

let program: Program;
beforeEach(() => {
  program = programWith("program", { workers: 1 });
});
afterEach(() => program.engine.close("the test is over"));

/** A function that captured more than rides in a header. */
function large(fn: (...args: never[]) => unknown) {
  return capturing(fn, capturedOf(5000));
}

const addOne = (n: number): number => n + 1;
const never = (): Promise<void> => new Promise(() => {});

function submit(code = large(addOne), args: unknown[] = [1], options = {}): Future<unknown> {
  return program.dispatcher.submit(code, args, options);
}

async function outcome(future: Future<unknown>): Promise<unknown> {
  return future.then(
    (value) => value,
    (error: unknown) => error,
  );
}

describe("what tasks name is kept until they are settled", () => {
  it("once for each batch, and let go with the last", async () => {
    const code = large(addOne);
    const gate = submit(large(never));
    const futures = [1, 2, 3].map((priority) => submit(code, [priority], { priority }));
    program.dispatcher.leave();
    expect(program.engine.kept.get(code.captured?.hash as string)).toBe(3);
    // The code itself, too: its other text is that of the gate.
    expect(program.engine.kept.get(code.hash)).toBe(3);
    expect(program.engine.kept.size).toBe(4);
    gate.abort("enough");
    expect(await Promise.all(futures)).toEqual([2, 3, 4]);
    expect(await outcome(gate)).toBeInstanceOf(CancelledError);
    await program.dispatcher.idle();
    expect(program.engine.kept.size).toBe(0);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["returns", () => submit()],
    [
      "throws",
      () =>
        outcome(
          submit(
            large(() => {
              throw new Error("no");
            }),
          ),
        ),
    ],
    [
      "throws, again and again",
      () =>
        outcome(
          submit(
            large(() => {
              throw new Error("no");
            }),
            [],
            { retries: 3 },
          ),
        ),
    ],
    ["ends its thread", () => outcome(submit(large(() => process.exit(1))))],
    [
      "is cancelled before it leaves",
      async () => {
        const future = submit();
        future.cancel();
        return outcome(future);
      },
    ],
    [
      "is cancelled in the queue",
      async () => {
        const running = submit(large(never));
        const queued = submit();
        program.dispatcher.leave();
        queued.cancel();
        running.abort();
        return Promise.all([outcome(queued), outcome(running)]);
      },
    ],
    ["takes too long", () => outcome(submit(large(never), [], { timeout: 20 }))],
    ["cannot travel", async () => expect(() => submit(large(addOne), [() => 1])).toThrow()],
    [
      "waits for a task that fails",
      () => {
        const failing = submit(
          large(() => {
            throw new Error("no");
          }),
        );
        return outcome(submit(large(addOne), [failing]));
      },
    ],
    ["waits for one that returns", () => submit(large(addOne), [submit()])],
    [
      "is one of a map",
      () => {
        const items = Array.from({ length: 10_000 }, (_, i) => i);
        const run = new MapRun(program.dispatcher.mapHost(large(addOne), {}), sourceOf([items]), {
          ...{ ordered: true, chunksize: 7, buffersize: undefined, timeout: undefined },
          ...{ signal: undefined, watcher: undefined },
        });
        program.dispatcher.addMap(run);
        return run.all();
      },
    ],
  ])("where one %s", async (_how, come) => {
    await come();
    await program.dispatcher.idle();
    expect(program.engine.kept.size).toBe(0);
  });

  it.each<[string, (program: Program) => void, unknown]>([
    ["terminates", ({ dispatcher }) => dispatcher.terminate(), BrokenExecutorError],
    ["breaks", ({ dispatcher }) => dispatcher.breakAll(new BrokenExecutorError("broken")), BrokenExecutorError],
  ])("where the executor %s", async (_how, end, error) => {
    const running = submit(large(never));
    program.dispatcher.leave();
    await new Promise((resolve) => setImmediate(resolve));
    end(program);
    expect(program.engine.kept.size).toBe(0);
    expect(await outcome(running)).toBeInstanceOf(error);
  });

  it("where the node is lost that had the task", async () => {
    const attached = programWith("attached");
    try {
      const leaf = RawEnd.below(attached.engine, "leaf");
      const future = attached.dispatcher.submit(large(addOne), [1], { attempts: 1 });
      const [given] = await leaf.tasks();
      leaf.say({ t: "started", lease: given?.frame.lease as number, ranges: [0, 1] });
      await new Promise((resolve) => setImmediate(resolve));
      leaf.link.terminate("lost");
      expect(await outcome(future)).toMatchObject({ code: "PYDIST_E_NODE_LOST" });
      expect(attached.engine.kept.size).toBe(0);
    } finally {
      await attached.engine.close("over");
    }
  });

  it("where a task submits", async () => {
    const table = Array.from({ length: 2000 }, (_, i) => i);
    const parent = async (): Promise<number> => {
      const { executor } = task.context() as unknown as { executor: ClusterExecutor };
      return (await executor.submit((n: number) => (table[n] as number) + 1, [1])) + 1;
    };
    expect(await submit(ship(parent), [])).toBe(3);
    await program.dispatcher.idle();
    expect(program.engine.kept.size).toBe(0);
  });

  it("with values among the arguments of a call that waits, if its code says so", async () => {
    class Settings {
      readonly factor = 10;
    }
    const settings = new Settings();
    const plain = ship((n: number, { known }: { known: string }) => `${n} ${known}`);
    const code: ShippedCode = {
      ...plain,
      keeps: (value) => value === settings,
      encodeArguments: (args) => plain.encodeArguments(args.map(withoutSettings)),
    };
    /** As a code does whose captured values hold them. */
    function withoutSettings(argument: unknown): unknown {
      return Object(argument).known === settings ? { known: "the same settings" } : argument;
    }
    expect(await submit(code, [submit(), { known: settings }])).toBe("2 the same settings");
    expect(() => submit({ ...code, keeps: () => false }, [submit(), { known: settings }])).toThrow(SerializationError);
  });

  it("of 20,000 different captures, each its own batch, nothing is left", async () => {
    const futures = Array.from({ length: 20_000 }, (_, i) => submit(large(addOne), [i]));
    const results = await Promise.all(futures);
    expect(results.at(-1)).toBe(20_000);
    expect(program.engine.kept.size).toBe(0);
  });
});
