import { homedir, userInfo } from "node:os";
import { resolve } from "node:path";
import { isLoopback, parseAddress } from "pydist-node";
import { type Call, defaultSecretFile, existingSecret, UsageError } from "pydist-node/cli";
import { checkBehind, IN_FRONT } from "../behind.js";
import { quoted } from "../quoted.js";
import type { BatchJob, Dialect, MailEvent } from "./job.js";
import * as values from "./values.js";

export const SETTINGS = ["parent", "secretFile", "cluster", "reconnect", "drainGrace", "json"] as const;
export type BatchCall = Call<(typeof SETTINGS)[number]>;

/** Slurm gives 30 s between SIGTERM and SIGKILL when a job is cancelled. */
const DRAIN_GRACE = 20_000;
/** Milliseconds without a cluster after which a node ends: it keeps cores that others wait for, and that somebody pays. */
const RECONNECT = 600_000;

export const MEANINGS = {
  parent: "whom the nodes join, as they reach it; several with commas between are tried in order. Always needed",
  reconnect: `how long nodes that have lost it look for a way back, as 30s or 2h, or forever; by default ${RECONNECT / 60_000}m`,
  drainGrace: `milliseconds for what runs to end when a node is asked to leave; by default ${DRAIN_GRACE}`,
};

export const SWITCHES = [
  { flag: "--count <N>", help: "how many nodes" },
  { flag: "--name <NAME>", help: "what the queue shows, and the nodes' names begin with; by default pydist" },
  { flag: "--cores <N>", help: "cores and workers of each node; by default as many as the batch system gives it" },
  { flag: "--memory <SIZE>", help: "memory of each node, as 4G" },
  { flag: "--time <TIME>", help: "walltime of each node, as 90m or 01:30:00" },
  { flag: "--partition <NAME>", help: "partition or queue" },
  { flag: "--queue <NAME>", help: "the same" },
  { flag: "--account <NAME>", help: "whom it is charged to" },
  { flag: "--output <PATH>", help: "where the output goes, in the batch system's own spelling" },
  { flag: "--error <PATH>", help: "where what is written to stderr goes; by default with the output" },
  { flag: "--mail-user <ADDRESS>", help: "who gets mail" },
  { flag: "--mail-type <EVENTS>", help: "of what: begin, end, fail, with commas between, or all; by default end,fail" },
  { flag: "--directive <TEXT>", help: "anything else for the batch system; can be repeated" },
  {
    flag: "--setup <LINE>",
    help: "a line of shell before the node starts, as . /etc/profile; if it fails, so does the job; can be repeated",
  },
  { flag: "--command <COMMAND>", help: "how pydist-node is called there; by default as here, by its path. No npx" },
  { flag: "--dry-run", help: "print the script, and submit nothing" },
];

/** Seconds, beyond the drain grace, to say goodbye in. */
const GOODBYE = 15;
const MOST_NODES = 100_000;
const MOST_CORES = 4096;

/** What was asked for, checked; and what may not be as it was meant. @throws UsageError, AuthenticationError */
export async function wordJob(
  call: BatchCall,
  dialect: Dialect,
): Promise<{ readonly job: BatchJob; readonly warnings: string[] }> {
  const { parent, drainGrace } = call.values;
  const { one, all } = readers(call);
  const count = one("count", (flag, value) => values.count(flag, value, MOST_NODES));
  if (count === undefined) throw new UsageError("How many nodes should there be? Give --count, as in --count 8.");
  if (parent.length === 0) {
    throw new UsageError(
      "Whom should the nodes join? Give --parent HOST:PORT of a node that they can reach: pydist-node spawn --host 0.0.0.0 starts one.",
    );
  }
  const grace = call.sources.drainGrace === "default" ? DRAIN_GRACE : drainGrace;
  const notice = Math.ceil(grace / 1000) + GOODBYE;
  const job: BatchJob = {
    name: one("name", values.jobName) ?? "pydist",
    count,
    cores: one("cores", (flag, value) => values.count(flag, value, MOST_CORES)),
    memory: one("memory", values.memory),
    time: longEnough(one("time", values.time), dialect, notice),
    queue: eitherOf(one("partition", values.word), one("queue", values.word)),
    account: one("account", values.word),
    output: one("output", values.word),
    error: one("error", values.word),
    mail: mailOf(one("mail-user", values.word), one("mail-type", values.mailEvents)),
    directives: all("directive"),
    setup: all("setup"),
    program: one("command", values.command) ?? [process.execPath, resolve(process.argv[1] ?? "")].map(quoted).join(" "),
    flags: await flagsOf(call, grace),
    notice,
  };
  return { job, warnings: parent.filter((address) => isLoopback(parseAddress(address).host)).map(wordLoopback) };
}

