import { spawn } from "node:child_process";
import type { Dialect } from "./job.js";

/** What became of one submission. */
export type Submission =
  | { readonly is: "taken"; readonly id: string }
  | { readonly is: "refused"; readonly why: string };

/**
 * Hands the script to the batch system's own command, on its stdin: nothing is left on a disk.
 * Most systems keep the environment that it is called with, so the secret is not in it; nor is it npx that starts the nodes.
 */
export async function submit({ title, submit: { command, args }, idOf }: Dialect, script: string): Promise<Submission> {
  const { PYDIST_SECRET: _, npm_lifecycle_event: __, ...env } = process.env;
  const ended = await run(command, args, script, env);
  if (ended.error?.code === "ENOENT") {
    return refused(
      `${command} is not here: none is in PATH. ` +
        `Launch where ${title}'s commands are, which mostly is a login node; --dry-run prints what would be submitted.`,
    );
  }
  if (ended.error !== undefined) return refused(`${command} could not be started: ${ended.error.message}.`);
  const said = ended.stderr.trim() || ended.stdout.trim() || "nothing";
  if (ended.code !== 0) {
    const how = ended.code === null ? `was ended by ${ended.signal}` : `ended with exit code ${ended.code}`;
    return refused(`${title} did not take the job: ${command} ${how} and said: ${said}`);
  }
  const id = idOf(ended.stdout);
  if (id !== undefined) return { is: "taken", id };
  return refused(
    `${command} ended well, but printed no job id: it said ${JSON.stringify(said)}. Look with ${title}'s own commands.`,
  );
}

const refused = (why: string): Submission => ({ is: "refused", why });

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly error?: NodeJS.ErrnoException;
}

function run(command: string, args: readonly string[], input: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    // One that refuses at once reads nothing; how it ended says why.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.once("error", (error) => resolve({ code: null, signal: null, stdout, stderr, error }));
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
