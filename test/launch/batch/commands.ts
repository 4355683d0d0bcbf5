import { spawnSync } from "node:child_process";
import { isAlive, signalLeft } from "../../support/processes.js";

/** What a command printed. @throws with what it said if it failed */
export function run(command: readonly string[], env: NodeJS.ProcessEnv): string {
  const [file = "", ...args] = command;
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8", env });
  if (status === 0) return stdout;
  throw new Error(`${command.join(" ")}: ${error?.message ?? `${stderr}${stdout}`.trim()}`);
}

/** Which of the commands are not in PATH, in words for a skipped test; undefined if all are. */
export function whatIsMissing(commands: readonly string[], packages: string): string | undefined {
  if (process.platform !== "linux") return "batch systems are set up on Linux only";
  if (process.getuid?.() !== 0) return "a batch system that is set up for the test needs root";
  const missing = commands.filter((each) => spawnSync("sh", ["-c", `command -v ${each}`]).status !== 0);
  return missing.length === 0 ? undefined : `${missing.join(", ")} not here: apt-get install ${packages}`;
}

/** Asks again and again, for a batch system tells nobody; and not all the time, for it needs the processor itself. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Ends daemons, and waits until they are gone. */
export async function endAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) signalLeft(pid, "SIGTERM");
  await until(() => !pids.some(isAlive));
}
