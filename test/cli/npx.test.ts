import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { attach } from "../support/attach.js";
import { folderOf } from "../support/folders.js";
import { Gate, hold } from "../support/gate.js";
import { descendantsOf } from "../support/process-table.js";
import { fileHome, runCli, signalLeft } from "../support/processes.js";

/*
 * A node that npx started. Where npm's shell stays beside what it runs, as dash does, no signal that is sent to npx
 * reaches the node; where it does not, as bash, each does. Here is one that stays on every machine.
 */

const STAYS = '#!/bin/sh\neval "$2"\nexit $?\n';
const PACKAGE = dirname(createRequire(import.meta.url).resolve("pydist-node/package.json"));

function project(): string {
  const folder = folderOf({ "package.json": {}, "stays.sh": STAYS });
  chmodSync(join(folder, "stays.sh"), 0o755);
  const bin = join(folder, "node_modules/.bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(PACKAGE, join(folder, "node_modules/pydist-node"));
  symlinkSync("../pydist-node/dist/cli/main.js", join(bin, "pydist-node"));
  return folder;
}

/** Whoever is left of a test: the node may be nobody's child. */
const started: number[] = [];
afterEach(() => {
  for (const pid of started.splice(0)) {
    for (const each of [pid, ...descendantsOf(pid)]) signalLeft(each, "SIGKILL");
  }
});

class Npx {
  /** The process of npx. */
  readonly child: ChildProcess;
  /** Resolves with all of stderr when npx, and whatever it has started, has ended. */
  readonly over: Promise<string>;
  readonly #lines: AsyncIterator<string>;

  constructor(args: readonly string[]) {
    const folder = project();
    const shell = { npm_config_script_shell: join(folder, "stays.sh") };
    // npm has nothing to say of its own.
    const env = { ...fileHome().env, ...shell, npm_config_update_notifier: "false" };
    const command = ["pydist-node", "spawn", "--port", "0", "--workers", "1", "--json", ...args];
    this.child = spawn("npx", command, { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    started.push(this.child.pid as number);
    let stderr = "";
    this.child.stderr?.setEncoding("utf8").on("data", (part: string) => (stderr += part));
    this.over = new Promise((resolve) => this.child.once("close", () => resolve(stderr)));
    const lines = createInterface(this.child.stdout as NodeJS.ReadableStream);
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async ready(): Promise<{ readonly address: string; readonly pid: number }> {
    const ready = JSON.parse((await this.#lines.next()).value) as { address: string; pid: number };
    started.push(ready.pid);
    return ready;
  }
}

const GONE = "pydist-node: npx, which started this node, is gone: it leaves the tree, as after SIGTERM.\n";
const LEFT = /"msg":"Left the tree"}\n$/;

describe("a node that npx started", () => {
  it.each([[[]], [["--no-supervise"]]])("leaves in order when npx is ended (%j)", async (args) => {
    const npx = new Npx(args);
    const { address } = await npx.ready();
    const executor = attach(address);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "whole"]);
    await gate.entered(1);
    const exited = new Promise((resolve) => npx.child.once("exit", resolve));
    npx.child.kill("SIGTERM");
    await exited;
    gate.pass();
    expect(await held).toBe("whole");
    const stderr = await npx.over;
    expect(stderr).toContain(GONE);
    expect(stderr).toMatch(LEFT);
  });

  it("hears Ctrl-C once, although npx is gone then", async () => {
    const npx = new Npx([]);
    const { address } = await npx.ready();
    const executor = attach(address);
    const gate = await Gate.make();
    const held = executor.submit(hold, [gate.port, "whole"]);
    await gate.entered(1);
    const waits = watchFor(npx.child, "Waiting for tasks that are under way", 2);
    process.kill(-(npx.child.pid as number), "SIGINT");
    // It says so every five seconds: it has looked for npx in between.
    await waits;
    gate.pass();
    expect(await held).toBe("whole");
    expect(held.attempts).toBe(1);
    const stderr = await npx.over;
    expect(stderr).not.toContain(GONE);
    expect(stderr).toMatch(LEFT);
  });

  it("goes on without npx with --detach", async () => {
    const log = join(folderOf({}), "log");
    const npx = new Npx(["--detach", log]);
    const { address } = await npx.ready();
    expect(await npx.over).toBe("");
    expect(npx.child.exitCode).toBe(0);
    const gate = await Gate.make();
    const held = attach(address).submit(hold, [gate.port, "whole"]);
    await gate.entered(1);
    gate.pass();
    expect(await held).toBe("whole");
    expect((await runCli(["stop", address])).code).toBe(0);
  });
});

/** Resolves when the text has come so often. */
function watchFor({ stderr }: ChildProcess, text: string, times: number): Promise<void> {
  let read = "";
  return new Promise((resolve) => {
    stderr?.on("data", (part: string) => {
      read += part;
      if (read.split(text).length > times) resolve();
    });
  });
}
