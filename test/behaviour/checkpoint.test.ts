import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointError, ClusterExecutor, type MapOptions } from "pydist";
import { describe, expect, it, onTestFinished } from "vitest";
import { folderOf } from "../support/folders.js";
import { Gate, hold } from "../support/gate.js";
import { fileHome } from "../support/processes.js";
import { runProgram } from "../support/programs.js";
import { describeExecutors } from "./executors.js";

const program = new URL("../fixtures/programs/checkpoint.mjs", import.meta.url);

/** What was computed, or seen, as the file of a run tells. */
function numbersIn(file: string): number[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean).map(Number);
}

/** A folder for a checkpoint, with a ledger of the run that is next. */
class Runs {
  readonly folder = folderOf({});
  readonly path = join(this.folder, "run.ckpt");

  async run(limit: string, env: NodeJS.ProcessEnv = {}): Promise<{ computed: number[]; stdout: string }> {
    const { code, stdout, stderr } = await runProgram(program, { args: [this.folder, limit], env: this.#env(env) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return { computed: numbersIn(join(this.folder, "ledger")), stdout };
  }

  /** Kills the program once it has seen so many results; those after them never come. */
  async runAndKill(limit: string, seen: number): Promise<void> {
    const child = spawn(process.execPath, [fileURLToPath(program), this.folder, limit], {
      env: { ...fileHome().env, ...this.#env({ STOP_AT: `${seen}` }) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const gone = new Promise((resolve) => child.once("close", resolve));
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part) => {
      text += part;
      if (text.includes(`seen ${seen}\n`)) child.kill("SIGKILL");
    });
    await gone;
    expect(child.signalCode).toBe("SIGKILL");
  }

  #env(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const [LEDGER, SEEN] = [join(this.folder, "ledger"), join(this.folder, "seen")];
    for (const file of [LEDGER, SEEN]) writeFileSync(file, "");
    return { ...env, LEDGER, SEEN };
  }
}

const from = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);
const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

describe("a program that was killed", () => {
  it("computes only the rest when it is started again, and then nothing", async () => {
    const runs = new Runs();
    await runs.runAndKill("120", 60);
    const second = await runs.run("120");
    expect(ascending(second.computed)).toEqual(from(60, 120));
    expect(second.stdout).toContain("done 120\n");
    expect((await runs.run("120")).computed).toEqual([]);
    // Inputs behind those of then are no other inputs.
    expect(ascending((await runs.run("125")).computed)).toEqual(from(120, 125));
  });

  it("begins its calls in the order of their inputs, whichever was looked up first", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    // Of the only thread.
    const begin = (_: number): number => {
      const counts = globalThis as { begun?: number };
      counts.begun = (counts.begun ?? 0) + 1;
      return counts.begun;
    };
    const begun = await executor.map(begin, from(0, 2000), {
      checkpoint: join(folderOf({}), "run.ckpt"),
      chunksize: 1,
    });
    expect(begun).toEqual(from(1, 2001));
    await executor.shutdown();
  });

  it("goes on with an endless source", async () => {
    const runs = new Runs();
    await runs.runAndKill("Infinity", 40);
    const { computed, stdout } = await runs.run("Infinity", { ENOUGH: "80" });
    expect(Math.min(...computed)).toBe(40);
    expect(stdout).toContain("done 80\n");
  });

  it("is refused by name where another one uses the checkpoint", async () => {
    const runs = new Runs();
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const gate = await Gate.make();
    const map = executor.map(hold, [gate.port], ["a"], { checkpoint: runs.path });
    await gate.entered(1);
    const { stdout, computed } = await runs.run("10");
    expect(stdout).toBe(
      `CheckpointError: The checkpoint ${runs.path} is in use, by another process or by another map of this one. ` +
        "Wait until that has ended, or choose another name.\ndone 0\n",
    );
    expect(computed).toEqual([]);
    gate.open();
    await map;
    await executor.shutdown();
  });

  it("is told where the library has no binary", async () => {
    const runs = new Runs();
    const { stdout } = await runs.run("10", { npm_config_platform: "plan9" });
    expect(stdout).toContain(`CheckpointError: The checkpoint ${runs.path} cannot be used: the package classic-level`);
    expect(stdout).toContain("Install classic-level with its native part, or map without a checkpoint.\n");
  });
});

