import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderOf } from "../../support/folders.js";
import { opened } from "../../support/opened.js";
import { freePorts } from "../../support/ports.js";
import { fileHome, type Run, runCli } from "../../support/processes.js";
import { endAll, run, until } from "./commands.js";

/*
 * A Grid Engine of this test's own: its programs are Debian's, all its files are in one folder, its ports are its own. It
 * wants a machine whose address and name lead to each other, so it and all its commands are on one that is called localhost.
 */

const PROGRAMS = "/usr/lib/gridengine";
const SHARED = "/usr/share/gridengine";
export const NEEDS = ["sge_qmaster", "sge_execd", "qsub", "qconf"].map((each) => `${PROGRAMS}/${each}`);
export const PACKAGES = "gridengine-master gridengine-exec gridengine-client";

const INSIDE = ["unshare", "--uts", "sh", "-c", 'hostname localhost && exec "$@"', "sh"];

/** Seconds between the signal that gives notice and the one that kills. */
const NOTIFY = 55;

const NOTHING = ["load_thresholds", "suspend_thresholds", "ckpt_list", "prolog", "epilog", "starter_method"].concat(
  ["suspend_method", "resume_method", "terminate_method", "owner_list", "user_lists", "xuser_lists"],
  ["subordinate_list", "complex_values", "projects", "xprojects", "calendar"],
);
const UNBOUND = ["rt", "cpu", "fsize", "data", "stack", "core", "rss", "vmem"].flatMap((each) => [
  `s_${each}`,
  `h_${each}`,
]);

const QUEUE: Readonly<Record<string, string | number>> = {
  qname: "all.q",
  hostlist: "@allhosts",
  seq_no: 0,
  nsuspend: 1,
  suspend_interval: "00:05:00",
  priority: 0,
  min_cpu_interval: "00:05:00",
  processors: "UNDEFINED",
  qtype: "BATCH",
  pe_list: "smp",
  rerun: "FALSE",
  slots: 8,
  tmpdir: "/tmp",
  shell: "/bin/sh",
  shell_start_mode: "unix_behavior",
  notify: `00:00:${NOTIFY}`,
  initial_state: "default",
  ...Object.fromEntries(NOTHING.map((key) => [key, "NONE"])),
  ...Object.fromEntries(UNBOUND.map((key) => [key, "INFINITY"])),
};

/** What the documents of Grid Engine recommend for cores of one machine. */
const SMP: Readonly<Record<string, string | number>> = {
  pe_name: "smp",
  slots: 999,
  user_lists: "NONE",
  xuser_lists: "NONE",
  start_proc_args: "NONE",
  stop_proc_args: "NONE",
  allocation_rule: "$pe_slots",
  control_slaves: "FALSE",
  job_is_first_task: "TRUE",
  urgency_slots: "min",
  accounting_summary: "FALSE",
  qsort_args: "NONE",
};

export class GridEngine {
  readonly folder = folderOf({});
  readonly #env: NodeJS.ProcessEnv;
  readonly #onExit = (): void => {
    this.#tried("qdel", "-f", "-u", "root");
    for (const pid of this.#pids()) process.kill(pid, "SIGKILL");
  };