type Check<T> = (flag: string, value: string) => T;

/** The subcommand's own flags by their names; of one that can be given once, the last counts, as everywhere. */
function readers({ given }: BatchCall) {
  const of = (flag: string): readonly string[] => {
    return given[flag.replace(/-[a-z]/g, ([, letter = ""]) => letter.toUpperCase())] ?? [];
  };
  const one = <T>(flag: string, check: Check<T>): T | undefined => {
    const value = of(flag).at(-1);
    return value === undefined ? undefined : check(`--${flag}`, value);
  };
  const all = (flag: string): string[] => of(flag).map((value) => values.line(`--${flag}`, value));
  return { one, all };
}

function longEnough(time: number | undefined, { title, ending }: Dialect, notice: number): number | undefined {
  const least = ending(notice);
  if (time === undefined || time > least) return time;
  throw new UsageError(
    `--time: ${time} s are too short: nodes in ${title} begin to leave up to ${least} s before the end. ` +
      "Give them more, or make --drain-grace shorter.",
  );
}

function eitherOf(partition: string | undefined, queue: string | undefined): string | undefined {
  if (partition === undefined || queue === undefined) return partition ?? queue;
  throw new UsageError("--partition and --queue are the same. Give one of them.");
}

function mailOf(user: string | undefined, events: readonly MailEvent[] | undefined): BatchJob["mail"] {
  return user === undefined && events === undefined ? undefined : { user, events: events ?? ["end", "fail"] };
}

/** Nodes have what the launcher itself counts with from there alone. */
const OURS = {
  "--name": IN_FRONT,
  "--parent": IN_FRONT,
  "--await-parent": "A node of a job dials its parent, which --parent names.",
  "--secret-file": IN_FRONT,
  "--cluster": IN_FRONT,
  "--reconnect": IN_FRONT,
  "--drain-grace": IN_FRONT,
  "--detach": "A job is over when its command is; its output is its log.",
};

async function flagsOf(call: BatchCall, grace: number): Promise<string[]> {
  const { parent, cluster } = call.values;
  const rest = call.rest.map((each) => values.line("behind --", each));
  checkBehind(rest, OURS);
  const flags = ["--parent", parent.join(","), "--port", "0", "--drain-grace", `${grace}`];
  const reconnect = call.sources.reconnect === "default" ? RECONNECT : call.values.reconnect;
  flags.push("--reconnect", reconnect === undefined ? "forever" : `${reconnect / 1000}s`);
  if (call.sources.cluster !== "default") flags.push("--cluster", cluster);
  return [...flags, ...(await secretFlags(call)), ...rest];
}

/** Where the nodes find the secret, unless they do so by themselves. The secret itself goes nowhere. */
async function secretFlags(call: BatchCall): Promise<string[]> {
  const { source } = await existingSecret(call);
  if (source === "PYDIST_SECRET") {
    throw new UsageError(
      "The secret is in the variable PYDIST_SECRET, which batch systems would keep where others may read it. " +
        "Write it into a file with mode 600 that the nodes can read, and name that with --secret-file.",
    );
  }
  // A job has the home of its user, and mostly none of the variables of whoever submitted it.
  const { homedir: home } = userInfo();
  if (source === defaultSecretFile({ HOME: home || homedir() })) return [];
  return ["--secret-file", resolve(source)];
}

function wordLoopback(address: string): string {
  return (
    `${address} is this machine only: nodes on other machines find nobody there. ` +
    `Start the parent with --host 0.0.0.0, and give --parent the name or address by which they reach this machine.`
  );
}
