/*
 * A process that stands between a node and a program that the node runs: whatever becomes of the node, its thread or the
 * task, the end of the pipe that leads here ends the program with all that it started, and removes its folder.
 */

/** What the guardian is told, in a line of JSON, once the program's files are in its folder. */
export interface Order {
  /** "node" is the Node that the guardian runs on, wherever that is. */
  readonly command: string;
  readonly args: readonly string[];
  /** Runs the command by the system's shell. */
  readonly shell: boolean;
  /** From the program's folder on. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What the guardian says on its fourth stream, in lines of JSON: first where the folder is, then how the program ended. */
export type Report =
  | { readonly folder: string }
  | { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly failure: string };

/**
 * The guardian's program. It begins at once, and says where the folder is that it has made; it ends when its stdin does.
 * On systems without process groups, what the program started ends with it only if taskkill finds it.
 */
export const GUARDIAN = String.raw`
const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

// Between asking a program to end and ending it, in milliseconds.
const GRACE = 500;

const say = (report) => fs.writeSync(3, JSON.stringify(report) + "\n");
let folder;
let program;

function signalAll(signal) {
  try {
    if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(program.pid), "/t", "/f"]);
    else process.kill(-program.pid, signal);
    return true;
  } catch {
    return false; // Nobody is left.
  }
}

function leave() {
  if (program?.pid !== undefined) signalAll("SIGKILL");
  // What was killed a moment ago may still write.
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  process.exit();
}

function stop() {
  if (program?.pid === undefined || !signalAll("SIGTERM")) return leave();
  setTimeout(leave, GRACE);
  program.once("exit", leave);
}

function run({ command, args, shell, cwd, env }) {
  program = spawn(command === "node" ? process.execPath : command, args, {
    cwd: path.resolve(folder, cwd),
    env,
    shell,
    stdio: ["ignore", 1, 2],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  program.once("error", (error) => {
    say({ failure: error.message });
    leave();
  });
  program.once("exit", (code, signal) => {
    say({ code, signal });
    leave();
  });
}

let told = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  told += text;
  const end = told.indexOf("\n");
  if (end >= 0 && program === undefined) run(JSON.parse(told.slice(0, end)));
});
process.stdin.on("close", stop);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.on("uncaughtException", (error) => {
  try {
    say({ failure: error.message });
  } catch {
    // Nobody listens any more.
  }
  leave();
});
folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "pydist-run-"));
say({ folder });
`;
