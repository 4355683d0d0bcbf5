import { ClusterExecutor, type Future, InvalidStateError, SerializationError, task } from "pydist";
import { expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { describeExecutors } from "./executors.js";

/* Functions travel as text: each says for itself what it needs. */

async function echoUntilNull(): Promise<number> {
  const context = task.context();
  for (let count = 0; ; count++) {
    const value = await context.receive();
    if (value === null) return count;
    await context.send(value);
  }
}

describeExecutors("a channel between a task and its submitter", (open) => {
  it("carries values of every kind both ways, in order and once", async () => {
    const executor = await open();
    const cyclic: { self?: unknown; list: number[] } = { list: [1, 2] };
    cyclic.self = cyclic;
    const values: unknown[] = [
      ...[1, -0, Number.NaN, "text", true, undefined, 12n ** 30n, [1, [2, [3]]], { a: { b: 1 } }],
      ...[new Date(5), new Map([[{ k: 1 }, new Set([1])]]), /a+/g, new TypeError("told"), cyclic],
      ...[Float64Array.of(Number.NaN, -0), Uint8Array.of(1, 2), new BigInt64Array([1n]), Buffer.from("bytes")],
    ];
    const heard: unknown[] = [];
    const future = executor.submit(echoUntilNull, [], { onMessage: (value) => heard.push(value) });
    // Before it has begun, too.
    for (const value of values) void future.send(value);
    await future.send(null);
    expect(await future).toBe(values.length);
    expect(heard).toEqual(values);
    const [, minusZero] = heard;
    expect(Object.is(minusZero, -0)).toBe(true);
  });

  it("has a task wait when nobody takes what it sends, and go on when somebody does", async () => {
    const executor = await open();
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let bytes = 0;
    let first = (): void => {};
    const begun = new Promise<void>((resolve) => {
      first = resolve;
    });
    const future = executor.submit(
      async (count: number) => {
        const context = task.context();
        for (let i = 0; i < count; i++) {
          await context.send(new Uint8Array(1024 * 1024).fill(i));
          context.progress(0);
        }
        return "sent";
      },
      [32],
      {
        onMessage: async (value) => {
          first();
          await gate;
          bytes += (value as Uint8Array).length;
        },
      },
    );
    await begun;
    // The answer to another task comes by the same way as the rest would.
    await executor.submit(() => 1);
    expect(bytes).toBe(0);
    expect(future.done()).toBe(false);
    go();
    expect(await future).toBe("sent");
    expect(bytes).toBe(32 * 1024 * 1024);
  });

  it("has the submitter wait when the task does not receive", async () => {
    const executor = await open();
    const future = executor.submit(
      async () => {
        const context = task.context();
        // It listens, and takes the rest only when it is told to: by the first message.
        let sum = ((await context.receive()) as Uint8Array).length;
        await context.send("took one");
        for (let i = 1; i < 16; i++) sum += ((await context.receive()) as Uint8Array).length;
        return sum;
      },
      [],
      { onMessage: () => {} },
    );
    let left = 0;
    const sends = Array.from({ length: 16 }, () =>
      future.send(new Uint8Array(1024 * 1024)).then(() => {
        left++;
      }),
    );
    await Promise.all(sends);
    expect(left).toBe(16);
    expect(await future).toBe(16 * 1024 * 1024);
  });

  it("tells the submitter that the task is over", async () => {
    const executor = await open();
    const future: Future<string> = executor.submit(() => "over");
    const early = future.send(1);
    await expect(early).rejects.toThrow(InvalidStateError);
    await expect(early).rejects.toThrow(
      "The task is finished, so nobody takes what is sent to it. Send while it runs.",
    );
    expect(await future).toBe("over");
    await expect(future.send(2)).rejects.toThrow("The task is finished");
  });

  it("refuses what cannot travel, by its path, at either end", async () => {
    const executor = await open();
    const future = executor.submit(async () => {
      const context = task.context();
      const told = await context.send({ a: [() => 1] }).catch((error: Error) => `${error.name}: ${error.message}`);
      await context.receive();
      return told;
    });
    await expect(future.send({ b: Symbol("b") })).rejects.toThrow(SerializationError);
    await expect(future.send({ b: Symbol("b") })).rejects.toThrow("message.b");
    await future.send("end");
    expect(await future).toMatch(/^SerializationError: .*message\.a\[0\]/);
  });

  it("ends with the task's signal", async () => {
    const executor = await open();
    let ready = (): void => {};
    const listening = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const heard: unknown[] = [];
    const future = executor.submit(
      async () => {
        const context = task.context();
        await context.send("here");
        try {
          await context.receive();
        } catch (error) {
          // What the task was stopped with; nothing is sent any more.
          const late = await context.send(1).catch((again: unknown) => again === error);
          if (late) context.log.info((error as Error).message);
          throw error;
        }
      },
      [],
      {
        onMessage: (value) => {
          heard.push(value);
          ready();
        },
      },
    );
    await listening;
    future.abort(new Error("enough"));
    await expect(future).rejects.toThrow("aborted");
    expect(heard).toEqual(["here"]);
  });

  it("is there for tasks that tasks submit, too, at any depth", async () => {
    const executor = await open();
    const talk = async (depth: number): Promise<unknown[]> => {
      const context = task.context();
      if (depth === 0) {
        await context.send("here");
        return [await context.receive()];
      }
      const heard: unknown[] = [];
      const child = context.executor.submit(talk, [depth - 1], {
        onMessage: (value) => {
          heard.push(value);
          void child.send(`to ${depth - 1}`);
          void context.send(`${value} below ${depth}`);
        },
      });
      const below = await child;
      return [...heard, below, await context.receive()];
    };
    const heard: unknown[] = [];
    const future = executor.submit(talk, [3], {
      onMessage: (value) => {
        heard.push(value);
        void future.send("from the program");
      },
    });
    expect(await future).toEqual([
      "here below 1 below 2",
      ["here below 1", ["here", ["to 0"], "to 1"], "to 2"],
      "from the program",
    ]);
    expect(heard).toEqual(["here below 1 below 2 below 3"]);
  });
});

it("a task answers its own tasks even if they have the only slot", async () => {
  const executor = new ClusterExecutor({ maxWorkers: 1 });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  const asks = async () => {
    const context = task.context();
    await context.send("which?");
    return context.receive();
  };
  const answers = async () => {
    const onMessage = (question: unknown): Promise<void> => child.send(`${question} this`);
    const child: Future<unknown> = task.context().executor.submit(asks, [], { onMessage });
    return child;
  };
  expect(await executor.submit(answers)).toBe("which? this");
});

it("a message has a suspended task go on only with a slot", async () => {
  const executor = new ClusterExecutor({ maxWorkers: 1 });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  const gate = await Gate.make();
  const heard: unknown[] = [];
  const future = executor.submit(
    async (port: number) => {
      const context = task.context();
      const held = context.executor.submit(hold, [port, "child"]);
      await context.send(`took ${await context.receive()}`);
      return held;
    },
    [gate.port],
    { onMessage: (value) => heard.push(value) },
  );
  // The child has the only slot.
  await gate.entered(1);
  await future.send("a message");
  for (let is: string | undefined; is !== "ready"; ) is = (await executor.explain(future)).path.at(-1)?.is;
  expect(heard).toEqual([]);
  gate.open();
  expect(await future).toBe("child");
  expect(heard).toEqual(["took a message"]);
});
