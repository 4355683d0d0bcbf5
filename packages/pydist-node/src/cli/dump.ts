import { CLIENT_SETTINGS, orderNode } from "./client.js";
import { EXIT } from "./exit-codes.js";
import { complain, print } from "./output.js";
import { subcommand } from "./subcommand.js";

export const dumpCommand = subcommand({
  name: "dump",
  summary: "print all that a node knows of itself, as one line of JSON, to find out why something hangs",
  examples: [
    { run: "pydist-node dump 10.0.0.1:9000", what: "that node's scheduler, links and threads" },
    { run: "pydist-node dump 10.0.0.1:9000 --node gpu-2", what: "the same of the node of that name or id below it" },
  ],
  settings: [...CLIENT_SETTINGS, "node", "json"],
  async run(call) {
    const answer = await orderNode(call, "dump");
    if ("dump" in answer) {
      print(JSON.stringify(answer.dump));
      return EXIT.ok;
    }
    complain("refused" in answer ? answer.refused : "That node is of another version, which has no dumps. Update it.");
    return EXIT.failure;
  },
});
