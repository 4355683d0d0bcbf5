import type { Elsewhere } from "./elsewhere.js";
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

/** Commands of packages above, by the names under which they are called. */
export const elsewhere: Readonly<Record<string, Elsewhere>> = {
  run: { package: "@pydist/exec", summary: "run a program on every node, and see what it prints" },
  submit: { package: "@pydist/exec", summary: "run a script on one node, which is chosen" },
  launch: { package: "@pydist/launch", summary: "start nodes on other machines" },
  repl: { package: "@pydist/repl", summary: "try things out on a cluster, line by line" },
};
