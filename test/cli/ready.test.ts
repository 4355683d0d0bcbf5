import { existsSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { CliProcess, makeHome, nodeJoined, runCli, spawnNode } from "../support/processes.js";

const cores = availableParallelism();

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

async function statusOf(address: string): Promise<Record<string, unknown>> {
  return JSON.parse((await runCli(["status", address, "--json"])).stdout);
}

describe("a node that is ready", () => {
  it("says so in exactly one line of JSON", async () => {
    const parent = await spawnNode();
    const node = await spawnNode({ parent: parent.address });
    await nodeJoined(parent, node.id);
    await node.stop();
    await parent.stop();
    expect(node.stdout).toBe(
      `${JSON.stringify({ event: "ready", id: node.id, address: node.address, pid: node.pid })}\n`,
    );
    expect(linesOf(parent.stdout)).toHaveLength(1);
  });

  it("says so in exactly one line for people, with how to join it and how to use it", async () => {
    const node = new CliProcess(["spawn", "--port", "0", "--name", "r", "--workers", "1"], {});
    await node.printed(() => true);
    await node.stop();
    expect(node.stdout).toMatch(
      /^Node r is ready at (127\.0\.0\.1:\d+) with 1 worker\. Join it: pydist-node spawn --port 0 --parent \1 {3}Use it: new ClusterExecutor\("\1"\)\n$/,
    );
  });

  it("goes by what it advertises", async () => {
    const node = await spawnNode({ args: ["--host", "0.0.0.0", "--advertise", "outside.example:99"] });
    expect(node.address).toBe("outside.example:99");
  });

  it("logs JSON lines on stderr, from the level on that was asked for", async () => {
    const parent = await spawnNode();
    const quiet = await spawnNode({ parent: parent.address, args: ["--log-level", "warn"] });
    await nodeJoined(parent, quiet.id);
    await quiet.stop();
    const left: unknown = JSON.parse(await parent.logged((line) => line.includes('"Node left"')));
    expect(left).toMatchObject({ level: "info", node: quiet.id, pid: parent.pid });
    for (const line of linesOf(parent.stderr)) expect(JSON.parse(line)).toHaveProperty("msg");
    expect(quiet.stderr).toBe("");
  });

  it("as a user's first root, has written the secret for that user alone", async () => {
    const home = makeHome({ secret: false });
    await spawnNode({ home });
    expect(existsSync(home.secretFile)).toBe(true);
    expect(statSync(home.secretFile).mode & 0o777).toBe(0o600);
  });

  it("is not held up by --no-supervise", async () => {
    expect((await spawnNode({ args: ["--no-supervise"] })).id).not.toBe("");
  });

  it("goes on when nobody reads its output any more", async () => {
    const node = await spawnNode();
    node.closeOutput();
    const child = await spawnNode({ parent: node.address });
    await child.stop();
    expect(await statusOf(node.address)).toMatchObject({ id: node.id });
  });
});

describe("workers", () => {
  const spawned = async (flags: readonly string[]) => {
    const node = new CliProcess(["spawn", "--port", "0", "--json", ...flags], {});
    const { address } = JSON.parse(await node.printed(() => true)) as { address: string };
    const { workers, slots } = await statusOf(address);
    await node.stop();
    const warnings = linesOf(node.stderr).filter((line) => line.includes('"warn"'));
    const told = warnings.map((line) => JSON.parse(line) as { msg: string; asked: number; cores: number });
    return { workers, slots, warnings: told.map(({ msg, asked, cores }) => ({ msg, asked, cores })) };
  };

  it("are as many as the cores by default", async () => {
    expect(await spawned([])).toEqual({ workers: cores, slots: cores, warnings: [] });
  });

  it("are not more than the cores, which is said", async () => {
    const asked = cores + 1;
    const msg = "Fewer workers than asked for: there are no more cores. --oversubscribe gives them all";
    expect(await spawned(["--workers", `${asked}`])).toEqual({
      workers: cores,
      slots: cores,
      warnings: [{ msg, asked, cores }],
    });
  });

  it("are more than the cores with --oversubscribe", async () => {
    const asked = cores + 1;
    const flags = ["--workers", `${asked}`, "--oversubscribe", "--tasks-per-worker", "3"];
    expect(await spawned(flags)).toEqual({ workers: asked, slots: 3 * asked, warnings: [] });
  });

  it("may be none", async () => {
    expect(await spawned(["--workers", "0"])).toEqual({ workers: 0, slots: 0, warnings: [] });
  });
});
