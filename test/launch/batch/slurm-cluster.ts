import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { folderOf } from "../../support/folders.js";
import { opened } from "../../support/opened.js";
import { freePorts } from "../../support/ports.js";
import { fileHome, type Run, runCli } from "../../support/processes.js";
import { endAll, run, until } from "./commands.js";

/*
 * A Slurm of this test's own: one controller and two machines, which are this one, with as many cores as it takes. All its
 * files are in one folder, its ports are its own.
 */

export const NEEDS = ["slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol", "sinfo"];
export const PACKAGES = "slurm-wlm munge";

const MACHINES = ["m1", "m2"];
const CORES = 6;

export class SlurmCluster {
  readonly folder = folderOf({});
  readonly #env: NodeJS.ProcessEnv = { ...fileHome().env, SLURM_CONF: join(this.folder, "slurm.conf") };
  readonly #onExit = (): void => {
    this.#cancelAll("--signal=KILL", "--full");
    for (const pid of this.#pids()) process.kill(pid, "SIGKILL");
  };

  static async open(): Promise<SlurmCluster> {
    const cluster = new SlurmCluster();
    const ports = await freePorts(1 + MACHINES.length);
    opened({ close: () => cluster.#close() });
    process.on("exit", cluster.#onExit);
    cluster.#write(ports);
    const { folder } = cluster;
    const munge = ["key-file=key", "socket=munge.sock", "pid-file=munged.pid", "log-file=munged.log", "seed-file=seed"];
    const placed = munge.map((each) => `--${each.replace("=", `=${folder}/`)}`);
    run(["munged", "--force", ...placed], cluster.#env);
    run(["slurmctld", "-c"], cluster.#env);
    for (const machine of MACHINES) run(["slurmd", "-N", machine], cluster.#env);
    await until(() => cluster.#run("sinfo", "-h", "-t", "idle", "-o", "%D").trim() === `${MACHINES.length}`);
    return cluster;
  }

  #write([controller, ...ports]: readonly number[]): void {
    const { folder } = this;
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "key"), randomBytes(128), { mode: 0o600 });
    for (const each of ["state", ...MACHINES.map((machine) => `spool.${machine}`)]) mkdirSync(join(folder, each));
    const machines = MACHINES.map(
      (machine, i) =>
        `NodeName=${machine} NodeHostname=${hostname()} NodeAddr=127.0.0.1 Port=${ports[i]} CPUs=${CORES} State=UNKNOWN`,
    );
    const lines = [
      "ClusterName=pydist",
      `SlurmctldHost=${hostname()}(127.0.0.1)`,
      `SlurmctldPort=${controller}`,
      "SlurmUser=root",
      "SlurmdUser=root",
      "AuthType=auth/munge",
      `AuthInfo=socket=${folder}/munge.sock`,
      "CryptoType=crypto/munge",
      `StateSaveLocation=${folder}/state`,
      `SlurmdSpoolDir=${folder}/spool.%n`,
      `SlurmctldPidFile=${folder}/slurmctld.pid`,
      `SlurmdPidFile=${folder}/slurmd.%n.pid`,
      `SlurmctldLogFile=${folder}/slurmctld.log`,
      `SlurmdLogFile=${folder}/slurmd.%n.log`,
      // More cores than the machine has.
      "SlurmdParameters=config_overrides",
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_Core",
      "JobAcctGatherType=jobacct_gather/none",
      "AccountingStorageType=accounting_storage/none",
      "SwitchType=switch/none",
      "MpiDefault=none",
      "ReturnToService=2",
      "SchedulerParameters=batch_sched_delay=0,sched_min_interval=0",
      "InactiveLimit=0",
      ...machines,
      `PartitionName=debug Nodes=${MACHINES.join(",")} Default=YES MaxTime=INFINITE State=UP`,
      "",
    ];
    writeFileSync(this.#env.SLURM_CONF as string, lines.join("\n"));
  }

  #run(...command: readonly string[]): string {
    return run(command, this.#env);
  }

  /** `pydist-node launch slurm`. */
  launch(...args: readonly string[]): Promise<Run> {
    const env = { SLURM_CONF: this.#env.SLURM_CONF };
    return runCli(["launch", "slurm", "--output", `${this.folder}/%A_%a.out`, ...args], { env });
  }

  /** What a job has written, as far as it has come. */
  output(job: string): string {
    const file = join(this.folder, `${job}.out`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  cancel(...jobs: readonly string[]): void {
    this.#run("scancel", ...jobs);
  }

  /** Changes a job's walltime. */
  shorten(job: string, minutes: string): void {
    this.#run("scontrol", "update", `JobId=${job}`, `TimeLimit=${minutes}`);
  }

  /** Those that run, as `squeue` lists them. */
  running(): string[] {
    return this.#run("squeue", "-h", "-r", "-t", "R", "-o", "%i").split("\n").filter(Boolean).sort();
  }

  /** `scontrol show job`. */
  describe(job: string): string {
    return this.#run("scontrol", "show", "job", job);
  }

  #cancelAll(...flags: readonly string[]): void {
    try {
      this.#run("scancel", ...flags, "--user=root");
    } catch {
      // It did not come up, or has gone.
    }
  }

  #pids(): number[] {
    const names = ["slurmctld", "munged", ...MACHINES.map((machine) => `slurmd.${machine}`)];
    const files = names.map((name) => join(this.folder, `${name}.pid`)).filter((file) => existsSync(file));
    return files.map((file) => Number(readFileSync(file, "utf8"))).filter((pid) => pid > 0);
  }

  /** Jobs first: they would outlive the daemons. */
  async #close(): Promise<void> {
    this.#cancelAll();
    this.#cancelAll("--signal=KILL", "--full");
    if (this.#pids().length > 0) await until(() => this.#run("squeue", "-h") === "");
    await endAll(this.#pids());
    process.off("exit", this.#onExit);
  }
}
