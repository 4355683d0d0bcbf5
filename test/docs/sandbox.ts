import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { packages } from "../../scripts/packages.mjs";
import { root } from "../../scripts/pnpm.mjs";
import { freePorts } from "../support/ports.js";

/** Other people's packages that documents show, and the room that has each. */
const PEERS = [
  ["p-map", "test"],
  ["zod", "test"],
  ["piscina", "bench"],
  ["workerpool", "bench"],
] as const;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A reader's folder: it has what `npm install pydist pydist-node` would put there, a home of its own, and the nodes that
 * were started in other terminals.
 */
export class Sandbox {
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "pydist-docs-")));
  readonly #terminals: ChildProcess[] = [];
  /** Ports as the document names them, and those that are free here. */
  readonly #ports = new Map<string, number>();

  static async open(): Promise<Sandbox> {
    const sandbox = new Sandbox();
    const ports = await freePorts(10);
    for (const [i, port] of ports.entries()) sandbox.#ports.set(String(9000 + i), port);
    return sandbox;
  }

  private constructor() {
    mkdirSync(join(this.#folder, "home"));
    for (const { name, path } of packages) this.#link(join("node_modules", name), path);
    this.#link("node_modules/@types/node", join(root, "node_modules", "@types", "node"));
    // What readers come from, and is shown beside ours.
    for (const [name, room] of PEERS) this.#link(join("node_modules", name), join(root, room, "node_modules", name));
    this.#installCommand("pydist-node");
  }

  /** As npm does it: an executable file in `node_modules/.bin`, where npx finds it. */
  #installCommand(name: string): void {
    const owner = packages.find(({ manifest }) => manifest.bin?.[name] !== undefined);
    if (owner === undefined) throw new Error(`No package has the command ${name}.`);
    const file = join(owner.path, owner.manifest.bin[name]);
    mkdirSync(join(this.#folder, "node_modules", ".bin"));
    const shim = join(this.#folder, "node_modules", ".bin", name);
    writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${file}" "$@"\n`, { mode: 0o755 });
  }

  #link(at: string, target: string): void {
    const path = join(this.#folder, at);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(realpathSync(target), path, "junction");
  }

  /** A text of the document with ports that are free. */
  here(text: string): string {
    return text.replace(/\b900\d\b/g, (port) => String(this.#ports.get(port)));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), this.here(text));
  }

  /** Runs a program to its end. */
  async run(command: string, args: readonly string[]): Promise<Ended> {
    const child = this.#start(command, args);
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr };
  }

  /** Starts a program that goes on, as in a terminal of its own, and waits for its first line. */
  async open(shellCommand: string): Promise<string> {
    const child = this.#start("bash", ["-c", shellCommand]);
    this.#terminals.push(child);
    let stdout = "";
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    return new Promise((resolve, reject) => {
      child.stdout?.setEncoding("utf8").on("data", (text) => {
        stdout += text;
        if (stdout.includes("\n")) resolve(stdout);
      });
      child.once("close", (code) =>
        reject(new Error(`It ended with exit code ${code} before it was ready.\n${stderr}`)),
      );
    });
  }

  #start(command: string, args: readonly string[]): ChildProcess {
    const foreign = /^(?:PYDIST_|XDG_|VITEST|npm_|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$)/;
    const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name));
    // The Node that runs the tests, and no pydist-node but that of this folder: npx finds it.
    const path = [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter);
    return spawn(command, args, {
      cwd: this.#folder,
      env: {
        ...Object.fromEntries(inherited),
        HOME: join(this.#folder, "home"),
        NO_COLOR: "1",
        PATH: path,
        // Where a node listens that was not told a port: the default may be taken on this machine.
        PYDIST_PORT: this.here("9000"),
      },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that a signal reaches what npx starts, as Ctrl-C in a terminal does.
      detached: true,
    });
  }

  /** Closes the terminals as a user would, and removes the folder. Rejects if something did not end. */
  async close(): Promise<void> {
    const stubborn: string[] = [];
    const ends = this.#terminals.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "close");
      signal(child, "SIGINT");
      const late = setTimeout(() => {
        stubborn.push(child.spawnargs.join(" "));
        signal(child, "SIGKILL");
      }, 10_000);
      await ended;
      clearTimeout(late);
    });
    await Promise.all(ends);
    rmSync(this.#folder, { recursive: true, force: true });
    if (stubborn.length > 0) throw new Error(`Not ended by Ctrl-C: ${stubborn.join("; ")}`);
  }
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid !== undefined) process.kill(-child.pid, name);
}
