import { spawn, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { freePort } from "../support/ports.js";
import { descendantsOf } from "../support/process-table.js";
import { CliProcess, fileHome, isAlive, makeHome, runCli, signalLeft, spawnNode } from "../support/processes.js";

const MAIN = join(dirname(createRequire(import.meta.url).resolve("pydist-node/package.json")), "dist/cli/main.js");

/** What goes on in the background is nobody's child: it is ended by what it said of itself. */
const detached: number[] = [];
afterEach(() => {
  for (const pid of detached.splice(0)) {
    const all = [pid, ...descendantsOf(pid)];
    for (const each of all) signalLeft(each, "SIGKILL");
  }
});

interface Ready {
  readonly id: string;
  readonly address: string;
  readonly pid: number;
}

async function startDetached(log: string, args: readonly string[] = []): Promise<Ready> {
  const spawnArgs = ["spawn", "--json", "--port", "0", "--workers", "1", "--detach", log, ...args];
  const { code, stdout, stderr } = await runCli(spawnArgs);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const ready = JSON.parse(stdout) as Ready;
  detached.push(ready.pid);
  return ready;
}

const gone = (pid: number) => expect.poll(() => isAlive(pid), { interval: 50, timeout: 20_000 }).toBe(false);

describe("spawn --detach", () => {
  it("goes on in the background, with its log in a file that is its user's, until it is stopped", async () => {
    const log = join(folderOf({}), "a", "b", "node.log");
    const { address, pid, id } = await startDetached(log);
    expect(isAlive(pid)).toBe(true);
    expect(await attach(address).submit(() => 6 * 7)).toBe(42);
    const stop = await runCli(["stop", address]);
    expect(stop.code).toBe(0);
    await gone(pid);
    expect(readFileSync(log, "utf8")).toContain("Leaving");
    if (process.platform !== "win32") expect(statSync(log).mode & 0o077).toBe(0);
    expect(id).not.toBe("");
  });

  it("says in words where the log is, and appends to it", async () => {
    const log = join(folderOf({ "node.log": "before\n" }), "node.log");
    const { code, stdout } = await runCli(["spawn", "--port", "0", "--workers", "1", "--name", "d", "--detach", log]);
    const address = / is ready at (\S+) /.exec(stdout)?.[1] ?? "";
    const { pid } = JSON.parse((await runCli(["status", address, "--json"])).stdout) as Ready;
    detached.push(pid);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^Node d is ready at .+\nIt goes on in the background\. Its log is .+node\.log, and pydist-node stop ends it\.\n$/,
      ),
    });
    expect(readFileSync(log, "utf8")).toMatch(/^before\n/);
  });

  it("is watched as any other: another process takes the place of one that dies, and knows the secret", async () => {
    const log = join(folderOf({}), "node.log");
    const root = await spawnNode({ workers: 0 });
    const child = spawn(
      process.execPath,
      [MAIN, "spawn", "--json", "--port", "0", "--parent", root.address, "--detach", log, "--secret-file", "-"],
      { env: makeHome({ secret: false }).env, stdio: ["pipe", "pipe", "inherit"] },
    );
    child.stdin?.end(`${fileHome().secret}\n`);
    const ready = JSON.parse(await text(child.stdout as NodeJS.ReadableStream)) as Ready;
    detached.push(ready.pid);
    const executor = attach(root.address);
    await executor.waitForNodes(2);
    const back = new Promise<void>((resolve) => {
      executor.on("nodeJoined", ({ id }) => id === ready.id && resolve());
    });
    const [inner = 0] = descendantsOf(ready.pid);
    process.kill(inner, "SIGKILL");
    await back;
    expect(await executor.submit(() => "again")).toBe("again");
  });

  it("ends with what the node complained of, and its exit code, if it does not become ready", async () => {
    const port = await freePort();
    const log = join(folderOf({ "node.log": "pydist-node: an earlier complaint\n" }), "node.log");
    const args = ["spawn", "--parent", `127.0.0.1:${port}`, "--connect-timeout", "200", "--port", "0", "--detach", log];
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^pydist-node: No node answered at 127\.0\.0\.1:\d+ within 200 ms\. .+\n$/);
  });

  it("names a log that cannot be written", async () => {
    const file = folderOf({});
    expect(await runCli(["spawn", "--detach", file])).toMatchObject({
      code: 2,
      stderr: `pydist-node: --detach: the log ${file} cannot be written (EISDIR). Name a file in a folder of this user.\n`,
    });
  });

  it("is stopped with the command, if that is stopped before the node is ready", async () => {
    const port = await freePort();
    const log = join(folderOf({}), "node.log");
    const parent = ["--parent", `127.0.0.1:${port}`, "--connect-timeout", "60000"];
    const command = new CliProcess(["spawn", ...parent, "--port", "0", "--detach", log], {});
    await expect.poll(() => descendantsOf(command.pid).length, { interval: 20, timeout: 20_000 }).toBeGreaterThan(1);
    await expect
      .poll(() => readFileSync(log, "utf8"), { interval: 20, timeout: 20_000 })
      .toContain("Joining the parent");
    const all = descendantsOf(command.pid);
    expect(await command.stop("SIGTERM")).toEqual({ code: 143, signal: null });
    for (const pid of all) await gone(pid);
  });

  it("ends by itself if nobody reads any more that it is ready", async () => {
    const port = await freePort();
    const log = join(folderOf({}), "node.log");
    const waits = ["--parent", `127.0.0.1:${port}`, "--connect-timeout", "60000"];
    const command = new CliProcess(["spawn", ...waits, "--port", "0", "--detach", log], {});
    await expect.poll(() => descendantsOf(command.pid).length, { interval: 20, timeout: 20_000 }).toBeGreaterThan(1);
    const all = descendantsOf(command.pid);
    command.closeOutput();
    await spawnNode({ port });
    expect(await command.exited).toEqual({ code: 1, signal: null });
    for (const pid of all) await gone(pid);
  });
});

describe("--secret-file -", () => {
  const { env, folder: cwd } = makeHome({ secret: false });
  const run = (args: readonly string[], input: string) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      input,
      env,
      cwd,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  it("is the secret on standard input, for any command", async () => {
    const { address } = await spawnNode();
    const { secret } = fileHome();
    expect(run(["status", address, "--secret-file", "-"], `${secret}\n`)).toMatchObject({ status: 0, stderr: "" });
    expect(run(["secret", "--secret-file", "-"], `${secret}\n`)).toEqual({
      status: 0,
      stdout: expect.stringMatching(
        /^The cluster's secret is on standard input, fingerprint [\da-f]{4}-[\da-f]{4}\.\n$/,
      ),
      stderr: "",
    });
    expect(run(["status", address, "--secret-file", "-"], "another-secret-that-is-long-enough\n")).toEqual({
      status: 4,
      stdout: "",
      stderr: expect.stringContaining("whose secret comes from standard input."),
    });
  });

  it("names standard input where it holds none, and is nothing to write to", () => {
    expect(run(["status", "--secret-file", "-"], "")).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("The cluster secret in standard input has 0 characters;"),
    });
    expect(run(["secret", "--new", "--secret-file", "-"], "")).toMatchObject({
      status: 2,
      stderr: "pydist-node: --new writes a file; --secret-file - is none.\n",
    });
  });
});
