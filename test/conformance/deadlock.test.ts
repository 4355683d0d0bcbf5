import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BrokenExecutorError,
  ClusterExecutor,
  type Future,
  NodeLostError,
  registerErrorClass,
  SerializationError,
  task,
  WorkerExitError,
} from "pydist";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { describeExecutors } from "../behaviour/executors.js";
import { Gate, holdThenExit, holdThenKill, holdThenThrow, known, occupy } from "../support/gate.js";
import { fileHome, spawnNode, spawnTree } from "../support/processes.js";
import { watch } from "../support/watchdog.js";
import type * as hostile from "./fixtures/hostile.mjs";
import { row } from "./row.js";
import { range, reasonOf } from "./support.js";

/*
 * What goes wrong (an error, the end of the thread, the end of the process) at every station of a task: while its
 * arguments are encoded and decoded, while it runs, while its result is encoded and decoded. Each must end by name and
 * leave the executor usable; whatever hangs is reported with the state of every node.
 */

const fixtures = new URL("./fixtures/hostile.mjs", import.meta.url).href;
const messageOf = task<typeof hostile.messageOf>(fixtures, "messageOf");
const throwWhenEncoded = task<typeof hostile.throwWhenEncoded>(fixtures, "throwWhenEncoded");
const exitWhenEncoded = task<typeof hostile.exitWhenEncoded>(fixtures, "exitWhenEncoded");
const crashWhenEncoded = task<typeof hostile.crashWhenEncoded>(fixtures, "crashWhenEncoded");
const returnUndecodable = task<typeof hostile.returnWhatCannotBeDecoded>(fixtures, "returnWhatCannotBeDecoded");
const throwUndecodable = task<typeof hostile.throwWhatCannotBeDecoded>(fixtures, "throwWhatCannotBeDecoded");

/** Here they are errors as any; the workers have registered others of the same names. */
class ThrowsWhenDecoded extends Error {}
class ExitsWhenDecoded extends Error {}
class CrashesWhenDecoded extends Error {}

/** What the future fails with; the executor goes on as if nothing had happened. */
async function failureOf(executor: ClusterExecutor, future: Future<unknown>): Promise<unknown> {
  const error = await watch(reasonOf(future), { executor, futures: [future] });
  const after = executor.submit(() => "still there");
  expect(await watch(after, { executor, futures: [after] })).toBe("still there");
  return error;
}

