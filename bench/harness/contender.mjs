import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("./child.mjs", import.meta.url));

/** Whoever is measured, in a process of its own: one peer's garbage, threads and compiled code touch no other's. */
export class Contender {
  #child;
  #waiting;

  /** @param {import("node:child_process").ChildProcess} child */
  constructor(child) {
    this.#child = child;
    child.on("message", (/** @type {any} */ { value, error }) => {
      const { resolve, reject } = this.#waiting;
      this.#waiting = undefined;
      if (error === undefined) resolve(value);
      else reject(new Error(error));
    });
    child.on("exit", (code, signal) => this.#waiting?.reject(new Error(`the peer's process ended: ${code ?? signal}`)));
  }

  /**
   * @param {string} peer a name of ../peers/index.mjs
   * @param {object} options for its `open`
   * @param {NodeJS.ProcessEnv} env
   * @returns the contender, or why it cannot take part on this machine
   */
  static async open(peer, options, env) {
    const child = fork(script, [peer], { env, execArgv: ["--expose-gc"], stdio: ["ignore", 2, 2, "ipc"] });
    const contender = new Contender(child);
    const missing = await contender.do("open", options);
    if (missing === undefined) return { contender };
    await contender.close();
    return { missing: String(missing) };
  }

  /**
   * @param {string} operation a method of the peer
   * @param {object} [parameters]
   * @returns {Promise<any>} what the peer measured
   */
  do(operation, parameters = {}) {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) return reject(new Error("the peer's process has ended"));
      this.#waiting = { resolve, reject };
      this.#child.send({ operation, parameters });
    });
  }

  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }
}
