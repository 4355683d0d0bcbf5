// Starts nodes on this machine as a user would in several terminals: each a process of the command `pydist-node spawn`.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** Milliseconds that a node has to end by itself before it is killed. */
const GRACE = 5000;

/**
 * @typedef {object} NodeOfTree
 * @property {string} name
 * @property {string} [parent] the name of one started before; none for the root
 */

/** A tree of node processes with a secret of its own, of which nothing is left after `stop`. */
export class LocalTree {
  /** @type {Map<string, string>} name -> host:port */
  addresses = new Map();
  /** @type {Set<import("node:child_process").ChildProcess>} */
  #processes = new Set();
  /** @type {Promise<void> | undefined} */
  #stopped;
  #folder = mkdtempSync(join(tmpdir(), "pydist-tree-"));
  secretFile = join(this.#folder, "secret");
  // The last resort, for a program that ends without `stop`: nothing asynchronous happens here any more.
  #abandon = () => {
    for (const child of this.#processes) child.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor() {
    writeFileSync(this.secretFile, randomBytes(32).toString("base64url"), { mode: 0o600 });
    process.on("exit", this.#abandon);
  }

  /** Process ids of the nodes that run. */
  get pids() {
    return [...this.#processes].map(({ pid }) => pid);
  }

  /**
   * Starts the nodes in this order, those with the same parent together, and resolves when all of them take tasks.
   * @param {readonly NodeOfTree[]} nodes
   * @param {number} workers of each node
   */
  async start(nodes, workers) {
    /** @type {Map<string, Promise<void>>} */
    const ready = new Map();
    for (const node of nodes) ready.set(node.name, this.#startBelow(node, ready.get(node.parent ?? ""), workers));
    await Promise.all(ready.values());
  }

  /**
   * @param {NodeOfTree} node
   * @param {Promise<void> | undefined} parentReady
   * @param {number} workers
   */
  async #startBelow({ name, parent }, parentReady, workers) {
    await parentReady;
    const options = ["--json", "--name", name, "--port", "0", "--workers", String(workers)];
    options.push("--secret-file", this.secretFile);
    if (parent !== undefined) options.push("--parent", this.addresses.get(parent) ?? "");
    const { address } = await this.#spawn(name, options);
    this.addresses.set(name, address);
  }

  /**
   * @param {string} name
   * @param {string[]} options
   * @returns {Promise<{ address: string, pid: number }>} what the command prints when it is ready
   */
  async #spawn(name, options) {
    if (this.#stopped !== undefined) throw new Error(`The tree was stopped before node ${name} started.`);
    const child = spawn(process.execPath, [commandFile(), "spawn", ...options], {
      // Neither variables nor a pydist.config.json of the user may change this tree.
      env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("PYDIST_"))),
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log = (log + text).slice(-4000);
    });
    const failed = once(child, "close").then(([code, signal]) => {
      throw new Error(`Node ${name} ended (${signal ?? `exit code ${code}`}) before it was ready.\n${log}`);
    });
    // Who waits is the race below; later this promise is nobody's, and an end is what `stop` wants.
    failed.catch(() => {});
    const [line] = await Promise.race([once(createInterface(child.stdout), "line"), failed]);
    return JSON.parse(line);
  }

  /** Ends all nodes and waits until they are gone. */
  async stop() {
    this.#stopped ??= this.#end();
    await this.#stopped;
  }

  async #end() {
    const ends = [...this.#processes].map(async (child) => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), GRACE);
      await ended;
      clearTimeout(late);
    });
    await Promise.all(ends);
    process.off("exit", this.#abandon);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The file behind the command `pydist-node`: started without a shell, so that its process id is the node's. */
function commandFile() {
  const manifest = createRequire(import.meta.url).resolve("pydist-node/package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  return join(dirname(manifest), bin["pydist-node"]);
}
