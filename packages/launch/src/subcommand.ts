import type { SubcommandGroup } from "pydist-node/cli";

/** `pydist-node launch`: one member for each kind of place where nodes can be started. */
export const launch: SubcommandGroup = {
  name: "launch",
  summary: "start nodes on other machines",
  members: {
    hosts: async () => (await import("./hosts/subcommand.js")).hosts,
    slurm: async () => (await import("./batch/subcommand.js")).slurm,
    pbs: async () => (await import("./batch/subcommand.js")).pbs,
    sge: async () => (await import("./batch/subcommand.js")).sge,
  },
};
