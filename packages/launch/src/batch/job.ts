import { quoted } from "../quoted.js";

/** When a batch system is to write mail. */
export type MailEvent = "begin" | "end" | "fail";

/** What nodes are to be started by a batch system, in no system's language. Each dialect writes it in its own. */
export interface BatchJob {
  /** What the queue shows, and what the names of the nodes begin with. */
  readonly name: string;
  readonly count: number;
  /** Undefined, here and below: as the batch system has it. */
  readonly cores: number | undefined;
  /** MiB for each node. */
  readonly memory: number | undefined;
  /** Seconds. */
  readonly time: number | undefined;
  readonly queue: string | undefined;
  readonly account: string | undefined;
  readonly output: string | undefined;
  /** Undefined: where the output is. */
  readonly error: string | undefined;
  readonly mail: { readonly user: string | undefined; readonly events: readonly MailEvent[] } | undefined;
  /** Written as they are, behind the dialect's mark. */
  readonly directives: readonly string[];
  /** Lines of shell before the node is started. */
  readonly setup: readonly string[];
  /** What calls pydist-node, as the shell reads it. */
  readonly program: string;
  /** For its command `spawn`, besides name and workers. */
  readonly flags: readonly string[];
  /** Seconds before the end at which a node begins to leave. */
  readonly notice: number;
}

/** How one batch system wants it. */
export interface Dialect {
  /** What people call it. */
  readonly title: string;
  readonly submit: { readonly command: string; readonly args: readonly string[] };
  /** How often the script is submitted for so many nodes: once where one job can be many. */
  readonly submissions: (count: number) => number;
  /** How many seconds of its time a node may have left when it begins to leave. */
  readonly ending: (notice: number) => number;
  readonly script: (job: BatchJob) => string;
  /** What its command prints for a job that it took. */
  readonly idOf: (printed: string) => string | undefined;
  /** What ends these jobs. */
  readonly cancel: string;
}

/** The script's head: a shell for the rest, then one line for each directive. */
export function head(mark: string, directives: readonly (string | undefined)[]): string {
  return ["#!/bin/sh", ...directives.filter((each) => each !== undefined).map((each) => `${mark} ${each}`), ""].join(
    "\n",
  );
}

/** A line with the value in place of `%`, if there is a value. */
export function given(line: string, value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : line.replace("%", () => `${value}`);
}

/** The lines before the node. None of them may fail: the node would not have what it needs, and say less well why. */
export function setupLines({ setup }: BatchJob): string[] {
  return setup.flatMap((line) => {
    const why = quoted(`pydist-node: the job ends here, since this line of --setup failed: ${line}`);
    return [line, `[ $? = 0 ] || { printf '%s\\n' ${why} >&2; exit 1; }`];
  });
}

/** The command of a node: as many workers as were asked for, or as its batch system says that it was given. */
export function nodeCommand({ program, flags, name, cores }: BatchJob, which: string, granted: string): string {
  const workers = cores === undefined ? `"${granted}"` : `${cores}`;
  // Flags come last, so that one that was given for spawn wins.
  return [program, "spawn", "--name", `"${name}-${which}"`, "--workers", workers, ...flags.map(quoted)].join(" ");
}

/** `HH:MM:SS`, which all of them read; hours have as many digits as they need. */
export function clock(seconds: number): string {
  const two = (value: number): string => `${Math.floor(value)}`.padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
}
