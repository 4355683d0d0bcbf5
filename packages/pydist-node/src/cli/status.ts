import type { NodeInfo } from "../node/description.js";
import { askNodes, CLIENT_SETTINGS } from "./client.js";
import { EXIT } from "./exit-codes.js";
import { columns, duration, plain, print, printJson } from "./output.js";
import { subcommand } from "./subcommand.js";

export const statusCommand = subcommand({
  name: "status",
  summary: "print one node: who it is and what it does",
  examples: [
    { run: "pydist-node status", what: "the node at 127.0.0.1:9000, or at PYDIST_ADDRESS", marked: true },
    { run: "pydist-node status 10.0.0.1:9000 --json", what: "for programs" },
  ],
  settings: [...CLIENT_SETTINGS, "json"],
  async run(call) {
    const [node, ...below] = await askNodes(call);
    if (call.values.json) printJson(node);
    else for (const line of columns(describe(node, below), ["left", "left"])) print(line);
    return EXIT.ok;
  },
});

function describe(node: NodeInfo, below: readonly NodeInfo[]): string[][] {
  const slots = below.reduce((sum, each) => sum + each.slots, 0);
  return [
    ["name", node.name],
    ["id", node.id],
    ["address", node.address],
    ["state", node.state],
    ["parent", node.parent ?? "none: it is the root"],
    [
      "below",
      below.length === 0 ? "no node" : `${below.length} ${below.length === 1 ? "node" : "nodes"}, ${slots} slots`,
    ],
    ["workers", `${node.workers}, ${node.slots} slots`],
    ["running", `${node.running}`],
    ["suspended", `${node.suspended}`],
    ["queued", `${node.queued}`],
    ["completed", `${node.completed}`],
    ["failed", `${node.failed}`],
    ["busy", duration(node.busyMs)],
    ["host", `${node.host}, ${node.os} ${node.arch}, process ${node.pid}`],
    ["versions", `pydist ${node.version}, Node ${node.nodeVersion}`],
  ].map(([key = "", value = ""]) => [key, plain(value)]);
}
