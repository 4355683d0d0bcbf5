import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { UsageError } from "pydist-node/cli";

/** How a command on another machine ended. */
export interface Ended {
  /** ssh's own failures are 255. Null: it was stopped by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly end: "by itself" | "out of time";
}

export interface SshOptions {
  /** Handed to ssh as they are, before all else. */
  readonly options: readonly string[];
  /** Milliseconds for a command. */
  readonly timeout: number;
}

/** Many of them run at once, and none has the terminal: what ssh would ask, nobody would answer. */
const NEVER_ASK = ["-T", "-oBatchMode=yes"];

/** A connection that ssh keeps for the next ones (ControlPersist) may hold its streams open for so long, in milliseconds. */
const LAST_WORDS = 1000;

/**
 * Runs a command on another machine by the system's ssh, so the user's configuration, agent and keys hold.
 * @param input what the command is told on its standard input
 */
export function ssh(
  destination: string,
  command: string,
  input: string,
  { options, timeout }: SshOptions,
): Promise<Ended> {
  return run([...options, ...NEVER_ASK, "--", destination, command], input, timeout);
}

/** What the user's configuration makes of a name, by ssh's own keywords in small letters; empty if ssh does not tell. */
export async function resolved(
  destination: string,
  { options, timeout }: SshOptions,
): Promise<ReadonlyMap<string, string>> {
  const { code, stdout } = await run([...options, "-G", "--", destination], "", timeout);
  if (code !== 0) return new Map();
  return new Map(
    stdout.split("\n").map((line) => {
      const [keyword = "", ...value] = line.split(" ");
      return [keyword, value.join(" ")] as const;
    }),
  );
}

async function run(args: readonly string[], input: string, timeout: number): Promise<Ended> {
  const child = spawn("ssh", args, {
    stdio: ["pipe", "pipe", "pipe"],
    // In a group of its own: Ctrl-C is for this process, which first looks to what it has begun.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let end: Ended["end"] = "by itself";
  const late = setTimeout(() => {
    end = "out of time";
    child.kill();
  }, timeout);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}).end(input);
  try {
    const closed = once(child, "close");
    const [code] = (await once(child, "exit")) as [number | null];
    await Promise.race([closed, sleep(LAST_WORDS, undefined, { ref: false })]);
    return { code, stdout, stderr, end };
  } catch (error) {
    throw new UsageError(
      `ssh could not be started (${(error as NodeJS.ErrnoException).code}). Install OpenSSH's client, or see that it is in PATH.`,
    );
  } finally {
    clearTimeout(late);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
