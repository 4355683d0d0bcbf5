import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { folderOf } from "../../support/folders.js";
import { opened } from "../../support/opened.js";
import { descendantsOf } from "../../support/process-table.js";
import { fileHome, type Run, runCli, signalLeft } from "../../support/processes.js";

/*
 * A batch system that has room at once: `sbatch` and `qsub` in PATH, which hand what they are called with to this process;
 * and this process runs the script, as often as it says, with the variables that the real one would set.
 */

const COMMAND = fileURLToPath(new URL("stand-in-command.mjs", import.meta.url));

const running = new Set<Job>();
afterEach(async () => {
  const jobs = [...running];
  for (const job of jobs) job.kill();
  await Promise.all(jobs.map(({ ended }) => ended));
});
process.on("exit", () => {
  for (const job of running) job.kill();
});

/** How a command of a batch system was called. */
export interface Called {
  readonly command: string;
  readonly args: readonly string[];
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One process that a batch system has started. */
export class Job {
  readonly ended: Promise<number | null>;
  readonly #system: SystemName;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #stderr = "";

  constructor(system: SystemName, file: string, env: NodeJS.ProcessEnv) {
    this.#system = system;
    // In a session of its own, as all of them do it.
    this.#child = spawn("/bin/sh", [file], {
      cwd: fileHome().folder,
      env,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(this);
    this.#child.stderr?.setEncoding("utf8").on("data", (part: string) => {
      this.#stderr += part;
      for (const look of this.#waiting) look();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        running.delete(this);
        // As shells tell it: a signal may come before there is anybody who handles it.
        resolve(signal === null ? code : 128 + constants.signals[signal]);
      });
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  get #pid(): number {
    return this.#child.pid as number;
  }

  /** Resolves when it has written this to its log. */
  logged(message: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.#stderr.includes(message)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** What it is told by scancel or qdel before it is killed. */
  cancel(): void {
    // Slurm tells each process that it knows of, PBS those of the session, Grid Engine the group, by another signal.
    if (this.#system === "slurm")
      for (const pid of [this.#pid, ...descendantsOf(this.#pid)]) process.kill(pid, "SIGTERM");
    else process.kill(-this.#pid, this.#system === "pbs" ? "SIGTERM" : "SIGUSR2");
  }

  kill(): void {
    if (!running.delete(this)) return;
    for (const pid of [...descendantsOf(this.#pid), this.#pid]) signalLeft(pid, "SIGKILL");
  }
}

const SYSTEMS = {
  slurm: {
    command: "sbatch",
    array: /^#SBATCH --array=1-(\d+)$/m,
    answer: (id: number) => `${id}\n`,
    env: (id: number, index: number) => ({
      SLURM_ARRAY_JOB_ID: `${id}`,
      SLURM_ARRAY_TASK_ID: `${index}`,
      SLURM_CPUS_ON_NODE: "1",
    }),
  },
  pbs: {
    command: "qsub",
    array: undefined,
    answer: (id: number) => `${id}.server\n`,
    env: (id: number) => ({ PBS_JOBID: `${id}.server`, NCPUS: "1" }),
  },
  sge: {
    command: "qsub",
    array: /^#\$ -t 1-(\d+)$/m,
    answer: (id: number, count: number) => `${id}.1-${count}:1\n`,
    env: (id: number, index: number) => ({ JOB_ID: `${id}`, SGE_TASK_ID: `${index}`, NSLOTS: "1" }),
  },
} as const;

export type SystemName = keyof typeof SYSTEMS;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class BatchSystem {
  readonly calls: Called[] = [];
  readonly jobs: Job[] = [];
  /** Says something else than that it took the job; undefined takes it. */
  refusal: (call: Called) => Answer | undefined = () => undefined;
  readonly #name: SystemName;
  readonly #folder: string;
  readonly #server: Server;
  #lastId: number;

  /** @param firstId so that those of several systems differ */
  static async open(name: SystemName, firstId = 1): Promise<BatchSystem> {
    const system = new BatchSystem(name, firstId);
    await new Promise<void>((resolve) => system.#server.listen(0, "127.0.0.1", resolve));
    const { port } = system.#server.address() as AddressInfo;
    const file = join(system.#folder, SYSTEMS[name].command);
    writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" ${port} "\${0##*/}" "$@"\n`);
    chmodSync(file, 0o755);
    return system;
  }

  private constructor(name: SystemName, firstId: number) {
    this.#name = name;
    this.#lastId = firstId - 1;
    this.#folder = folderOf({});
    // The question ends before the answer comes.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      let question = "";
      socket.setEncoding("utf8").on("data", (part: string) => (question += part));
      socket.once("end", () => socket.end(JSON.stringify(this.#answer(JSON.parse(question) as Called))));
    });
    opened({ close: () => new Promise((resolve) => this.#server.close(resolve)) });
  }

  /** `pydist-node launch` where this system's command is. */
  async launch(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
    return runCli(["launch", this.#name, ...args], {
      env: { PATH: `${this.#folder}:${process.env.PATH}`, ...env },
    });
  }

  #answer(call: Called): Answer {
    this.calls.push(call);
    const refused = this.refusal(call);
    if (refused !== undefined) return refused;
    const { array, answer, env } = SYSTEMS[this.#name];
    const id = ++this.#lastId;
    const count = Number(array?.exec(call.script)?.[1] ?? 1);
    const file = join(this.#folder, `${id}.sh`);
    writeFileSync(file, call.script);
    for (let i = 1; i <= count; i++) {
      this.jobs.push(new Job(this.#name, file, { ...fileHome().env, ...env(id, i) }));
    }
    return { code: 0, stdout: answer(id, count), stderr: "" };
  }
}
