import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { freePort } from "./ports.js";

/*
 * Real `pydist-node` processes for tests. What a test starts is killed when it ends, whatever it came to; what is to
 * serve a whole file (started in beforeAll) says `until: "file"`. No test of a file may run concurrently with another.
 * Each file has a home folder of its own, with a secret, so that nothing touches that of the user who runs the tests.
 */

const MAIN = join(dirname(createRequire(import.meta.url).resolve("pydist-node/package.json")), "dist/cli/main.js");

type Until = "test" | "file";
const running: Record<Until, Set<ChildProcess>> = { test: new Set(), file: new Set() };
const folders: string[] = [];

async function killAll(until: Until): Promise<void> {
  const left = [...running[until]];
  await Promise.all(
    left.map((child) => {
      const gone = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      return gone;
    }),
  );
}

afterEach(() => killAll("test"));
afterAll(async () => {
  await killAll("file");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
// If the test runner gives up on this file, no hook runs any more.
process.on("exit", () => {
  for (const child of [...running.test, ...running.file]) child.kill("SIGKILL");
});

/** A user's home: what a process finds of configuration, and nothing else. */
export interface Home {
  readonly folder: string;
  /** Where the secret is, or would be. */
  readonly secretFile: string;
  /** Undefined: no secret was written. */
  readonly secret: string | undefined;
  /** The environment of processes that live here: that of this process, without any PYDIST_ variable. */
  readonly env: NodeJS.ProcessEnv;
}

/** A new home, removed after the file. @param secret false for a user who has none yet */
export function makeHome({ secret: wanted = true } = {}): Home {
  const folder = mkdtempSync(join(tmpdir(), "pydist-test-"));
  folders.push(folder);
  const config = join(folder, "config");
  const secretFile = join(config, "pydist", "secret");
  const secret = wanted ? randomBytes(32).toString("base64url") : undefined;
  mkdirSync(dirname(secretFile), { recursive: true });
  if (secret !== undefined) writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 });
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PYDIST_|NO_COLOR$|FORCE_COLOR$)/.test(name));
  const env = { ...Object.fromEntries(inherited), HOME: folder, XDG_CONFIG_HOME: config, APPDATA: config };
  return { folder, secretFile, secret, env };
}

let shared: Home | undefined;

/** The home of all processes of this file that are given none; its secret lets an executor in the test attach. */
export function fileHome(): Home {
  shared ??= makeHome();
  return shared;
}

export interface ProcessOptions {
  /** Default: the home that all processes of the file share. */
  readonly home?: Home;
  /** Variables on top of the home's; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the home's folder, in which there is no pydist.config.json. */
  readonly cwd?: string;
  readonly until?: Until;
  /** What starts a command elsewhere, in front of it. Default: nothing, it starts here. */
  readonly inside?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of the `pydist-node` command. */
export class CliProcess {
  readonly pid: number;
  /** Resolves when the process has ended and its output is complete. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #state: "running" | "exited" = "running";

  constructor(
    args: readonly string[],
    { home = fileHome(), env = {}, cwd = home.folder, until = "test", inside = [] }: ProcessOptions,
  ) {
    const [command, ...rest] = [...inside, process.execPath, MAIN, ...args] as [string, ...string[]];
    const child = spawn(command, rest, {
      cwd,
      env: { ...home.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid === undefined) throw new Error(`pydist-node could not be started in ${cwd}`);
    this.pid = child.pid;
    this.#child = child;
    running[until].add(child);
    const onOutput = (add: (text: string) => void) => (text: string) => {
      add(text);
      for (const look of this.#waiting) look();
    };
    child.stdout?.setEncoding("utf8").on(
      "data",
      onOutput((text) => (this.#stdout += text)),
    );
    child.stderr?.setEncoding("utf8").on(
      "data",
      onOutput((text) => (this.#stderr += text)),
    );
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        running[until].delete(child);
        this.#state = "exited";
        resolve({ code, signal });
        for (const look of this.#waiting) look();
      });
    });
  }

  /** All that it has written so far. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Sends a signal, by default one that cannot be caught. */
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Stops reading what it writes, as a pipe's reader that went away does. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Asks it to leave, as a user does, and waits until it has. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.kill(signal);
    return this.exited;
  }

