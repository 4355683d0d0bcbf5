import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Real sources, about 2 MB of them: a fraction of what the examples count by default. */
export const someSources = dirname(realpathSync(createRequire(import.meta.url).resolve("@types/node/package.json")));

const preloaded = (name: string): string =>
  `--require ${JSON.stringify(fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url)))}`;

/** For NODE_OPTIONS: makes every worker thread calculate wrong. */
export const wrongWorkers = preloaded("wrong-workers.cjs");

/** Variables by which no worker thread of a process begins before this file is there. */
export const heldUntil = (file: string): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: preloaded("held-workers.cjs"),
  HELD_UNTIL: file,
});

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly over: Promise<Run>;
  /** Resolves with what was printed, once it matches. */
  printed(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts an example as a user would, without what the tester's environment says about clusters. */
export function start(example: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Running {
  const file = fileURLToPath(new URL(`../../examples/${example}/main.mjs`, import.meta.url));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PYDIST_|NODE_OPTIONS$|VITEST)/.test(name));
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const over = new Promise<Run>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  const printed = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(stdout)) resolve(stdout);
      };
      child.stdout.on("data", look);
      child.once("close", () => reject(new Error(`It ended without printing ${pattern}:\n${stdout}${stderr}`)));
      look();
    });
  return { pid: child.pid ?? Number.NaN, over, printed, kill: (signal) => child.kill(signal) };
}

/** Runs an example to its end. */
export function run(example: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  return start(example, args, env).over;
}

/** A folder that is gone with the test file. */
export function temporaryFolder(): { path: string; file(name: string): string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "pydist-examples-"));
  return { path, file: (name) => join(path, name), remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Which of these processes exist. */
export function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  });
}
