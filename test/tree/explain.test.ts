import { ClusterExecutor, type ExecutorOptions, type Future, MapResult, task } from "pydist";
import { ClusterNode, type ClusterNodeOptions } from "pydist-node";
import { describe, expect, it } from "vitest";
import { rawPeer } from "../node/raw-peer.js";
import { Cable } from "../support/cable.js";
import { Gate, hold, known } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome, runCli, spawnNode, spawnTree } from "../support/processes.js";

const { secretFile } = fileHome();

async function node(options: ClusterNodeOptions): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, secretFile, ...options }));
}

function attach(address: string, options: ExecutorOptions = {}): ClusterExecutor {
  const executor = new ClusterExecutor(address, { secretFile, name: "program", ...options });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

function embedded(options: ExecutorOptions = {}): ClusterExecutor {
  const executor = new ClusterExecutor({ maxWorkers: 1, name: "program", ...options });
  opened({ close: () => executor.terminateWorkers() });
  return executor;
}

/** The text, with what differs from run to run left out. */
async function textOf(executor: ClusterExecutor, future: Future<unknown>): Promise<string> {
  return `${await executor.explain(future)}`
    .replace(/\d+\.\d s/g, "… s")
    .replace(/thread \d+/g, "thread …")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:…");
}

describe("executor.explain, for a task that is not in the tree", () => {
  it("names the futures that it waits for", async () => {
    const executor = embedded();
    const gate = await Gate.make();
    const [first, second] = [executor.submit(hold, [gate.port, 1]), executor.submit(hold, [gate.port, 2])];
    await known(first);
    await gate.entered(1);
    const sum = executor.submit((parts: unknown[]) => parts.length, [[first, { second }]], { name: "sum" });
    const explanation = await executor.explain(sum);
    expect(explanation).toMatchObject({ task: "sum", state: "pending", path: [], attempt: undefined });
    expect(explanation.waitsFor).toEqual([
      { path: "args[0][0]", state: "running" },
      { path: "args[0][1].second", state: "pending" },
    ]);
    expect(`${explanation}`).toBe(
      'Task "sum" is pending, and has not left this program.\n' +
        "  It waits for futures among its arguments: args[0][0] (running), args[0][1].second (pending).",
    );
    gate.pass(1);
    await first;
    expect((await executor.explain(sum)).waitsFor).toHaveLength(1);
    const many = executor.submit((all: unknown[]) => all.length, [new Array(12).fill(second)]);
    expect((await executor.explain(many)).text).toMatch(/args\[0\]\[9\] \(\w+\) and 2 more\.$/);
    gate.open();
    await sum;
  });

  it("says how it ended", async () => {
    const executor = embedded();
    const done = executor.submit(() => 1);
    await done;
    expect(await textOf(executor, done)).toBe(`The task is finished, on node ${done.node}, after … s, in attempt 1.`);
    const cancelled = executor.submit(() => 1);
    cancelled.cancel();
    const explanation = await executor.explain(cancelled);
    expect(explanation).toMatchObject({ task: undefined, state: "cancelled", path: [], losses: [] });
    expect(explanation.text).toBe("The task is cancelled.");
  });

  it("refuses what is no future of this executor", async () => {
    const executor = embedded();
    const another = embedded();
    const future = another.submit(() => 1);
    await expect(executor.explain(future)).rejects.toThrow(
      new TypeError("explain was given a future of another executor; ask the one that it was submitted to."),
    );
    await expect(executor.explain(Promise.resolve() as never)).rejects.toThrow(
      new TypeError("explain was given Promise { undefined }; it takes a future that submit gave."),
    );
    const map = executor.map((n: number) => n, [1]);
    expect(map).toBeInstanceOf(MapResult);
    await expect(executor.explain(map as never)).rejects.toThrow(/it takes a future that submit gave\.$/);
    await map;
  });
});

describe("executor.explain, for a task of this process", () => {
  it("says that it runs, since when and on which thread; or what is in front of it", async () => {
    const executor = embedded();
    const gate = await Gate.make();
    const first = executor.submit(hold, [gate.port, 1]);
    await known(first);
    await gate.entered(1);
    const second = executor.submit(hold, [gate.port, 2], { attempts: 5 });
    expect(await textOf(executor, first)).toBe(
      'Task "hold" is running, attempt 1 of 3.\n  program: runs on thread …, for … s',
    );
    expect(await textOf(executor, second)).toBe(
      'Task "hold" is pending, attempt 1 of 5.\n' +
        "  program: waits here: others have the slots within its reach (1), or are in front of it (1 wait here)",
    );
    gate.open();
    await second;
  });

  it("says that it waits for tasks of its own", async () => {
    const executor = embedded();
    const gate = await Gate.make();
    const { port } = gate;
    const inner = hold;
    const outer = async () => void (await task.context().executor.submit(inner, [port, "inner"]));
    const future = executor.submit(outer);
    await gate.entered(1);
    expect(await textOf(executor, future)).toBe(
      'Task "outer" is running, attempt 1 of 3.\n' +
        "  program: began … s ago and waits for tasks of its own, without a slot",
    );
    gate.open();
    await future;
  });

  it("says that it was told to stop, and that its thread is still loading", async () => {
    const executor = embedded({ abortGrace: Number.POSITIVE_INFINITY });
    const gate = await Gate.make();
    const stopping = executor.submit(hold, [gate.port, 1]);
    await known(stopping);
    await gate.entered(1);
    stopping.abort();
    // What is aborted in one turn leaves together at its end.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await textOf(executor, stopping)).toMatch(/program: was told to stop on thread …, where it runs for … s$/);
    const slow = embedded({
      initializer: async (port: number) => {
        const { connect } = await import("node:net");
        const socket = connect(port, "127.0.0.1");
        socket.write('"loading"\n');
        await new Promise((resolve) => socket.resume().once("close", resolve));
      },
      initargs: [gate.port],
    });
    const loading = slow.submit(() => 1);
    await gate.entered(2);
    expect(await textOf(slow, loading)).toMatch(
      /program: about to begin on thread …, which loads its code or the initializer, for … s$/,
    );
    gate.open();
    expect(await loading).toBe(1);
    await stopping.catch(() => {});
  });

  it("follows a task that runs again after a failure", async () => {
    const executor = embedded();
    const gate = await Gate.make();
    const { port } = gate;
    const wait = hold;
    const twice = (): Promise<string> => {
      if (task.context().attempt === 1) throw new Error("once");
      return task.context().executor.submit(wait, [port, "again"]) as Promise<string>;
    };
    const future = executor.submit(twice, [], { retries: 1 });
    await gate.entered(1);
    const { path, attempt } = await executor.explain(future);
    expect([path.length, path[0]?.is, attempt]).toEqual([1, "suspended", 2]);
    gate.open();
    await future;
  });
});

describe("executor.explain, for a task in a tree", () => {
  it("tells of every node on the way", async () => {
    const tree = await spawnTree({
      name: "root",
      workers: 0,
      children: [{ name: "middle", workers: 0, children: [{ name: "leaf" }] }],
    });
    const executor = attach(tree.address);
    await executor.waitForNodes(3);
    const gate = await Gate.make();
    const [runs, waits] = [1, 2].map((n) => executor.submit(hold, [gate.port, n])) as [
      Future<unknown>,
      Future<unknown>,
    ];
    await gate.entered(1);
    await known(runs);
    const explanation = await executor.explain(runs);
    expect(explanation.path.map(({ name, address, is }) => [name, address, is])).toEqual([
      ["program", "", "handedOn"],
      ["root", tree.address, "handedOn"],
      ["middle", tree.node("middle").address, "handedOn"],
      ["leaf", tree.node("leaf").address, "running"],
    ]);
    expect(explanation.path.at(-1)).toMatchObject({ node: tree.node("leaf").id, attempt: 1, attempts: 3 });
    const handedOn = (name: string) =>
      `handed on to ${name} at 127.0.0.1:… … s ago, whose link is open, last heard … s ago`;
    expect(await textOf(executor, runs)).toBe(
      [
        'Task "hold" is running, attempt 1 of 3.',
        `  program: ${handedOn("root")}`,
        `  root at 127.0.0.1:…: ${handedOn("middle")}`,
        `  middle at 127.0.0.1:…: ${handedOn("leaf")}`,
        "  leaf at 127.0.0.1:…: runs on thread …, for … s",
      ].join("\n"),
    );
    const waiting = await executor.explain(waits);
    expect(waiting.state).toBe("pending");
    expect(waiting.path.at(-1)).toMatchObject({ is: "queued", because: { why: "busy", slots: 1 } });
    gate.open();
    await waits;
  });

  it("answers in time, and names who does not, while a node on the way stands still", async () => {
    const tree = await spawnTree({
      name: "root",
      workers: 0,
      children: [{ name: "middle", workers: 0, children: [{ name: "leaf", args: ["--no-supervise"] }] }],
    });
    const executor = attach(tree.address);
    await executor.waitForNodes(3);
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 1]);
    await gate.entered(1);
    tree.node("leaf").kill("SIGSTOP");
    const ask = async () => {
      const since = performance.now();
      const explanation = await executor.explain(future);
      expect(performance.now() - since).toBeLessThan(8000);
      return explanation;
    };
    let { path, text } = await ask();
    // On a busy machine another one on the way may be late itself, and is named.
    while (path.length < 4) ({ path, text } = await ask());
    expect(path.map(({ name, is }) => `${name} ${is}`)).toEqual([
      "program handedOn",
      "root handedOn",
      "middle handedOn",
      expect.stringMatching(/^leaf (silent|away)$/),
    ]);
    expect(text).toMatch(
      /leaf at .*: (has not answered within 2\.\d s: it stands still, is overloaded, or cannot be reached|could not be asked)/,
    );
    tree.node("leaf").kill("SIGCONT");
    gate.open();
    await future;
  });

  it("says that a link is away", async () => {
    const root = await node({ workers: 0, name: "root" });
    const cable = new Cable();
    const port = await cable.listen(Number(root.address.split(":").at(-1)));
    await node({ workers: 1, parent: `127.0.0.1:${port}`, name: "child" });
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 1]);
    await gate.entered(1);
    cable.unplug();
    // Whether its node knows by then that the link broke or hears of it while it asks.
    expect((await executor.explain(future)).path.at(-1)).toMatchObject({ name: "child", is: "away" });
    const { path, text } = await executor.explain(future);
    expect(path.at(-2)).toMatchObject({ name: "root", is: "handedOn", link: { state: "away" } });
    expect(text).toContain("could not be asked: the link to it is away, and it has some seconds to come back");
    cable.plug();
    gate.open();
    await future;
  });

  it("says that there is no node, or none within its hops, or only drained ones", async () => {
    const root = await spawnNode({ name: "root", workers: 0 });
    const executor = attach(root.address);
    const future = executor.submit(() => 1, [], { hopLimit: 1 });
    expect((await executor.explain(future)).path).toMatchObject([{ is: "queued", because: { why: "noNode" } }]);
    expect((await executor.explain(future)).text).toMatch(/program: waits here: there is no link to the cluster$/);
    await executor.ready();
    expect(await textOf(executor, future)).toMatch(/there are no workers, neither here nor below$/);
    const middle = await spawnNode({ parent: root.address, name: "middle", workers: 0 });
    await spawnNode({ parent: middle.address, name: "leaf" });
    await executor.waitForNodes(3);
    // Of slots that are new its executor hears a moment after it heard of the node.
    await executor.submit(() => 1);
    expect((await executor.explain(future)).path.at(-1)).toMatchObject({
      because: { why: "hops", left: 1, needed: 2 },
    });
    expect(await textOf(executor, future)).toMatch(
      /waits here: it has 1 hops left, and the nearest worker is 2 away\. Raise hopLimit$/,
    );
    future.cancel();
    const alone = await spawnNode({ name: "alone" });
    const other = attach(alone.address);
    await other.submit(() => 1);
    expect((await runCli(["drain", alone.address])).code).toBe(0);
    const rests = other.submit(() => 1);
    expect(await textOf(other, rests)).toMatch(/are drained; "pydist-node resume" has them work again$/);
    expect((await runCli(["resume", alone.address])).code).toBe(0);
    await rests;
  });

  it("says that its code is on the way, and what it knows nothing of", async () => {
    const root = await node({ workers: 1, name: "root" });
    const peer = await rawPeer(root.address, secretFile, "executor");
    opened({ close: () => peer.link.close() });
    peer.sendTasks(1, (n) => n);
    await peer.next("needCode");
    peer.say({ t: "trace", id: 7, lease: 1, index: 0, time: 1000 });
    const { frame } = await peer.next("answer");
    expect(frame).toMatchObject({ id: 7, value: [{ name: "root", is: "fetching", what: "code", attempt: 1 }] });
    peer.say({ t: "trace", id: 8, lease: 1, index: 3, time: 1000 });
    while (peer.heard.filter(({ frame }) => frame.t === "answer").length < 2) await new Promise((r) => setImmediate(r));
    expect(peer.heard.at(-1)?.frame).toMatchObject({ id: 8, value: [{ name: "root", is: "gone" }] });
  });

  it("tells with which nodes earlier attempts were lost", async () => {
    const tree = await spawnTree({ name: "root", workers: 0, children: [{ name: "first", args: ["--no-supervise"] }] });
    const executor = attach(tree.address);
    await executor.waitForNodes(2);
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, 1]);
    await known(future);
    await gate.entered(1);
    const lost = new Promise((resolve) => executor.once("nodeLost", resolve));
    tree.node("first").kill();
    await lost;
    await spawnNode({ parent: tree.address, name: "second" });
    await gate.entered(2);
    const { attempt, losses, text } = await executor.explain(future);
    expect(attempt).toBe(2);
    expect(losses).toEqual([{ node: tree.node("first").id, cause: expect.stringContaining("socket-closed") }]);
    expect(text).toContain(`\n  Lost before, with node ${tree.node("first").id}: socket-closed`);
    gate.open();
    await future;
  });

  it("answers, too, where a peer says what no node of this version does", async () => {
    const root = await node({ workers: 0, name: "root" });
    const peer = await rawPeer(root.address, secretFile, "node");
    opened({ close: () => peer.link.close() });
    peer.say({ t: "credit", slots: [1], busyElsewhere: 0, window: 10, bytes: 1000 });
    const executor = attach(root.address);
    const future = executor.submit(() => 1);
    await peer.next("tasks");
    const answer = async (value: unknown, count: number) => {
      const explanation = executor.explain(future);
      const traces = () => peer.heard.flatMap(({ frame }) => (frame.t === "trace" ? [frame] : []));
      while (traces().length < count) await new Promise((resolve) => setImmediate(resolve));
      peer.say({ t: "answer", id: traces().at(-1)?.id ?? 0, value });
      return explanation;
    };
    const newer = await answer([null, 7, { node: "n", name: "new\u001b[2J", address: "", is: "teleported" }], 1);
    expect(newer.text.split("\n").at(-1)).toBe("  new [2J: teleported");
    expect((await answer("nothing", 2)).path.at(-1)).toMatchObject({ name: "raw", is: "silent" });
    expect(await peer.link.close()).toMatchObject({ kind: "local" });
    future.cancel();
  });
});