  /** Resolves with the first whole line of stdout that fits, past or to come. */
  printed(fits: (line: string) => boolean): Promise<string> {
    return this.#line(() => this.#stdout, fits);
  }

  /** Resolves with the first whole line of stderr that fits, past or to come. Logs are JSON lines there. */
  logged(fits: (line: string) => boolean): Promise<string> {
    return this.#line(() => this.#stderr, fits);
  }

  #line(text: () => string, fits: (line: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = text().split("\n").slice(0, -1).find(fits);
        if (found === undefined && this.#state === "running") return;
        this.#waiting.delete(look);
        if (found !== undefined) resolve(found);
        else
          reject(
            new Error(
              `it ended without the line that was waited for\nstdout: ${this.#stdout}\nstderr: ${this.#stderr}`,
            ),
          );
      };
      this.#waiting.add(look);
      look();
    });
  }
}

export interface Run extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pydist-node` with these arguments to its end. */
export async function runCli(args: readonly string[], options: ProcessOptions = {}): Promise<Run> {
  const child = new CliProcess(args, options);
  const exit = await child.exited;
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}

export interface NodeOptions extends ProcessOptions {
  /** Default: none, a root. */
  readonly parent?: string | readonly string[];
  /** Default 1. More than the cores are had, too. */
  readonly workers?: number;
  readonly name?: string;
  /** Default: one that nobody else takes while the node is away, so that it can be started again where it was. */
  readonly port?: number;
  /** Further flags. */
  readonly args?: readonly string[];
}

/** A node that is ready. */
export interface NodeProcess extends CliProcess {
  readonly id: string;
  /** `host:port` */
  readonly address: string;
}

/** Starts a node, without waiting for it: for nodes that are not to become ready. */
export function launchNode({
  parent = [],
  workers = 1,
  name,
  port = 0,
  args = [],
  ...options
}: NodeOptions = {}): CliProcess {
  const parents = typeof parent === "string" ? [parent] : parent;
  const flags = ["--port", `${port}`, "--workers", `${workers}`, "--oversubscribe", "--json"];
  if (parents.length > 0) flags.push("--parent", parents.join(","));
  if (name !== undefined) flags.push("--name", name);
  return new CliProcess(["spawn", ...flags, ...args], options);
}

/** Starts a node and waits until it is ready. */
export async function spawnNode(options: NodeOptions = {}): Promise<NodeProcess> {
  const node = launchNode({ port: await freePort(), ...options });
  const { id, address } = JSON.parse(await node.printed(() => true)) as { id: string; address: string };
  return Object.assign(node, { id, address });
}

/** The shape of a tree. Names have to differ. */
export interface Shape extends Omit<NodeOptions, "parent" | "name"> {
  readonly name: string;
  readonly children?: readonly Shape[];
}

export interface Tree {
  readonly root: NodeProcess;
  /** The root's address. */
  readonly address: string;
  /** @throws if the shape had no such name */
  node(name: string): NodeProcess;
  readonly nodes: ReadonlyMap<string, NodeProcess>;
}

/** Starts a whole tree, and waits until its root knows of every node. */
export async function spawnTree(shape: Shape): Promise<Tree> {
  const nodes = new Map<string, NodeProcess>();
  const grow = async ({ children = [], ...options }: Shape, parent?: string): Promise<NodeProcess> => {
    const node = await spawnNode({ ...options, ...(parent === undefined ? {} : { parent }) });
    nodes.set(options.name, node);
    await Promise.all(children.map((child) => grow(child, node.address)));
    return node;
  };
  const root = await grow(shape);
  const joined = [...nodes.values()].filter((node) => node !== root).map(({ id }) => nodeJoined(root, id));
  await Promise.all(joined);
  const node = (name: string): NodeProcess => {
    const found = nodes.get(name);
    if (found === undefined) throw new Error(`the tree has no node ${name}`);
    return found;
  };
  return { root, address: root.address, node, nodes };
}

/** Resolves when `above` has logged that it knows the node with this id below it; needs the log level info. */
export async function nodeJoined(above: CliProcess, id: string): Promise<void> {
  await above.logged((line) => line.includes('"msg":"Node joined"') && line.includes(id));
}

/** Sends a signal to a process that may have ended by now. */
export function signalLeft(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