describe("a checkpoint that is torn", () => {
  /** Every file, empty, cut, changed in the middle, and gone. */
  const harms: Readonly<Record<string, (file: string) => void>> = {
    empty: (file) => truncateSync(file, 0),
    half: (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
    "short of a byte": (file) => truncateSync(file, Math.max(0, readFileSync(file).length - 1)),
    changed: (file) => {
      const bytes = readFileSync(file);
      for (let at = 5; at < bytes.length; at += 97) bytes[at] = ~(bytes[at] as number);
      writeFileSync(file, bytes);
    },
    gone: (file) => rmSync(file),
  };

  it("gives what is whole or is refused, and never a wrong result", async () => {
    const executor = new ClusterExecutor({ maxWorkers: 2 });
    const whole = join(folderOf({}), "whole");
    const square = (n: number): string => `${n * n}`.padStart(40);
    const right = from(0, 500).map(square);
    const map = (checkpoint: string, count: number) => executor.map(square, from(0, count), { checkpoint });
    await map(whole, 250);
    // Opened again, LevelDB lays out what it had in its log.
    await map(whole, 500);
    for (const name of readdirSync(whole)) {
      for (const [how, harm] of Object.entries(harms)) {
        const torn = join(folderOf({}), "torn");
        cpSync(whole, torn, { recursive: true });
        harm(join(torn, name));
        const outcome = await map(torn, 500).catch((error: unknown) => error);
        if (!(outcome instanceof CheckpointError)) expect(outcome, `${name} ${how}`).toEqual(right);
      }
    }
    await executor.shutdown();
  });
});

describeExecutors("the checkpoint of a map", (open) => {
  const refusal = async (map: PromiseLike<unknown>): Promise<CheckpointError> => {
    const error = await Promise.resolve(map).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CheckpointError);
    return error as CheckpointError;
  };

  it("belongs to a function, to what it captured, and to its inputs", async () => {
    const checkpoint = join(folderOf({}), "run.ckpt");
    const executor = await open();
    const times = (factor: number) => (n: number) => n * factor;
    const options = { checkpoint };
    expect(await executor.map(times(2), [1, 2, 3], options)).toEqual([2, 4, 6]);
    const otherwise = "Delete it to begin anew, or choose another name.";

    const text = await refusal(executor.map((n: number) => n + 1, [1, 2, 3], options));
    expect(text.message).toBe(
      `The checkpoint ${checkpoint} was made by another function: ` +
        `the text of "anonymous" then is not that of "anonymous" now. ${otherwise}`,
    );
    const captured = await refusal(executor.map(times(3), [1, 2, 3], options));
    expect(captured.message).toBe(
      `The checkpoint ${checkpoint} was made by another function: ` +
        `the values that "anonymous" captured are not those of then. ${otherwise}`,
    );
    const input = await refusal(executor.map(times(2), [1, 2, 4], options));
    expect(input.message).toBe(
      `The checkpoint ${checkpoint} was made with other inputs: input 2 is not what it was then. ${otherwise}`,
    );
    expect([text, captured, input].map(({ code, path, reason, input }) => [code, path, reason, input])).toEqual([
      ["PYDIST_E_CHECKPOINT", checkpoint, "function", undefined],
      ["PYDIST_E_CHECKPOINT", checkpoint, "captured values", undefined],
      ["PYDIST_E_CHECKPOINT", checkpoint, "input", 2],
    ]);
    // What was refused has changed nothing.
    expect(await executor.map(times(2), [1, 2, 3, 4], options)).toEqual([2, 4, 6, 8]);
  });

  it("sends no task once it is finished, and counts what it restores as done", async () => {
    const checkpoint = join(folderOf({}), "run.ckpt");
    const executor = await open();
    const values = (n: number) => ({ n, at: new Date(n), bytes: Uint8Array.of(n, 0x2c), none: undefined });
    const inputs = from(0, 200);
    const first = await executor.map(values, inputs, { checkpoint });
    expect(first).toEqual(inputs.map(values));
    const sent = async (): Promise<number> =>
      (await executor.stats()).nodes.reduce((sum, node) => sum + node.completed + node.failed, 0);
    const before = await sent();
    const done: number[] = [];
    const again: MapOptions[] = [
      { progress: (progress) => void done.push(progress.done) },
      { ordered: false },
      { buffersize: 3 },
      { chunksize: 7 },
    ];
    for (const options of again) {
      expect(await executor.map(values, inputs, { checkpoint, ...options })).toEqual(first);
      const seen: { n: number }[] = [];
      async function* later() {
        yield* inputs;
      }
      for await (const value of executor.map(values, later(), { checkpoint, ...options })) seen.push(value);
      expect(seen.sort((a, b) => a.n - b.n)).toEqual(first);
    }
    expect(await sent()).toBe(before);
    expect(done).toContain(200);
  });

  it("keeps no failure: what failed runs again, and futures among the inputs are as good as their values", async () => {
    const folder = folderOf({});
    const checkpoint = join(folder, "run.ckpt");
    const executor = await open();
    const lock = join(folder, "lock");
    mkdirSync(lock);
    const work = async (n: number, path: string) => {
      const { existsSync } = await import("node:fs");
      if (n === 1 && existsSync(path)) throw new RangeError("not yet");
      return n;
    };
    const inputs = () => [0, executor.submit((n: number) => n, [1]), 2];
    const paths = [lock, lock, lock];
    const map = () => executor.map(work, inputs() as number[], paths, { checkpoint });
    await expect(map()).rejects.toThrow("not yet");
    rmSync(lock, { recursive: true });
    expect(await map()).toEqual([0, 1, 2]);
  });

  it("lets go of a map that is cancelled, aborted or left before, while and after it is opened", async () => {
    const checkpoint = join(folderOf({}), "run.ckpt");
    const executor = await open();
    const gate = await Gate.make();
    const cancelled = executor.map(hold, [gate.port], [0], { checkpoint });
    cancelled.cancel();
    await expect(cancelled).rejects.toMatchObject({ code: "PYDIST_E_CANCELLED" });
    const aborted = executor.map(hold, [gate.port, gate.port], [0, 1], { checkpoint });
    await gate.entered(1);
    aborted.abort("enough");
    await expect(aborted).rejects.toMatchObject({ cause: "enough" });
    gate.open();
    for await (const _ of executor.map(hold, Array<number>(50).fill(gate.port), from(0, 50), { checkpoint })) break;
    expect((await executor.map(hold, Array<number>(50).fill(gate.port), from(0, 50), { checkpoint })).length).toBe(50);
  });
});

describe("a checkpoint's name", () => {
  it("is refused where something else is", async () => {
    const folder = folderOf({ "notes.txt": "mine" });
    const executor = new ClusterExecutor({ maxWorkers: 1 });
    const map = (checkpoint: string) => executor.map((n: number) => n, [1], { checkpoint });
    const file = join(folder, "notes.txt");
    await expect(map(file)).rejects.toThrow(
      `The checkpoint ${resolve(file)} cannot be used: it is no folder. Choose another name.`,
    );
    await expect(map(folder)).rejects.toThrow(
      `The checkpoint ${folder} cannot be used: it is a folder with other things in it, such as notes.txt. ` +
        "Choose another name.",
    );
    await expect(map(join(file, "below"))).rejects.toThrow(
      /^The checkpoint \S+below cannot be opened: .+\. Delete it to begin anew, or choose another name\.$/,
    );
    expect(() => map("")).toThrow("checkpoint is ''; it must be the path of a folder that map may make.");
    await executor.shutdown();
  });
});
