// How the examples print a tree, and who did how much.

/** @typedef {import("pydist").NodeInfo} NodeInfo */

/**
 * @param {NodeInfo[]} nodes as `executor.nodes()` gives them
 * @returns {{ node: NodeInfo, label: string }[]} top down, each label showing the place in the tree
 */
export function drawTree(nodes) {
  const ids = new Set(nodes.map(({ id }) => id));
  /** @type {(node: NodeInfo, label: string, indent: string) => { node: NodeInfo, label: string }[]} */
  const below = (node, label, indent) => {
    const children = nodes.filter(({ parent }) => parent === node.id).sort((a, b) => (a.name < b.name ? -1 : 1));
    return [
      { node, label },
      ...children.flatMap((child, index) => {
        const last = index === children.length - 1;
        return below(child, `${indent}${last ? "└─ " : "├─ "}${child.name}`, `${indent}${last ? "   " : "│  "}`);
      }),
    ];
  };
  return nodes
    .filter(({ parent }) => parent === null || !ids.has(parent))
    .flatMap((root) => below(root, root.name, ""));
}

/**
 * Columns as wide as their widest cell: the first one aligned left, the others right.
 * @param {string[][]} rows
 */
export function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("   "))
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
}

/**
 * Who did how much of an executor's work.
 * @param {import("pydist").Stats} stats as `executor.stats()` gives them
 */
export function shares({ nodes }) {
  const busy = nodes.reduce((sum, { busyMs }) => sum + busyMs, 0);
  const lines = nodes.map(({ name, completed, busyMs }) => {
    const share = busy === 0 ? 0 : Math.round((100 * busyMs) / busy);
    return [name, String(completed), `${(busyMs / 1000).toFixed(1)} s`, `${share} %`];
  });
  return table([["node", "calls", "busy", "share"], ...lines]);
}