describeExecutors("a task", (open) => {
  row(130, "whose arguments cannot be encoded is refused at the call", async () => {
    const executor = await open();
    const hostileArgument = {
      get value() {
        throw new RangeError("cannot be read");
      },
    };
    expect(() => executor.submit((x: unknown) => x, [hostileArgument])).toThrow(SerializationError);
    expect(() => executor.submit((x: unknown) => x, [() => 1])).toThrow("args[0]");
    expect(await executor.submit(() => "still there")).toBe("still there");
    await watch(executor.shutdown(), { executor });
  });

  row(131, "whose arguments end its worker while they are decoded fails alone", async () => {
    const executor = await open();
    const innocent = executor.submit(messageOf, [new Error("innocent")]);
    expect(await innocent).toBe("innocent");
    const bad = executor.submit(messageOf, [new ExitsWhenDecoded("bad")]);
    const error = await failureOf(executor, bad);
    expect(error).toBeInstanceOf(BrokenExecutorError);
    expect((error as Error).message + String((error as Error).cause)).toContain("7");
  });

  row(132, "whose arguments cannot be decoded fails alone", async () => {
    const executor = await open();
    const innocent = executor.submit(messageOf, [new Error("innocent")]);
    const bad = executor.submit(messageOf, [new ThrowsWhenDecoded("bad")]);
    const error = await failureOf(executor, bad);
    expect(error).toBeInstanceOf(SerializationError);
    expect((error as Error).message).toContain("its name cannot be read");
    expect(await innocent).toBe("innocent");
  });

  row(135, "that exits fails with the exit code", async () => {
    const executor = await open();
    const gate = await Gate.make();
    gate.open();
    const error = await failureOf(executor, executor.submit(holdThenExit, [gate.port, 5]));
    expect(error).toBeInstanceOf(WorkerExitError);
    expect(error).toMatchObject({ exitCode: 5 });
  });

  row(136, "that throws fails with what it threw", async () => {
    const executor = await open();
    const gate = await Gate.make();
    gate.open();
    const error = await failureOf(executor, executor.submit(holdThenThrow, [gate.port, "thrown"]));
    expect(error).toEqual(new RangeError("thrown"));
  });

  row(138, "that exits while its result is encoded fails with the exit code", async () => {
    const executor = await open();
    const error = await failureOf(executor, executor.submit(exitWhenEncoded));
    expect(error).toBeInstanceOf(WorkerExitError);
    expect(error).toMatchObject({ exitCode: 8 });
  });

  row(139, "whose result cannot be encoded fails with the path of what cannot travel", async () => {
    const executor = await open();
    expect(await failureOf(executor, executor.submit(throwWhenEncoded))).toMatchObject({
      code: "PYDIST_E_SERIALIZATION",
      path: "result.value",
    });
    for (const unsendable of [() => [() => 1], () => [Symbol("s")]]) {
      expect(await failureOf(executor, executor.submit(unsendable))).toMatchObject({
        code: "PYDIST_E_SERIALIZATION",
        path: "result[0]",
      });
    }
  });

  row(140, "whose result cannot be decoded here fails alone", async () => {
    registerErrorClass(
      class NotDecodedHere extends Error {
        override get name(): string {
          throw new RangeError("not here");
        }
      },
    );
    const executor = await open();
    const innocent = executor.submit(messageOf, [new Error("innocent")]);
    for (const bad of [executor.submit(returnUndecodable), executor.submit(throwUndecodable)]) {
      const error = await failureOf(executor, bad);
      expect(error).toBeInstanceOf(SerializationError);
      expect((error as Error).message).toContain("not here");
    }
    expect(await innocent).toBe("innocent");
  });

  row(142, "that ends its worker after shutdown was called does not hold it up", async () => {
    const executor = await open();
    const gate = await Gate.make();
    const dying = executor.submit(holdThenExit, [gate.port, 1]);
    const waiting = range(5).map((i) => executor.submit((n: number) => n, [i]));
    await gate.entered(1);
    const over = executor.shutdown({ wait: true });
    gate.open();
    await watch(over, { executor, futures: [dying, ...waiting] });
    expect(await reasonOf(dying)).toBeInstanceOf(WorkerExitError);
    expect(await Promise.all(waiting)).toEqual(range(5));
  });

  row(143, "that cannot be sent does not hold up a shutdown that nobody waits for", async () => {
    const executor = await open();
    const before = executor.submit(() => "before");
    expect(() => executor.submit((x: unknown) => x, [Symbol("s")])).toThrow(SerializationError);
    await executor.shutdown({ wait: false });
    expect(await before).toBe("before");
    await watch(executor.shutdown({ wait: true }), { executor, futures: [before] });
  });

  row(144, "with a large argument that ends its worker fails by name", async () => {
    const executor = await open();
    const exitWith = (bytes: Uint8Array): never => process.exit(bytes.length > 0 ? 6 : 0);
    const error = await failureOf(executor, executor.submit(exitWith, [new Uint8Array(16 * 1024 * 1024)]));
    expect(error).toMatchObject({ code: "PYDIST_E_WORKER_EXIT", exitCode: 6 });
  });

  row(145, "is not lost among a hundred that do not fit into the channel", async () => {
    const executor = await open();
    const gate = await Gate.make();
    void (await occupy(executor, gate));
    const lengthOf = (bytes: Uint8Array): number => bytes.length;
    const futures = range(100).map((i) => executor.submit(lengthOf, [new Uint8Array(256 * 1024 + i)]));
    gate.open();
    const lengths = await watch(Promise.all(futures), { executor, futures });
    expect(lengths).toEqual(range(100).map((i) => 256 * 1024 + i));
  });
});

