import { EXIT, subcommand, UsageError } from "pydist-node/cli";

/** `pydist-node launch hosts`. */
export const hosts = subcommand({
  name: "hosts",
  summary: "start a node on each machine of a file, over ssh",
  examples: [
    {
      run: "pydist-node launch hosts --hostfile peers.txt",
      what: "a node on each, below the one at 127.0.0.1:9000, or of PYDIST_ADDRESS",
    },
  ],
  settings: ["address"],
  switches: [
    { flag: "--hostfile <FILE>", help: "the machines: a line host[:port] [workers=N] for each, # for comments" },
  ],
  async run(call) {
    const { hostfile = [] } = call.given;
    if (hostfile.length !== 1) throw new UsageError("Which machines? Give --hostfile FILE, once.");
    return EXIT.ok;
  },
});
