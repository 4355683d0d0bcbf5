import { execFileSync } from "node:child_process";
import { type JobNode, JobServer, runJob } from "@pydist/work-server";
import { ClusterExecutor, InvalidStateError } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { Summing } from "./summing.js";

const opened: ClusterExecutor[] = [];
afterEach(() => Promise.all(opened.splice(0).map((executor) => executor.shutdown({ cancelFutures: true }))));

function embedded(maxWorkers = 2): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers, abortGrace: 50 });
  opened.push(executor);
  return executor;
}

class Squares implements JobNode<string, number, { block: number; square: number }> {
  #told = "nothing";
  async init(told: string): Promise<void> {
    this.#told = told;
  }
  process(block: number): { block: number; square: number } {
    if (!this.#told.startsWith("for ")) throw new Error(`init was given ${this.#told}`);
    return { block, square: block ** 2 };
  }
}

/** What the tests below change of a job that hands out `blocks` numbers and is done when all are back. */
class Plain extends JobServer<undefined, number, unknown> {
  readonly results: unknown[] = [];
  readonly #blocks: number;
  handedOut = 0;

  constructor(blocks: number) {
    super();
    this.#blocks = blocks;
  }
  override nextData(): number | undefined {
    return this.handedOut < this.#blocks ? this.handedOut++ : undefined;
  }
  override processResult(_node: string, result: unknown): void {
    this.results.push(result);
  }
  override isDone(): boolean {
    return this.results.length === this.#blocks;
  }
}

describe("a job on this machine", () => {
  it("merges every block once, asks for a node's data once, and calls no two methods at the same time", async () => {
    const server = new Summing(200);
    await runJob(embedded(), server, Squares);
    expect([...server.merged].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(server.of("init")).toHaveLength(1);
    expect(server.of("lost")).toEqual([]);
    expect(server.most).toBe(1);
  });

  it("prepares each thread once, before its first block, also one that takes the place of another", async () => {
    class Counting implements JobNode<undefined, number, string> {
      calls: string[] = [];
      init(): void {
        this.calls.push("init");
      }
      process(block: number): string {
        this.calls.push("block");
        if (block === 5 && this.calls.length > 5) process.exit(1);
        return this.calls.join(" ");
      }
    }
    const server = new Plain(20);
    await runJob(embedded(1), server, Counting as never);
    expect(server.results).toHaveLength(20);
    for (const calls of server.results as string[]) expect(calls).toMatch(/^init( block)+$/);
    expect(server.results.filter((calls) => calls === "init block")).toHaveLength(2);
  });

  it("asks again after the next result where there was nothing", async () => {
    // Each block but the first needs the result before it.
    class Chain extends JobServer<undefined, number, number> {
      value: number | undefined = 1;
      last = 0;
      override nextData(): number | undefined {
        const value = this.value;
        this.value = undefined;
        return value;
      }
      override processResult(_node: string, result: number): void {
        this.value = result;
        this.last = result;
      }
      override isDone(): boolean {
        return this.last >= 1024;
      }
    }
    class Doubling implements JobNode<undefined, number, number> {
      process(n: number): number {
        return n * 2;
      }
    }
    const server = new Chain();
    await runJob(embedded(), server, Doubling);
    expect(server.last).toBe(1024);
  });

  it("hands out as many blocks as there are slots, and as many ahead as it was told", async () => {
    for (const [ahead, most] of [
      [undefined, 4],
      [0, 2],
      [3, 8],
    ] as const) {
      const executor = embedded(2);
      const gate = await Gate.make();
      const held = [executor.submit(hold, [gate.port, 1]), executor.submit(hold, [gate.port, 2])];
      await gate.entered(2);
      const server = new Plain(20);
      const over = runJob(executor, server, Squares as never, ahead === undefined ? {} : { ahead });
      await executor.nodes();
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      expect(server.handedOut).toBe(most);
      gate.open();
      await Promise.all(held);
      await expect(over).rejects.toThrow("Cannot read properties");
    }
  });

  it("is over when isDone says so: nothing is asked any more, and what runs is stopped", async () => {
    class Search extends Plain {
      override isDone(): boolean {
        return this.results.length > 0;
      }
    }
    class Endless implements JobNode<undefined, number, number> {
      process(block: number): number {
        for (;;) if (block === 1) return block;
      }
    }
    const executor = embedded(2);
    const server = new Search(100);
    await runJob(executor, server, Endless);
    expect(server.results).toEqual([1]);
    expect(await executor.submit(() => "free")).toBe("free");
  });

  it("is over at once when there is nothing to do", async () => {
    const server = new Plain(0);
    await runJob(embedded(1), server, Squares as never);
    expect(server.handedOut).toBe(0);
  });

  it("a block may call code that is not JavaScript: WebAssembly, and another program", async () => {
    class Foreign implements JobNode<Uint8Array, number, { sum: number; said: string }> {
      #add = (_a: number, _b: number): number => Number.NaN;
      async init(wasm: Uint8Array): Promise<void> {
        // Node's types leave it out.
        const api = Reflect.get(globalThis, "WebAssembly") as {
          instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { add(a: number, b: number): number } } }>;
        };
        this.#add = (await api.instantiate(wasm)).instance.exports.add;
      }
      process(n: number): { sum: number; said: string } {
        const said = execFileSync(process.execPath, ["-p", `${n} + 1`], { encoding: "utf8" });
        return { sum: this.#add(n, 1), said: said.trim() };
      }
    }
    class Adding extends Plain {
      override initData(): never {
        // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
        const text = "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b";
        return new Uint8Array(Buffer.from(text, "hex")) as never;
      }
    }
    const server = new Adding(4);
    await runJob(embedded(2), server, Foreign as never);
    const sums = (server.results as { sum: number; said: string }[]).sort((a, b) => a.sum - b.sum);
    expect(sums).toEqual([1, 2, 3, 4].map((sum) => ({ sum, said: `${sum}` })));
  });

  it("several jobs at once keep apart what their threads know", async () => {
    const executor = embedded(2);
    const servers = [new Summing(50), new Summing(50), new Summing(50)];
    await Promise.all(servers.map((server) => runJob(executor, server, Squares)));
    for (const server of servers) expect(server.merged).toHaveLength(50);
  });
});

describe("a job that fails", () => {
  it.each(["initData", "nextData", "processResult", "isDone"] as const)("ends with what %s threw", async (method) => {
    const server = new Plain(10);
    const error = new RangeError(`${method} failed`);
    (server as unknown as Record<string, () => Promise<never>>)[method] = () => Promise.reject(error);
    class Echo implements JobNode<undefined, number, number> {
      process(n: number): number {
        return n;
      }
    }
    await expect(runJob(embedded(1), server, Echo)).rejects.toBe(error);
  });

  it("tries a block again whose process threw, and then ends with that error", async () => {
    class Flaky implements JobNode<undefined, number, number> {
      tries = 0;
      process(n: number): number {
        if (n === 3 && ++this.tries < 2) throw new RangeError("the first time");
        return n;
      }
    }
    const server = new Plain(6);
    await runJob(embedded(1), server, Flaky);
    expect(server.results).toHaveLength(6);
    await expect(runJob(embedded(1), new Plain(6), Flaky, { retries: 0 })).rejects.toThrow(RangeError);
  });

  it("ends with what init threw", async () => {
    class Broken implements JobNode<undefined, number, number> {
      init(): void {
        throw new RangeError("no init");
      }
      process(n: number): number {
        return n;
      }
    }
    await expect(runJob(embedded(1), new Plain(3), Broken)).rejects.toThrow("no init");
  });

  it("ends when its executor does, also while it waits for nodes", async () => {
    const executor = new ClusterExecutor({ listen: "127.0.0.1:0", maxWorkers: 0, secret: "x".repeat(43) });
    opened.push(executor);
    let asked = (): void => {};
    const begun = new Promise<void>((resolve) => {
      asked = resolve;
    });
    class Waiting extends Plain {
      override isDone(): boolean {
        asked();
        return super.isDone();
      }
    }
    const over = runJob(executor, new Waiting(3), Squares as never);
    await begun;
    await executor.shutdown();
    await expect(over).rejects.toThrow("The executor was shut down.");
  });

  it("asks nothing any more once a block has failed", async () => {
    class Failing implements JobNode<undefined, number, number> {
      process(): number {
        throw new RangeError("always");
      }
    }
    const server = new Plain(1000);
    await expect(runJob(embedded(2), server, Failing, { ahead: 0, retries: 0 })).rejects.toThrow("always");
    const { handedOut } = server;
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.handedOut).toBe(handedOut);
    expect(server.results).toEqual([]);
  });

  it("says so when it is not done and nothing is left to do", async () => {
    class Forgetful extends Plain {
      override isDone(): boolean {
        return false;
      }
    }
    class Echo implements JobNode<undefined, number, number> {
      process(n: number): number {
        return n;
      }
    }
    const stuck = runJob(embedded(1), new Forgetful(3), Echo);
    await expect(stuck).rejects.toBeInstanceOf(InvalidStateError);
    await expect(stuck).rejects.toThrow(
      "The job is not done, but nextData has no block for any node and no result is awaited, so nothing would ever " +
        "change. Have isDone() say that it is over, or nextData() await what it needs.",
    );
  });

  it.each<[string, () => Promise<void>, string]>([
    [
      "server",
      () => runJob(embedded(1), {} as never, Squares as never),
      "runJob's server is {}, which has no method initData; it must be a JobServer.",
    ],
    [
      "class",
      () => runJob(embedded(1), new Plain(1), (() => 1) as never),
      "it must be a class that has a method process.",
    ],
    [
      "option",
      () => runJob(embedded(1), new Plain(1), Squares as never, { ahead: -1 }),
      "ahead is -1; it must be a whole number of at least 0.",
    ],
  ])("refuses a wrong %s", async (_what, call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
});