describe("a crash of the node's process", () => {
  const folder = mkdtempSync(join(tmpdir(), "pydist-crash-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let executor: ClusterExecutor;
  let root: string;
  let children = 0;

  /** Whoever wants to crash waits until this is called; so it is known before that the task had begun. */
  let letCrash = (): void => {};

  /** A child that is to be lost. */
  async function addChild(): Promise<void> {
    const sign = join(folder, `crash-${++children}`);
    letCrash = () => writeFileSync(sign, "now");
    const joined = new Promise((resolve) => executor.once("nodeJoined", resolve));
    await spawnNode({ parent: root, name: `child-${children}`, env: { TEST_CRASH_SIGN: sign } });
    await joined;
  }

  beforeAll(async () => {
    const tree = await spawnTree({ name: "root", workers: 0, until: "file" });
    root = tree.address;
    executor = new ClusterExecutor(root, { secretFile: fileHome().secretFile, attempts: 1 });
    await executor.ready();
  });
  afterAll(() => executor.shutdown({ cancelFutures: true }));

  async function lostWith(future: Future<unknown>): Promise<void> {
    await watch(known(future), { executor, futures: [future] });
    letCrash();
    const error = await watch(reasonOf(future), { executor, futures: [future] });
    expect(error).toBeInstanceOf(NodeLostError);
    expect((error as NodeLostError).attempts).toBe(1);
    const after = executor.submit(() => "still there");
    await addChild();
    expect(await watch(after, { executor, futures: [after] })).toBe("still there");
  }

  row(133, "while arguments are decoded", async () => {
    await addChild();
    await lostWith(executor.submit(messageOf, [new CrashesWhenDecoded("crash")]));
  });

  row(134, "while the function runs", async () => {
    await addChild();
    const gate = await Gate.make();
    letCrash = () => gate.open();
    await lostWith(executor.submit(holdThenKill, [gate.port]));
  });

  row(137, "while the result is encoded", async () => {
    await addChild();
    await lostWith(executor.submit(crashWhenEncoded));
  });
});

describe("a node that reads nothing", () => {
  /** It is the node itself that is stopped, and not the supervisor before it. */
  const args = ["--no-supervise"];

  row(144, "and is lost with a large message on its way costs nothing: the task runs on another", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "child", args }] });
    const executor = new ClusterExecutor(tree.address, { secretFile: fileHome().secretFile, attempts: 1 });
    await executor.waitForNodes(2, { timeout: 10_000 });
    // It has credit to give and reads nothing: what is sent stays in the pipe.
    tree.node("child").kill("SIGSTOP");
    const lengthOf = (bytes: Uint8Array): number => bytes.length;
    const large = executor.submit(lengthOf, [new Uint8Array(32 * 1024 * 1024)]);
    const lost = new Promise((resolve) => executor.once("nodeLost", resolve));
    tree.node("child").kill("SIGKILL");
    await lost;
    await spawnNode({ name: "next", parent: tree.address });
    expect(await watch(large, { executor, futures: [large] })).toBe(32 * 1024 * 1024);
    await executor.shutdown();
  });

  row(145, "gets a hundred submissions when it reads again", async () => {
    const root = await spawnNode({ workers: 1, args });
    const executor = new ClusterExecutor(root.address, { secretFile: fileHome().secretFile });
    await executor.ready();
    root.kill("SIGSTOP");
    const lengthOf = (bytes: Uint8Array): number => bytes.length;
    const futures = range(100).map((i) => executor.submit(lengthOf, [new Uint8Array(256 * 1024 + i)]));
    await new Promise((resolve) => setImmediate(resolve));
    root.kill("SIGCONT");
    const lengths = await watch(Promise.all(futures), { executor, futures });
    expect(lengths).toEqual(range(100).map((i) => 256 * 1024 + i));
    await executor.shutdown();
  });
});
