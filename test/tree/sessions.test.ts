import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterExecutor, type ExecutorOptions } from "pydist";
import { ClusterNode, type ClusterNodeOptions, silent } from "pydist-node";
import { describe, expect, it } from "vitest";
import { Cable } from "../support/cable.js";
import { folderOf } from "../support/folders.js";
import { Gate, hold, known } from "../support/gate.js";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

const { secretFile } = fileHome();

async function node(options: ClusterNodeOptions): Promise<ClusterNode> {
  return opened(await ClusterNode.start({ port: 0, secretFile, ...options }));
}

function attach(address: string, options: ExecutorOptions = {}): ClusterExecutor {
  const executor = new ClusterExecutor(address, { secretFile, ...options });
  opened({ close: () => executor.shutdown({ cancelFutures: true }) });
  return executor;
}

/** What lies between a node and who dials it. */
async function cableTo({ address }: ClusterNode): Promise<{ cable: Cable; address: string }> {
  const cable = new Cable();
  return { cable, address: `127.0.0.1:${await cable.listen(Number(address.split(":").at(-1)))}` };
}

/**
 * Cuts a cable again and again, each time 40 ms after the link came back: sooner, on a machine that is busy, would be a
 * cable that is cut for as long as its link has to come back.
 */
class Scissors {
  readonly #cable: Cable;
  #timer: NodeJS.Timeout | undefined;

  constructor(cable: Cable) {
    this.#cable = cable;
  }

  /** For the side that dials: it knows of each cut. */
  readonly logger = {
    ...silent,
    info: (_fields: object, message?: string) => {
      if (message?.startsWith("Link resumed") === true && this.#timer !== undefined) this.open();
    },
  };

  open(): void {
    this.#timer = setTimeout(() => this.#cable.cut(), 40);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Runs `count` tasks while a cable is cut; tells how often each of them was run. */
async function ledgerOf(executor: ClusterExecutor, count: number, scissors: Scissors): Promise<number[]> {
  const ledger = join(folderOf({}), "ledger");
  scissors.open();
  try {
    const results = await executor.map(
      async (n: number) => {
        appendFileSync(ledger, `${n}\n`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        return n * 2;
      },
      Array.from({ length: count }, (_, n) => n),
    );
    expect(results).toEqual(Array.from({ length: count }, (_, n) => n * 2));
  } finally {
    scissors.close();
  }
  const runs = new Array<number>(count).fill(0);
  for (const line of readFileSync(ledger, "utf8").trim().split("\n")) (runs[Number(line)] as number)++;
  return runs;
}

async function expectNothingLost(root: ClusterNode, cable: Cable, scissors: Scissors): Promise<void> {
  const executor = attach(root.address);
  const lost: string[] = [];
  executor.on("nodeLost", ({ name }) => lost.push(name));
  await executor.waitForNodes(2, { timeout: 20_000 });
  const runs = await ledgerOf(executor, 800, scissors);
  expect(runs.every((times) => times === 1)).toBe(true);
  expect(cable.connections).toBeGreaterThan(3);
  expect(lost).toEqual([]);
}

describe("a link that breaks again and again while tasks run", () => {
  it("between executor and root: every task runs once, and nobody above hears of it", async () => {
    const root = await node({ workers: 2 });
    const { cable, address } = await cableTo(root);
    const scissors = new Scissors(cable);
    const executor = attach(address, { logger: scissors.logger });
    const disconnected: string[] = [];
    executor.on("disconnected", (cause) => disconnected.push(cause));
    await executor.ready();
    const runs = await ledgerOf(executor, 800, scissors);
    expect(runs.every((times) => times === 1)).toBe(true);
    expect(cable.connections).toBeGreaterThan(3);
    expect(disconnected).toEqual([]);
  });

  it("between root and child: every task runs once, and the child stays a member", async () => {
    const root = await node({ workers: 0 });
    const { cable, address } = await cableTo(root);
    const scissors = new Scissors(cable);
    await node({ workers: 2, parent: address, logger: scissors.logger });
    await expectNothingLost(root, cable, scissors);
  });

  it("between a parent that dials and its child: every task runs once, and the child stays a member", async () => {
    const child = await node({ workers: 2, awaitParent: true });
    const { cable, address } = await cableTo(child);
    const scissors = new Scissors(cable);
    const root = await node({ workers: 0, children: [address], logger: scissors.logger });
    await expectNothingLost(root, cable, scissors);
  });
});

describe("a link that does not come back", () => {
  it("is lost after its grace; what ran behind it runs again elsewhere", async () => {
    const root = await node({ workers: 0 });
    const { cable, address } = await cableTo(root);
    const child = await node({ workers: 1, parent: address });
    const executor = attach(root.address);
    await executor.waitForNodes(2, { timeout: 20_000 });
    const lost = new Promise<string>((resolve) => executor.on("nodeLost", ({ id }) => resolve(id)));
    const gate = await Gate.make();
    const future = executor.submit(hold, [gate.port, "done"]);
    await known(future);
    cable.unplug();
    expect(await lost).toBe(child.id);
    await node({ workers: 1, parent: root.address });
    await gate.entered(2);
    gate.open();
    expect(await future).toBe("done");
    expect(future.attempts).toBe(2);
  });
});
