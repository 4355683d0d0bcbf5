import { ClusterExecutor } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Cable } from "../support/cable.js";
import { Gate, hold, known } from "../support/gate.js";
import { descendantsOf } from "../support/process-table.js";
import { fileHome, type NodeProcess, spawnNode } from "../support/processes.js";

/*
 * Tasks that outlive the node through which they came. Each has a gate of its own, which counts how often it began.
 */

let executor: ClusterExecutor | undefined;
afterEach(() => executor?.shutdown({ cancelFutures: true }));

/** Nothing starts a node again that dies. */
const MORTAL = ["--no-supervise"];

function start(name: string, workers: number, parent?: string, args = MORTAL): Promise<NodeProcess> {
  return spawnNode({ name, workers, args, ...(parent === undefined ? {} : { parent }) });
}

async function attach(address: string, nodes: number): Promise<ClusterExecutor> {
  executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile });
  await executor.waitForNodes(nodes);
  return executor;
}

function joined(id: string): Promise<void> {
  return new Promise((resolve) => {
    executor?.on("nodeJoined", (node) => node.id === id && resolve());
  });
}

/** A root that is busy, and below a node that only routes a leaf that runs a task. */
async function busy(args = MORTAL) {
  const root = await start("root", 1);
  const middle = await start("middle", 0, root.address, args);
  const leaf = await start("leaf", 1, middle.address);
  const program = await attach(root.address, 3);
  const [above, below] = [await Gate.make(), await Gate.make()];
  const first = program.submit(hold, [above.port, "first"]);
  await above.entered(1);
  const second = program.submit(hold, [below.port, "second"]);
  await below.entered(1);
  await known(second);
  return { middle, leaf, above, below, first, second };
}

describe("a task whose node has lost its parent", () => {
  it("runs on, and its result comes by those above, though slots there were idle", async () => {
    const { middle, leaf, above, below, first, second } = await busy();
    const back = joined(leaf.id);
    middle.kill();
    above.open();
    expect(await first).toBe("first");
    await back;
    expect(second.state).toBe("running");
    below.open();
    expect(await second).toBe("second");
    expect(below.names).toEqual(["second"]);
  });

  it("may end meanwhile: its result is not lost", async () => {
    const { middle, leaf, above, below, second } = await busy();
    const back = joined(leaf.id);
    middle.kill();
    // What leaves before that is lost with whoever cannot read it any more.
    await leaf.logged((line) => line.includes("Link interrupted"));
    above.open();
    below.open();
    await back;
    expect(await second).toBe("second");
    expect(below.names).toEqual(["second"]);
  });

  it("runs on when another process takes the parent's place, which knows nothing of it", async () => {
    const { middle, leaf, above, below, second } = await busy([]);
    const back = joined(leaf.id);
    const [inner] = descendantsOf(middle.pid);
    process.kill(inner as number, "SIGKILL");
    await back;
    above.open();
    expect((await executor?.nodes())?.find(({ id }) => id === leaf.id)?.parent).toBe(middle.id);
    below.open();
    expect(await second).toBe("second");
    expect(below.names).toEqual(["second"]);
  });

  it("runs on when that was the root, once program and node have found another one", async () => {
    const root = await start("root", 0);
    const leaf = await start("leaf", 1, root.address);
    const program = await attach(root.address, 2);
    const gate = await Gate.make();
    const future = program.submit(hold, [gate.port, "only"]);
    await gate.entered(1);
    await known(future);
    const back = joined(leaf.id);
    root.kill();
    await root.exited;
    await spawnNode({ name: "root", workers: 0, port: Number(root.address.split(":")[1]), args: MORTAL });
    await back;
    gate.open();
    expect(await future).toBe("only");
    expect(gate.names).toEqual(["only"]);
  });
});

it("a node that comes back after it was given up is told what nobody wants from it any more, and stops that", async () => {
  const root = await start("root", 1);
  const cable = new Cable();
  const port = await cable.listen(Number(root.address.split(":")[1]));
  await start("leaf", 1, `127.0.0.1:${port}`);
  const program = await attach(root.address, 2);
  const [above, below] = [await Gate.make(), await Gate.make()];
  const first = program.submit(hold, [above.port, "first"]);
  await above.entered(1);
  const second = program.submit(hold, [below.port, "second"]);
  await known(second);
  cable.unplug();
  above.open();
  await Promise.all([first, below.entered(2)]);
  cable.plug();
  await below.holds(1);
  below.open();
  expect(await second).toBe("second");
  expect(below.names).toEqual(["second", "second"]);
});
