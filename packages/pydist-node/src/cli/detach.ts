import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { STANDARD_INPUT, standardInput } from "../links/secret.js";
import { EXIT, UsageError } from "./exit-codes.js";
import { complain, print, wasRead } from "./output.js";
import type { SpawnCall } from "./spawn.js";

const VARIABLE = "PYDIST_DETACHED";

/** Whether this process is the one that goes on in the background. Programs that tasks start are not. */
export function isDetached(): boolean {
  const detached = process.env[VARIABLE] === "1";
  delete process.env[VARIABLE];
  return detached;
}

/**
 * Starts the node again, as a process that outlives this one, its terminal and its session, and says what it says until it
 * is ready. @param file its log @returns the exit code
 */
export async function detachNode({ values }: SpawnCall, file: string): Promise<number> {
  const input = values.secretFile === STANDARD_INPUT ? await standardInput() : undefined;
  const log = await openLog(file);
  const { size: begin } = await log.stat();
  const module = fileURLToPath(new URL("main.js", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, module, ...process.argv.slice(2)], {
    env: { ...process.env, [VARIABLE]: "1" },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", log.fd],
    detached: true,
    windowsHide: true,
  });
  child.stdin?.on("error", () => {}).end(input);
  const onSignal = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    const exit = new Promise<number | null>((resolve, reject) => {
      child.once("exit", resolve);
      child.once("error", reject);
    });
    const ready = await Promise.race([firstLine(child.stdout as NodeJS.ReadableStream), exit]);
    if (typeof ready === "string") {
      // Whoever had it started is gone, as when ssh is ended: a node that nobody knows of would stay for ever.
      if (!(await wasRead(ready))) {
        child.kill();
        return EXIT.failure;
      }
      if (!values.json) print(`It goes on in the background. Its log is ${file}, and pydist-node stop ends it.`);
      return EXIT.ok;
    }
    const said = await textSince(log, begin);
    const sentences = said.split("\n").filter((line) => line.startsWith("pydist-node: "));
    for (const sentence of sentences) process.stderr.write(`${sentence}\n`);
    if (sentences.length === 0) complain(`The node ended before it was ready; ${file} says more.`);
    return ready ?? EXIT.failure;
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    child.stdout?.destroy();
    child.unref();
    await log.close();
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Most bytes of a log that are looked at for what ended a node. */
const MOST_LOG = 64 * 1024;

type Log = Awaited<ReturnType<typeof open>>;

async function openLog(file: string): Promise<Log> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    return await open(file, "a+", 0o600);
  } catch (error) {
    throw new UsageError(
      `--detach: the log ${file} cannot be written (${(error as NodeJS.ErrnoException).code}). ` +
        "Name a file in a folder of this user.",
    );
  }
}

async function textSince(log: Log, begin: number): Promise<string> {
  const { buffer, bytesRead } = await log.read(Buffer.alloc(MOST_LOG), 0, MOST_LOG, begin);
  return buffer.toString("utf8", 0, bytesRead);
}

/** Never resolves if there is none: the process then ends. */
function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => createInterface(stream).once("line", resolve));
}
