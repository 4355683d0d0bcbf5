import type { NodeInfo } from "../node/description.js";
import { askNodes, CLIENT_SETTINGS } from "./client.js";
import { EXIT } from "./exit-codes.js";
import { columns, duration, plain, print, printJson, styled } from "./output.js";
import { subcommand } from "./subcommand.js";

export const treeCommand = subcommand({
  name: "tree",
  summary: "print the tree below a node, with its load",
  examples: [
    { run: "pydist-node tree", what: "the tree of 127.0.0.1:9000, or of PYDIST_ADDRESS", marked: true },
    { run: "pydist-node tree 10.0.0.1:9000 --json", what: "as a list of nodes, for programs" },
  ],
  settings: [...CLIENT_SETTINGS, "json"],
  async run(call) {
    const nodes = await askNodes(call);
    if (call.values.json) printJson(nodes);
    else for (const line of drawTree(nodes)) print(line);
    return EXIT.ok;
  },
});

const HEAD = ["NAME", "ADDRESS", "STATE", "WORKERS", "RUNNING", "QUEUED", "COMPLETED", "FAILED", "BUSY"];
const ALIGN = HEAD.map((_, column) => (column < 3 ? "left" : "right"));

/** The tree as lines for people, with its load. */
export function drawTree(nodes: readonly NodeInfo[]): string[] {
  const known = new Set(nodes.map(({ id }) => id));
  const rows: string[][] = [HEAD];
  const draw = (node: NodeInfo, prefix: string, branch: string): void => {
    rows.push(row(node, branch));
    const children = nodes.filter((other) => other.parent === node.id).sort(byName);
    children.forEach((child, i) => {
      const last = i === children.length - 1;
      draw(child, `${prefix}${last ? "   " : "│  "}`, `${prefix}${last ? "└─ " : "├─ "}`);
    });
  };
  // What has no known parent is the node that was asked, or one whose parent did not answer in time.
  for (const node of nodes) if (node.parent === null || !known.has(node.parent)) draw(node, "", "");
  const [head, ...lines] = columns(rows, ALIGN);
  return [styled("bold", head ?? ""), ...lines];
}

function byName(a: NodeInfo, b: NodeInfo): number {
  return a.name.localeCompare(b.name, "en", { numeric: true }) || a.id.localeCompare(b.id);
}

function row(node: NodeInfo, branch: string): string[] {
  const { name, address, state, workers, running, queued, completed, failed, busyMs } = node;
  const counts = [workers, running, queued, completed, failed].map(String);
  return [`${branch}${plain(name)}`, plain(address), state, ...counts, duration(busyMs)];
}