  static async open(): Promise<GridEngine> {
    const [master = 0, execd = 0] = await freePorts(2);
    const engine = new GridEngine(master, execd);
    opened({ close: () => engine.#close() });
    process.on("exit", engine.#onExit);
    engine.#lay();
    await engine.#start();
    return engine;
  }

  private constructor(master: number, execd: number) {
    const ports = { SGE_QMASTER_PORT: `${master}`, SGE_EXECD_PORT: `${execd}` };
    const PATH = `${PROGRAMS}:${process.env.PATH}`;
    this.#env = { ...fileHome().env, SGE_ROOT: join(this.folder, "root"), SGE_CELL: "default", ...ports, PATH };
  }

  #run(...command: readonly string[]): string {
    return run([...INSIDE, ...command], this.#env);
  }

  #tried(...command: readonly string[]): string | undefined {
    try {
      return this.#run(...command);
    } catch {
      return undefined;
    }
  }

  #lay(): void {
    const { folder } = this;
    const common = join(folder, "root/default/common");
    const spool = join(folder, "spool");
    for (const each of [common, `${spool}/qmaster/job_scripts`, `${spool}/spooldb`, `${spool}/execd`])
      mkdirSync(each, { recursive: true });
    for (const each of ["bin", "lib", "util", "utilbin"])
      symlinkSync(`/var/lib/gridengine/${each}`, join(folder, "root", each));
    const bootstrap = {
      admin_user: "root",
      default_domain: "none",
      ignore_fqdn: "true",
      spooling_method: "berkeleydb",
      spooling_lib: "libspoolb",
      spooling_params: `${spool}/spooldb`,
      binary_path: `${folder}/root/bin`,
      qmaster_spool_dir: `${spool}/qmaster`,
      security_mode: "none",
      listener_threads: 2,
      worker_threads: 2,
      scheduler_threads: 1,
    };
    writeFileSync(join(common, "bootstrap"), tableOf(bootstrap));
    writeFileSync(join(common, "act_qmaster"), "localhost\n");
    // Root may run jobs; and nobody gets mail.
    const changes = { execd_spool_dir: `${spool}/execd`, min_uid: 0, min_gid: 0, mailer: "/bin/true" };
    this.#write("configuration", changed(readFileSync(`${SHARED}/default-configuration`, "utf8"), changes));
    this.#run(`${PROGRAMS}/spoolinit`, "berkeleydb", "libspoolb", `${spool}/spooldb`, "init");
    const defaults = {
      configuration: join(folder, "configuration"),
      complexes: `${SHARED}/util/resources/centry`,
      usersets: `${SHARED}/util/resources/usersets`,
      managers: "root",
    };
    for (const [what, from] of Object.entries(defaults)) this.#run(`${PROGRAMS}/spooldefaults`, what, from);
  }

  #write(name: string, content: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, content);
    return file;
  }

  async #start(): Promise<void> {
    this.#run("sge_qmaster");
    await until(() => this.#tried("qconf", "-sh") !== undefined);
    this.#tried("qconf", "-ah", "localhost"); // It may be one already.
    this.#run("qconf", "-as", "localhost");
    this.#run("qconf", "-Ahgrp", this.#write("group", tableOf({ group_name: "@allhosts", hostlist: "localhost" })));
    this.#run("sge_execd");
    this.#run("qconf", "-Ap", this.#write("smp", tableOf(SMP)));
    this.#run("qconf", "-Aq", this.#write("queue", tableOf(QUEUE)));
    const soon = { schedule_interval: "0:0:1", flush_submit_sec: 1, flush_finish_sec: 1, job_load_adjustments: "NONE" };
    this.#run("qconf", "-Msconf", this.#write("scheduler", changed(this.#run("qconf", "-ssconf"), soon)));
  }

  /** `pydist-node launch sge`. */
  launch(...args: readonly string[]): Promise<Run> {
    const output = ["--output", `${this.folder}/$JOB_ID.$TASK_ID.out`];
    return runCli(["launch", "sge", ...output, ...args], { env: this.#env as Record<string, string>, inside: INSIDE });
  }

  /** What an element of an array has written, as far as it has come. */
  output(element: string): string {
    const file = join(this.folder, `${element}.out`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  cancel(element: string): void {
    this.#run("qdel", element);
  }

  /** What `qstat` lists. */
  list(): string {
    return this.#run("qstat");
  }

  #pids(): number[] {
    const files = ["qmaster/qmaster.pid", "execd/localhost/execd.pid"].map((name) => join(this.folder, "spool", name));
    return files.filter((file) => existsSync(file)).map((file) => Number(readFileSync(file, "utf8")));
  }

  /** Jobs first: they would outlive the daemons. */
  async #close(): Promise<void> {
    this.#tried("qdel", "-u", "root");
    if (this.#pids().length > 1) await until(() => this.#tried("qstat") === "");
    await endAll(this.#pids());
    process.off("exit", this.#onExit);
  }
}

function tableOf(entries: Readonly<Record<string, string | number>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key} ${value}\n`)
    .join("");
}

function changed(table: string, changes: Readonly<Record<string, string | number>>): string {
  const kept = table.split("\n").filter((line) => !Object.hasOwn(changes, line.split(/\s/)[0] ?? ""));
  return `${kept.filter(Boolean).join("\n")}\n${tableOf(changes)}`;
}
