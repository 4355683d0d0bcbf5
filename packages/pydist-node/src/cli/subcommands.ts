import type { Subcommand } from "./subcommand.js";

/** The extension point of the command line: in the order of the help. What a command needs is loaded when it is called. */
export const subcommands: Readonly<Record<string, () => Promise<Subcommand>>> = {
  spawn: async () => (await import("./spawn.js")).spawnCommand,
  tree: async () => (await import("./tree.js")).treeCommand,
  status: async () => (await import("./status.js")).statusCommand,
  dump: async () => (await import("./dump.js")).dumpCommand,
  drain: async () => (await import("./orders.js")).drainCommand,
  resume: async () => (await import("./orders.js")).resumeCommand,
  stop: async () => (await import("./orders.js")).stopCommand,
  secret: async () => (await import("./secret.js")).secretCommand,
  doctor: async () => (await import("./doctor.js")).doctorCommand,
};
