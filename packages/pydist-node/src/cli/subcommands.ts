import { doctorCommand } from "./doctor.js";
import { secretCommand } from "./secret.js";
import { spawnCommand } from "./spawn.js";
import { statusCommand } from "./status.js";
import type { Subcommand } from "./subcommand.js";
import { treeCommand } from "./tree.js";

/** The extension point of the command line: whatever is listed here is a subcommand, in the order of the help. */
export const subcommands: readonly Subcommand[] = [
  spawnCommand,
  treeCommand,
  statusCommand,
  secretCommand,
  doctorCommand,
];
