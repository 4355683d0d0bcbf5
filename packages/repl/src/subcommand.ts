import { ClusterExecutor } from "pydist";
import { CLIENT_SETTINGS, drawTree, EXIT, print, secretFileOption, subcommand } from "pydist-node/cli";
import { startPrompt } from "./prompt.js";

/** `pydist-node repl`. */
export const repl = subcommand({
  name: "repl",
  summary: "try things out on a cluster, line by line",
  examples: [
    { run: "pydist-node repl", what: "a prompt on the cluster at 127.0.0.1:9000, or of PYDIST_ADDRESS" },
    { run: "pydist-node repl 10.0.0.1:9000 < lines.js", what: "what stands in a file, as if it were typed" },
  ],
  settings: [...CLIENT_SETTINGS],
  async run(call) {
    const { address, cluster, connectTimeout } = call.values;
    const executor = new ClusterExecutor([...address], { ...secretFileOption(call), cluster, connectTimeout });
    try {
      await executor.ready();
      for (const line of drawTree(await executor.nodes())) print(line);
      if (process.stdin.isTTY) {
        print("executor, submit, map, nodes, stats, tree, and what pydist exports. .exit or Ctrl-D ends it.");
      }
      await startPrompt(executor);
    } finally {
      // Nobody is left to whom a result could be shown.
      await executor.terminateWorkers();
    }
    return EXIT.ok;
  },
});
