import { ClusterExecutor } from "pydist";
import { afterEach, describe, expect, it } from "vitest";
import { Cable } from "../support/cable.js";
import { Gate, hold, known } from "../support/gate.js";
import { fileHome, type NodeProcess, spawnNode } from "../support/processes.js";

/*
 * Tasks that outlive the node through which they came. Each has a gate of its own, which counts how often it began.
 */

let executor: ClusterExecutor | undefined;
afterEach(() => executor?.shutdown({ cancelFutures: true }));

const args = ["--no-supervise"];

/** Nothing starts a node again that dies. */
function mortal(name: string, workers: number, parent?: string): Promise<NodeProcess> {
  return spawnNode({ name, workers, args, ...(parent === undefined ? {} : { parent }) });
}

async function attach(address: string, nodes: number): Promise<ClusterExecutor> {
  executor = new ClusterExecutor(address, { secretFile: fileHome().secretFile });
  await executor.waitForNodes(nodes);
  return executor;
}

function joined(name: string): Promise<void> {
  return new Promise((resolve) => {
    executor?.on("nodeJoined", (node) => node.name === name && resolve());
  });
}

/** A root that is busy, and below a node that only routes a leaf that runs a task. */
async function busy() {
  const root = await mortal("root", 1);
  const middle = await mortal("middle", 0, root.address);
  const leaf = await mortal("leaf", 1, middle.address);
  const program = await attach(root.address, 3);
  const [above, below] = [await Gate.make(), await Gate.make()];
  const first = program.submit(hold, [above.port, "first"]);
  await above.entered(1);
  const second = program.submit(hold, [below.port, "second"]);
  await below.entered(1);
  await known(second);
  return { root, middle, leaf, above, below, first, second };
}

describe("a task whose node has lost its parent", () => {
  it("runs on, and its result comes by those above, though slots there were idle", async () => {
    const { middle, above, below, first, second } = await busy();
    const back = joined("leaf");
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
    const { middle, above, below, second } = await busy();
    const back = joined("leaf");
    middle.kill();
    await middle.exited;
    above.open();
    below.open();
    await back;
    expect(await second).toBe("second");
    expect(below.names).toEqual(["second"]);
  });

  it("runs on when that was the root, once program and node have found another one", async () => {
    const root = await mortal("root", 0);
    await mortal("leaf", 1, root.address);
    const program = await attach(root.address, 2);
    const gate = await Gate.make();
    const future = program.submit(hold, [gate.port, "only"]);
    await gate.entered(1);
    await known(future);
    const back = joined("leaf");
    root.kill();
    await root.exited;
    await spawnNode({ name: "root", workers: 0, port: Number(root.address.split(":")[1]), args });
    await back;
    gate.open();
    expect(await future).toBe("only");
    expect(gate.names).toEqual(["only"]);
  });
});

it("a node that comes back after it was given up is told what nobody wants from it any more, and stops that", async () => {
  const root = await mortal("root", 1);
  const cable = new Cable();
  const port = await cable.listen(Number(root.address.split(":")[1]));
  await mortal("leaf", 1, `127.0.0.1:${port}`);
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
