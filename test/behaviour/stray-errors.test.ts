import { ClusterExecutor } from "pydist";
import { describe, expect, it } from "vitest";
import { range } from "../conformance/support.js";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, spawnTree } from "../support/processes.js";

/** Leaves something behind that goes wrong once the gate opens, and returns before. */
async function leaveTimer(port: number): Promise<string> {
  const { connect } = await import("node:net");
  const socket = connect(port, "127.0.0.1").once("close", () => {
    throw new RangeError("a timer threw");
  });
  await new Promise<void>((resolve) => socket.resume().write('"here"\n', () => resolve()));
  return "returned";
}

async function leavePromise(port: number): Promise<string> {
  const { connect } = await import("node:net");
  const socket = connect(port, "127.0.0.1").once("close", () => {
    void Promise.reject(new RangeError("nobody awaits it"));
  });
  await new Promise<void>((resolve) => socket.resume().write('"here"\n', () => resolve()));
  return "returned";
}

function silentLogger(errors: unknown[][]) {
  const nothing = (): void => {};
  return { debug: nothing, info: nothing, warn: nothing, error: (...args: unknown[]) => void errors.push(args) };
}

const LEFT = [
  ["throws later", leaveTimer, "RangeError: a timer threw"],
  ["rejects later", leavePromise, "RangeError: nobody awaits it"],
] as const;

describe.each(LEFT)("what a task leaves behind and %s", (_what, leave, says) => {
  it("is told to the program, with its stack, and hits neither who runs there now nor who runs beside", async () => {
    const errors: unknown[][] = [];
    const executor = new ClusterExecutor({ maxWorkers: 1, tasksPerWorker: 2, logger: silentLogger(errors) });
    opened({ close: () => executor.shutdown({ cancelFutures: true }) });
    const told = new Promise<[string, string]>((resolve) => executor.once("strayError", (...args) => resolve(args)));
    const [left, running] = await Promise.all([Gate.make(), Gate.make()]);
    expect(await executor.submit(leave, [left.port], { name: "careless" })).toBe("returned");
    await left.entered(1);
    const neighbour = executor.submit(hold, [running.port, "beside"]);
    await running.entered(1);
    left.open();
    const [, message] = await told;
    expect(message.split("\n")[0]).toBe(says);
    expect(message).toContain("\n    at ");
    const [fields, line] = errors[0] as [object, string];
    expect(line).toBe("A task left an error behind after it was over");
    expect(fields).toMatchObject({ cause: message });
    running.open();
    expect(await neighbour).toBe("beside");
    expect(await executor.map((n: number) => n * n, range(100))).toEqual(range(100).map((n) => n * n));
  });

  it("is a line in the node's log and in the program's, however far away it happens", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "child" }] });
    const node = tree.node("child");
    const errors: unknown[][] = [];
    const { secretFile } = fileHome();
    const executor = new ClusterExecutor(tree.address, { secretFile, logger: silentLogger(errors) });
    const stranger = new ClusterExecutor(tree.address, { secretFile });
    for (const each of [executor, stranger]) opened({ close: () => each.shutdown() });
    await Promise.all([executor.ready(), stranger.ready()]);
    stranger.on("strayError", () => expect.unreachable("it is another program's task"));
    const told = new Promise<[string, string]>((resolve) => executor.once("strayError", (...args) => resolve(args)));
    const left = await Gate.make();
    expect(await executor.submit(leave, [left.port], { name: "careless" })).toBe("returned");
    await left.entered(1);
    left.open();
    const line = await node.logged((each) => each.includes("left an error behind"));
    expect(JSON.parse(line)).toMatchObject({ level: "error", task: "careless", node: node.id });
    expect(line).toContain(`${says}\\n    at `);
    const [name, message] = await told;
    expect([name, message.split("\n")[0]]).toEqual(["careless", says]);
    expect(errors).toEqual([
      [{ task: "careless", node: node.id, cause: message }, "A task left an error behind after it was over"],
    ]);
    expect(tree.root.stderr).not.toContain("left an error behind");
    expect(await stranger.submit(() => "still there")).toBe("still there");
  });
});

it("a hundred of them are told in a second, and that there are more", async () => {
  const executor = new ClusterExecutor({ maxWorkers: 1 });
  opened({ close: () => executor.shutdown() });
  const messages: string[] = [];
  const all = new Promise<void>((resolve) => {
    executor.on("strayError", (_task, message) => {
      messages.push(message);
      if (message.startsWith("more than")) resolve();
    });
  });
  await executor.submit(() => {
    for (let i = 0; i < 500; i++) void Promise.reject(new Error("again"));
  });
  await all;
  expect(messages).toHaveLength(101);
  expect(messages[100]).toBe("more than 100 errors in a second; others are left out");
});
