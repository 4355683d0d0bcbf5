import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderOf } from "../support/folders.js";
import { opened } from "../support/opened.js";
import { fileHome } from "../support/processes.js";

const PROGRAM = fileURLToPath(new URL("./fixtures/program.mjs", import.meta.url));

export interface Job {
  /** Tasks, and milliseconds of each, but of every 100th. */
  readonly count?: number;
  readonly pause?: number;
  readonly long?: number;
  /** Instead of them, one task whose result has so many bytes. */
  readonly large?: number;
  /** How many nodes there have to be before it begins. */
  readonly nodes: number;
}

/** What the program saw. */
export interface Seen {
  /** Tasks that settled, as it was told of them, and results that were not those of a loop. */
  readonly told: number;
  readonly wrong: number;
  /** Nodes that it was told to be lost, and why it was without a cluster itself. */
  readonly lost: readonly string[];
  readonly disconnected: readonly string[];
  readonly sha256?: string;
}

type Message = { readonly settled: number } | { readonly ended: Seen };

/** A program in a process of its own, whose tasks keep a ledger on the disk that all machines share. */
export class Program {
  readonly #ledger = join(folderOf({}), "ledger");
  readonly #waiting = new Set<() => void>();
  #settled = -1;
  readonly #ended: Promise<Seen>;

  /** @param inside what starts a command on its machine */
  constructor(inside: readonly [string, ...string[]], address: string, job: Job) {
    writeFileSync(this.#ledger, "");
    const [command, ...args] = inside;
    const { env } = fileHome();
    const child = spawn(
      command,
      [
        ...args,
        process.execPath,
        PROGRAM,
        address,
        JSON.stringify({ pause: 20, long: 20, ...job, ledger: this.#ledger }),
      ],
      { env, stdio: ["ignore", "inherit", "inherit", "ipc"] },
    );
    const gone = new Promise<string>((resolve) =>
      child.once("close", (code, signal) => resolve(`the program ended with ${code ?? signal} before it was done`)),
    );
    const close = (): Promise<unknown> => {
      child.kill("SIGKILL");
      return gone;
    };
    opened({ close });
    this.#ended = new Promise<Seen>((resolve, reject) => {
      void gone.then((how) => reject(new Error(how)));
      child.on("message", (message: Message) => {
        if ("ended" in message) return resolve(message.ended);
        this.#settled = message.settled;
        for (const look of this.#waiting) look();
      });
    });
    this.#ended.catch(() => {});
  }

  /** Resolves when so many of its tasks have settled. */
  settled(count: number): Promise<unknown> {
    const reached = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#settled < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
    return Promise.race([reached, this.#ended]);
  }

  ended(): Promise<Seen> {
    return this.#ended;
  }

  /** How often each task was run, in no order. */
  runs(): number[] {
    const runs = new Map<string, number>();
    for (const line of readFileSync(this.#ledger, "utf8").trim().split("\n")) runs.set(line, (runs.get(line) ?? 0) + 1);
    return [...runs.values()];
  }
}
