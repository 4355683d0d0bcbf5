import { fileURLToPath } from "node:url";
import { Supervisor } from "../supervisor/supervisor.js";
import type { SpawnCall } from "./spawn.js";

/** Runs the node in a process of its own and watches it. @returns the exit code */
export function superviseNode({ values }: SpawnCall): Promise<number> {
  const module = fileURLToPath(new URL("main.js", import.meta.url));
  const logger = async () => (await import("./log.js")).makeLogger(values.logLevel);
  return new Supervisor({ module, args: process.argv.slice(2), logger }).run();
}
