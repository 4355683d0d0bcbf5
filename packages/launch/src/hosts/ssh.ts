import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "pydist-node/cli";

/** How a command on another machine ended. */
export interface Ended {
  /** ssh's own failures are 255. Null: it was stopped by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly end: "by itself" | "out of time" | "interrupted";
}

interface Limits {
  /** Milliseconds for a command. */
  readonly timeout: number;
  /** Ends all that are under way, and lets none begin. */
  readonly signal: AbortSignal;
}

export interface SshOptions extends Limits {
  /** Handed to ssh as they are, before all else. */
  readonly options: readonly string[];
}

/**
 * Many of them run at once, and none has the terminal: what ssh would ask, nobody would answer. And a machine that says
 * nothing is told from one on which npm takes its time. Of an option that is given twice, ssh takes the first: the user's.
 */
const OURS = ["-T", "-oBatchMode=yes", "-oConnectTimeout=15"];

/** A connection that ssh keeps for the next ones (ControlPersist) may hold its streams open for so long, in milliseconds. */
const LAST_WORDS = 1000;

/**
 * Runs a command on another machine by the system's ssh, so the user's configuration, agent and keys hold.
 * @param input what the command is told on its standard input
 */
export function ssh(destination: string, command: string, input: string, options: SshOptions): Promise<Ended> {
  return run(argumentsOf(destination, command, options), input, options);
}

export function argumentsOf(destination: string, command: string, { options }: Pick<SshOptions, "options">): string[] {
  return [...options, ...OURS, "--", destination, command];
}

/** What the user's configuration makes of a name, by ssh's own keywords in small letters; empty if ssh does not tell. */
export async function resolved(destination: string, options: SshOptions): Promise<ReadonlyMap<string, string>> {
  const { code, stdout } = await run([...options.options, "-G", "--", destination], "", options);
  if (code !== 0) return new Map();
  return new Map(
    stdout.split("\n").map((line) => {
      const [keyword = "", ...value] = line.split(" ");
      return [keyword, value.join(" ")] as const;
    }),
  );
}

async function run(args: readonly string[], input: string, { timeout, signal }: Limits): Promise<Ended> {
  let end: Ended["end"] = "by itself";
  let [stdout, stderr] = ["", ""];
  if (signal.aborted) return { code: null, stdout, stderr, end: "interrupted" };
  const child = spawn("ssh", args, {
    stdio: ["pipe", "pipe", "pipe"],
    // In a group of its own: Ctrl-C is for this process, which first looks to what it has begun.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  const stop = (why: Ended["end"]): void => {
    end = why;
    child.kill();
  };
  const interrupt = (): void => stop("interrupted");
  const late = setTimeout(stop, timeout, "out of time");
  signal.addEventListener("abort", interrupt);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}).end(input);
  try {
    const closed = new Promise((resolve) => child.once("close", resolve));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("exit", resolve);
      child.once("error", reject);
    });
    await Promise.race([closed, sleep(LAST_WORDS, undefined, { ref: false })]);
    return { code, stdout, stderr, end };
  } catch (error) {
    throw new UsageError(
      `ssh could not be started (${(error as NodeJS.ErrnoException).code}). Install OpenSSH's client, or see that it is in PATH.`,
    );
  } finally {
    clearTimeout(late);
    signal.removeEventListener("abort", interrupt);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
