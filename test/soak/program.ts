import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

/** What it did. */
export interface Done {
  readonly rounds: number;
  readonly tasks: number;
}

/** The program of the soak, in a process of its own, which ends badly if a result is not what it has to be. */
export class Program {
  readonly #child;
  readonly #gone: Promise<never>;

  constructor(address: string, env: Readonly<Record<string, string>>) {
    const file = fileURLToPath(new URL("./fixtures/program.mjs", import.meta.url));
    const child = fork(file, [address], { env: { ...fileHome().env, ...env } });
    const gone = once(child, "close");
    const close = (): Promise<unknown> => {
      child.kill("SIGKILL");
      return gone;
    };
    opened({ close });
    this.#child = child;
    this.#gone = gone.then(([code, signal]) => {
      throw new Error(`the program ended with ${code ?? signal}; what it found wrong is above`);
    });
    this.#gone.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Resolves when it has begun with its stream of tasks. */
  async warm(): Promise<void> {
    await Promise.race([once(this.#child, "message"), this.#gone]);
  }

  /** What is waited for, as long as all goes well. */
  async during<T>(what: Promise<T>): Promise<T> {
    return Promise.race([what, this.#gone]);
  }

  async end(): Promise<Done> {
    const done = once(this.#child, "message");
    this.#child.send("end");
    const [message] = await this.during(done);
    return message as Done;
  }
}
