import type { Node } from "./nodes.js";

/**
 * The nodes in groups of those that lead to one another, each group after all groups that it leads to (Tarjan's
 * algorithm, without recursion). Within a group the nodes keep their order. Links that lead nowhere are not followed.
 */
export function componentsOf(nodes: readonly Node[]): number[][] {
  const count = nodes.length;
  const visited = new Int32Array(count);
  const lowest = new Int32Array(count);
  const open = new Uint8Array(count);
  const waiting: number[] = [];
  const components: number[][] = [];
  // The way down to the node in hand, and how far the links of each node on it are followed.
  const way: number[] = [];
  const progress: number[] = [];
  let visits = 0;

  const enter = (node: number): void => {
    visits++;
    visited[node] = visits;
    lowest[node] = visits;
    open[node] = 1;
    waiting.push(node);
    way.push(node);
    progress.push(1);
  };
  const lower = (node: number, to: number): void => {
    if (to < (lowest[node] as number)) lowest[node] = to;
  };
  const leave = (node: number): void => {
    way.pop();
    progress.pop();
    if (way.length > 0) lower(way[way.length - 1] as number, lowest[node] as number);
    if (lowest[node] !== visited[node]) return;
    const component = waiting.splice(waiting.lastIndexOf(node));
    for (const member of component) open[member] = 0;
    components.push(component.sort((a, b) => a - b));
  };

  for (let root = 0; root < count; root++) {
    if (visited[root] === 0) enter(root);
    while (way.length > 0) {
      const node = way[way.length - 1] as number;
      const links = nodes[node]?.[2];
      const at = progress[way.length - 1] as number;
      if (!Array.isArray(links) || at >= links.length) {
        leave(node);
        continue;
      }
      progress[way.length - 1] = at + 2;
      const target = links[at] as number;
      if (!Number.isInteger(target) || target < 0 || target >= count) continue;
      if (visited[target] === 0) enter(target);
      else if (open[target] === 1) lower(node, visited[target] as number);
    }
  }
  return components;
}
