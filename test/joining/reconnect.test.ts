import { ConnectionError } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Cable } from "../support/cable.js";
import { Gate, hold } from "../support/gate.js";
import { freePort } from "../support/ports.js";
import { launchNode, spawnNode } from "../support/processes.js";
import { node, nodeJoined, nodeLost, program, shape } from "./forest.js";

describe("a node that looks for its parent", () => {
  it("gives up after --reconnect, says why, and ends with exit code 3", async () => {
    const root = await spawnNode({ name: "root" });
    const child = await spawnNode({ name: "child", parent: root.address, args: ["--reconnect", "300ms"] });
    root.kill();
    expect(await child.exited).toMatchObject({ code: 3 });
    const last = child.stderr.trimEnd().split("\n").at(-1);
    expect(last).toMatch(
      new RegExp(
        `^pydist-node: The parent was lost \\(.+\\), and for 300 ms no node let this one in again that could be reached at ` +
          `${root.address}\\. So it ends, as --reconnect says; what ran here runs again elsewhere\\. ` +
          `Start it again once its parent is back\\.$`,
      ),
    );
  });

  it("fails as an object, too, and one without a limit goes on looking", async () => {
    const root = await node({ name: "root", port: await freePort() });
    const limited = await node({ parent: root.address, reconnect: 200 });
    const patient = await node({ parent: root.address });
    const failures: unknown[] = [];
    patient.on("failed", (error) => failures.push(error));
    const failed = new Promise((resolve) => limited.once("failed", resolve));
    const port = Number(root.address.split(":")[1]);
    await root.close();
    const error = await failed;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: "PYDIST_E_CONNECTION", address: root.address });
    const back = await node({ name: "root", port });
    await program(back, 2);
    expect(failures).toEqual([]);
  });

  it("does not count the time in which it had one", async () => {
    const root = await node({ name: "root", port: await freePort() });
    const child = await node({ name: "child", parent: root.address, reconnect: 60_000 });
    const failures: unknown[] = [];
    child.on("failed", (error) => failures.push(error));
    const port = Number(root.address.split(":")[1]);
    await root.close();
    const back = await node({ name: "root", port });
    await program(back, 2);
    expect((await shape(back)).levels).toEqual([1, 1]);
    expect(failures).toEqual([]);
  });

  it("leaves to others what it ran, and to those below to find another way", async () => {
    const root = await spawnNode({ name: "root", workers: 0 });
    const cable = new Cable();
    const parent = `127.0.0.1:${await cable.listen(Number(root.address.split(":")[1]))}`;
    const middle = await spawnNode({ name: "middle", parent, args: ["--reconnect", "300ms"] });
    const leaf = await spawnNode({ name: "leaf", workers: 0, parent: middle.address });
    const executor = attach(root.address);
    await executor.waitForNodes(3);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "task"]);
    await gate.entered(1);
    const ended = nodeLost(executor, middle.id);
    const found = nodeJoined(executor, leaf.id);
    cable.unplug();
    // The way by which the leaf knows its root is another one, which is whole.
    expect(await middle.exited).toMatchObject({ code: 3 });
    await Promise.all([ended, found]);
    expect((await executor.nodes()).map(({ name, depth }) => [name, depth])).toEqual([
      ["root", 0],
      ["leaf", 1],
    ]);
    await spawnNode({ name: "other", parent: root.address });
    await gate.entered(2);
    gate.open();
    expect(await held).toBe("task");
  });
});

it.each([
  ["soon", '--reconnect: "soon" is not a time. Write a number with its unit, as 30s, 10m or 2h, or forever.'],
  ["-1s", '--reconnect: "-1s" is not a time. Write a number with its unit, as 30s, 10m or 2h, or forever.'],
  ["10 years", '--reconnect: "10 years" is not a time. Write a number with its unit, as 30s, 10m or 2h, or forever.'],
])("--reconnect %s is refused by name", async (value, message) => {
  const child = launchNode({ args: ["--reconnect", value] });
  expect(await child.exited).toMatchObject({ code: 2 });
  expect(child.stderr).toBe(`pydist-node: ${message}\n`);
});
