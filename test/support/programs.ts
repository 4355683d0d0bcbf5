import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fileHome } from "./processes.js";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Variables on top of those of the file's home. */
  readonly env?: NodeJS.ProcessEnv;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
}

/** Runs a program to its end. @param url of its file */
export function runProgram(url: URL, { env = {}, flags = [], args = [] }: ProgramOptions = {}): Promise<Ended> {
  const command = [...flags, fileURLToPath(url), ...args];
  const child = spawn(process.execPath, command, { env: { ...fileHome().env, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}
