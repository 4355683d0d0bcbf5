import { ClusterExecutor, type ExecutorOptions, type OutputLine, task } from "pydist";
import { describe, expect, it } from "vitest";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { runProgram } from "../support/programs.js";
import { describeExecutors } from "./executors.js";

function gathering() {
  const lines: OutputLine[] = [];
  const output = (line: OutputLine): void => void lines.push(line);
  const texts = (stream?: OutputLine["stream"]): string[] =>
    lines.filter((line) => stream === undefined || line.stream === stream).map(({ text }) => text);
  return { lines, output, texts };
}

function embedded(options: ExecutorOptions): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers: 1, ...options });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

describeExecutors("what tasks write", (open) => {
  it("is there in whole lines, with stream, node and task, when the future settles", async () => {
    const { lines, output } = gathering();
    const executor = await open({ output });
    const future = executor.submit(
      () => {
        console.log("one");
        console.error("two %d", 2);
        process.stdout.write("thr");
        process.stdout.write(Buffer.from("ee\r\n\nfour"));
      },
      [],
      { name: "writer" },
    );
    await future;
    const name = (await executor.nodes()).find(({ id }) => id === future.node)?.name;
    const line = (stream: OutputLine["stream"], text: string) => {
      return { node: future.node, name, stream, text, task: "writer" };
    };
    expect(lines).toEqual([
      line("stdout", "one"),
      line("stderr", "two 2"),
      line("stdout", "three"),
      line("stdout", ""),
      line("stdout", "four"),
    ]);
  });

  it("is that of every task of a map, each once", async () => {
    const { output, texts } = gathering();
    const executor = await open({ output });
    await executor.map(
      (n: number) => {
        if (n % 40 === 0) console.log(n);
        return n;
      },
      Array.from({ length: 4000 }, (_, i) => i),
    );
    expect(
      texts()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 100 }, (_, i) => 40 * i));
  });

  it("comes to the program also from tasks that tasks submit", async () => {
    const { output, texts } = gathering();
    const executor = await open({ output });
    await executor.submit(async () => {
      console.log("outside");
      await task.context().executor.submit(() => console.log("inside"));
    });
    expect(texts()).toEqual(["outside", "inside"]);
  });

  it("is not lost when the task fails or exits", async () => {
    const { output, texts } = gathering();
    const executor = await open({ output, abortGrace: 0 });
    const thrown = executor.submit(() => {
      process.stdout.write("thrown");
      throw new RangeError("on purpose");
    });
    await expect(thrown).rejects.toThrow("on purpose");
    const exited = executor.submit(() => {
      process.stdout.write("exited");
      process.exit(3);
    });
    await expect(exited).rejects.toThrow("exit code 3");
    expect(texts()).toEqual(["thrown", "exited"]);
  });
});

describe("lines", () => {
  it("of tasks that share a thread are whole, and each task's own", async () => {
    const { lines, output } = gathering();
    const executor = embedded({ tasksPerWorker: 3, output });
    const gate = await Gate.make();
    const talk = async (port: number, name: string): Promise<void> => {
      const { connect } = await import("node:net");
      process.stdout.write(`${name} begins`);
      const socket = connect(port, "127.0.0.1").resume();
      socket.write(`"${name}"\n`);
      await new Promise((resolve) => socket.once("close", resolve));
      process.stdout.write(` and ends\n`);
    };
    const names = ["a", "b", "c"];
    const all = names.map((name) => executor.submit(talk, [gate.port, name], { name }));
    await gate.entered(3);
    gate.open();
    await Promise.all(all);
    const said = lines.map(({ task, text }) => [task, text]).sort();
    expect(said).toEqual(names.map((name) => [name, `${name} begins and ends`]));
  });

  it("that are too many in a second are counted, and one line says how many", async () => {
    const { lines, output } = gathering();
    const executor = embedded({ output });
    const count = 20_000;
    await executor.submit(
      (n: number) => {
        for (let i = 0; i < n; i++) console.log(i);
      },
      [count],
    );
    const left = lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text);
    const out = left.map((text) => {
      const said = /^\(pydist left out (\d+) lines: a worker may write 1000 lines or 1 MiB a second\)$/.exec(text);
      return Number(said?.[1]);
    });
    const kept = lines.length - left.length;
    expect(kept).toBeGreaterThanOrEqual(1000);
    expect(kept + out.reduce((sum, n) => sum + n, 0)).toBe(count);
  });

  it("that never end are cut, and bounded as well", async () => {
    const { lines, output } = gathering();
    const executor = embedded({ output });
    await executor.submit(() => {
      const part = "é".repeat(50_000);
      for (let i = 0; i < 200; i++) process.stdout.write(part);
    });
    const kept = lines.filter(({ stream }) => stream === "stdout");
    expect(new Set(kept.slice(0, -1).map(({ text }) => text.length))).toEqual(new Set([32 * 1024]));
    expect(lines.at(-1)?.text).toMatch(/^\(pydist left out \d+ lines: /);
  });

  it("of a task go on to come after it is over", async () => {
    const { lines, output } = gathering();
    const heard = new Promise<void>((resolve) => {
      const hear = (line: OutputLine): void => {
        output(line);
        resolve();
      };
      const executor = embedded({ output: hear });
      void executor.submit(() => void setImmediate(() => console.log("later")), [], { name: "careless" });
    });
    await heard;
    expect(lines).toEqual([expect.objectContaining({ text: "later", task: "careless" })]);
  });

  it("are refused by the stream, and not taken, if they are no text", async () => {
    const executor = embedded({ output: "ignore" });
    const failed = executor.submit(() => void process.stdout.write(1 as never));
    await expect(failed).rejects.toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    const written = executor.submit(
      () => new Promise<string>((resolve) => process.stdout.write("eA==", "base64", () => resolve("written"))),
    );
    expect(await written).toBe("written");
  });

  it("that a task claims in vain to have written harm nobody", async () => {
    const { output, texts } = gathering();
    const executor = embedded({ output });
    const told = new Promise<string>((resolve) => executor.once("strayError", (_task, message) => resolve(message)));
    await executor.submit(async () => {
      const { parentPort } = await import("node:worker_threads");
      parentPort?.postMessage({ kind: "output" });
    });
    expect(await told).toMatch(/^A task posted a message to its node, which was passed over: /);
    expect(texts()).toEqual([]);
    const gate = await Gate.make();
    gate.open();
    expect(await executor.submit(hold, [gate.port, 1])).toBe(1);
  });
});

describe("the option output", () => {
  const program = new URL("fixtures/output.mjs", import.meta.url);

  it("prints, by default, on the same streams, as the program's own lines", async () => {
    const ended = await runProgram(program);
    expect(ended).toEqual({ code: 0, stdout: "one\nthree\nsettled\n", stderr: "two\n" });
  });

  it("ignores", async () => {
    const ended = await runProgram(program, { args: ["ignore"] });
    expect(ended).toEqual({ code: 0, stdout: "settled\n", stderr: "" });
  });

  it("is told if its function throws, and goes on", async () => {
    const { code, stdout, stderr } = await runProgram(program, { args: ["throw"] });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "settled\n" });
    expect(stderr).toContain("no room for one");
    expect(stderr).toContain("no room for three");
  });

  it("is nothing else", () => {
    expect(() => new ClusterExecutor({ output: "printed" as never })).toThrow(
      'output is \'printed\'; it must be "print", "ignore", or a function that is given each line.',
    );
  });
});
