import { fileURLToPath } from "node:url";
import { STANDARD_INPUT, standardInput } from "../links/secret.js";
import { Supervisor } from "../supervisor/supervisor.js";
import { leaveWithNpx } from "./npx.js";
import type { SpawnCall } from "./spawn.js";

/** Runs the node in a process of its own and watches it. @param ofNpx whether both end with npx @returns the exit code */
export async function superviseNode({ values }: SpawnCall, ofNpx: boolean): Promise<number> {
  const module = fileURLToPath(new URL("main.js", import.meta.url));
  const logger = async () => (await import("./log.js")).makeLogger(values.logLevel);
  // Whatever process takes the place of one that died needs it, too.
  const input = values.secretFile === STANDARD_INPUT ? await standardInput() : undefined;
  const exit = new Supervisor({ module, args: process.argv.slice(2), input, logger }).run();
  if (ofNpx) leaveWithNpx();
  return exit;
}
