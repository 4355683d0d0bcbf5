import { ClusterExecutor } from "pydist";
import { describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { Gate, hold } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { descendantsOf } from "../support/process-table.js";
import { fileHome, isAlive, launchNode, nodeJoined, spawnNode, spawnTree } from "../support/processes.js";

describe("SIGTERM and SIGINT", () => {
  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("%s makes a node leave in good order", async (signal, code) => {
    const tree = await spawnTree({ name: "r", children: [{ name: "a" }] });
    const a = tree.node("a");
    expect(await a.stop(signal)).toEqual({ code, signal: null });
    expect(isAlive(a.pid)).toBe(false);
    const left = await tree.root.logged((line) => line.includes('"Node left"') && line.includes(a.id));
    expect(JSON.parse(left)).toMatchObject({ level: "info", name: "a" });
    expect(a.stderr).toContain(`"signal":"${signal}","msg":"Leaving the tree`);
    expect(a.stderr).toMatch(/"msg":"Left the tree"}\n$/);
  });

  it("all above know that it left", async () => {
    const tree = await spawnTree({ name: "r", children: [{ name: "a", children: [{ name: "b" }] }] });
    const b = tree.node("b");
    await b.stop();
    for (const above of [tree.root, tree.node("a")]) {
      await above.logged((line) => line.includes('"Node left"') && line.includes(b.id));
      expect(above.stderr).not.toContain("Node lost");
    }
  });

  it("a root leaves its children behind, who look for it", async () => {
    const tree = await spawnTree({ name: "r", children: [{ name: "a" }] });
    expect((await tree.root.stop()).code).toBe(143);
    await tree.node("a").logged((line) => line.includes("Parent lost"));
    expect((await tree.node("a").stop()).code).toBe(143);
  });

  it("a second one stops at once", async () => {
    const root = await spawnNode();
    const executor = new ClusterExecutor(root.address, { secretFile: fileHome().secretFile });
    opened({ close: () => executor.shutdown({ cancelFutures: true }) });
    const gate = await Gate.make();
    executor.submit(hold, [gate.port, 1]).catch(() => {});
    await gate.entered(1);
    root.kill("SIGTERM");
    await root.logged((line) => line.includes('"tasks":1,"grace":30000,"msg":"Waiting for tasks that are under way"'));
    expect(await root.stop("SIGINT")).toEqual({ code: 130, signal: null });
    expect(root.stderr).toContain("pydist-node: SIGINT again: stopped at once.\n");
  });

  it("the same one for all processes of a node is one", async () => {
    const node = await spawnNode();
    const executor = attach(node.address);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, 1]);
    await gate.entered(1);
    for (const pid of descendantsOf(node.pid)) process.kill(pid, "SIGTERM");
    node.kill("SIGTERM");
    for (const pid of descendantsOf(node.pid)) process.kill(pid, "SIGTERM");
    await node.logged((line) => line.includes("Waiting for tasks that are under way"));
    gate.pass();
    expect(await held).toBe(1);
    expect(held.attempts).toBe(1);
    expect(await node.exited).toEqual({ code: 143, signal: null });
  });

  it("stop a node that is still looking for its parent", async () => {
    const node = launchNode({ parent: "127.0.0.1:9" });
    await node.logged((line) => line.includes("Joining"));
    expect(await node.stop()).toEqual({ code: 143, signal: null });
    expect(node.stdout).toBe("");
    expect(node.stderr).toContain("pydist-node: SIGTERM: stopped before it was ready.\n");
  });
});

it.each(["--log-level=info", "--no-supervise"])("SIGUSR1 opens no debugger (%s)", async (flag) => {
  const node = await spawnNode({ args: [flag] });
  node.kill("SIGUSR1");
  // Whatever comes of a signal has come when the next one has had its effect.
  expect(await node.stop()).toEqual({ code: 143, signal: null });
  expect(node.stderr).not.toContain("Debugger");
});

describe("a node that lost its parent", () => {
  it("joins it again when it is back", async () => {
    const root = await spawnNode();
    const child = await spawnNode({ parent: root.address });
    const port = Number(root.address.split(":")[1]);
    root.kill();
    await child.logged((line) => line.includes("Parent lost"));
    const again = await spawnNode({ port });
    await nodeJoined(again, child.id);
  });

  it("stays when what comes back is below it, which cannot join; and joins the root that comes then", async () => {
    const root = await spawnNode({ name: "r" });
    const child = await spawnNode({ parent: root.address, name: "a" });
    const port = Number(root.address.split(":")[1]);
    root.kill();
    await child.logged((line) => line.includes("Parent lost"));
    const below = launchNode({ port, parent: child.address, name: "b", args: ["--connect-timeout", "3000"] });
    // Who gives way is a matter of ids: b at once, or a again and again until b's time is over.
    expect([1, 3]).toContain((await below.exited).code);
    const again = await spawnNode({ port, name: "r" });
    await nodeJoined(again, child.id);
  });
});
