import { type ChildProcess, fork } from "node:child_process";
import { constants } from "node:os";
import { Backoff } from "../links/backoff.js";
import { Heartbeat } from "../links/heartbeat.js";
import type { Logger } from "../logger.js";
import { DUMP_SIGNAL, writeDump } from "./dump-signal.js";
import { BEAT_INTERVAL, type Ready, type Report, type Request, supervisionVariable } from "./supervised.js";
import { type Exit, verdictOf } from "./verdict.js";

export interface SupervisorOptions {
  /** The program of the node process, and its arguments. */
  readonly module: string;
  readonly args: readonly string[];
  /** What each process is told on its standard input. Default: it shares this one's. */
  readonly input?: string | undefined;
  /** Milliseconds in which the event loop of the process must have gone round once. Default 20,000. */
  readonly stallGrace?: number | undefined;
  /** Asked for when there is something to log, which mostly there is not. */
  readonly logger: () => Promise<Logger>;
}

const STALL_GRACE = 20_000;
/** Milliseconds for a process that was told to stop at once. */
const LAST_GRACE = 1000;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** A process of the node, when it was started, and whether its event loop goes round. */
interface Life {
  readonly child: ChildProcess;
  readonly since: number;
  readonly heartbeat: Heartbeat;
}

/**
 * Keeps a node alive: runs it in a process of its own, and starts another with the same id and port when that one dies of
 * a native crash, an exhausted heap or a stalled event loop. Signals are passed on.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #backoff = new Backoff();
  /** Aborted when the node is asked to leave. */
  readonly #leaving = new AbortController();
  #life: Life | undefined;
  #ready: Ready | undefined;
  #restarts = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** @returns the exit code, when the node has left for good */
  async run(): Promise<number> {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    process.on(DUMP_SIGNAL, this.#onDumpSignal);
    try {
      for (;;) {
        const since = performance.now();
        const exit = await this.#live();
        const leaving = this.#leaving.signal;
        const verdict = verdictOf(exit, { everReady: this.#ready !== undefined, leaving: leaving.aborted });
        if (verdict.is === "over") return verdict.code;
        if (performance.now() - since >= Backoff.lasting) this.#backoff.reset();
        this.#restarts++;
        const logger = await this.#options.logger();
        logger.error({ cause: verdict.cause }, "The node's process died; another one takes its place");
        await this.#backoff.pause(leaving).catch(() => {});
        if (leaving.aborted) return 128 + constants.signals[leaving.reason as Signal];
      }
    } finally {
      for (const signal of SIGNALS) process.off(signal, this.#onSignal);
      process.off(DUMP_SIGNAL, this.#onDumpSignal);
    }
  }

  /** One process, from its start to its end. */
  #live(): Promise<Exit> {
    const { module, args, input, stallGrace = STALL_GRACE } = this.#options;
    const before = this.#ready === undefined ? {} : { before: this.#ready };
    const child = fork(module, args, {
      env: { ...process.env, ...supervisionVariable({ pid: process.pid, ...before }) },
      stdio: [input === undefined ? "inherit" : "pipe", "inherit", "inherit", "ipc"],
      // In a group of its own: Ctrl-C reaches it once, through this process.
      detached: process.platform !== "win32",
    });
    // One that dies before it has read it is dead in any case.
    child.stdin?.on("error", () => {}).end(input);
    let beats = 0;
    child.on("message", (report: Report) => {
      if (report.is === "beat") beats++;
      else this.#ready = report.ready;
    });
    const since = performance.now();
    const heartbeat = new Heartbeat(BEAT_INTERVAL, stallGrace, since);
    this.#life = { child, since, heartbeat };
    const watch = setInterval(() => {
      if (heartbeat.tick(performance.now(), beats) === "silent") void this.#stalled(child, stallGrace);
    }, BEAT_INTERVAL);
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearInterval(watch);
        this.#life = undefined;
      };
      child.once("exit", (code, signal) => {
        over();
        resolve({ code, signal });
      });
      child.once("error", (error) => {
        over();
        reject(error);
      });
    });
  }

  async #stalled(child: ChildProcess, grace: number): Promise<void> {
    child.kill("SIGKILL");
    const logger = await this.#options.logger();
    logger.error({ pid: child.pid, grace }, "The node's process did not react any more and was killed");
  }

  readonly #onSignal = (signal: Signal): void => {
    const child = this.#life?.child;
    if (signal === "SIGHUP") child?.kill(signal);
    else this.#ask(child, { is: "leave", signal });
    if (!this.#leaving.signal.aborted) this.#leaving.abort(signal);
    // A second one stops at once, whatever the process is doing.
    else setTimeout(() => child?.kill("SIGKILL"), LAST_GRACE).unref();
  };

  /** Its own dump, which says how the node's process is when that cannot; and that one's. */
  readonly #onDumpSignal = (): void => {
    const now = performance.now();
    const { child, since = now, heartbeat } = this.#life ?? {};
    const life = {
      pid: child?.pid,
      for: Math.round(now - since),
      quiet: heartbeat && Math.round(heartbeat.silence(now)),
    };
    const { aborted: leaving } = this.#leaving.signal;
    writeDump({
      supervisor: { pid: process.pid, node: this.#ready, process: life, restarts: this.#restarts, leaving },
    });
    this.#ask(child, { is: "dump" });
  };

  /** One that has just ended, or begins to, needs not be told. */
  #ask(child: ChildProcess | undefined, request: Request): void {
    child?.send(request, () => {});
  }
}
