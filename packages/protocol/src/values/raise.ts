import type { Opened } from "./envelope.js";
import type { DecodeOptions } from "./extension.js";
import { type Node, Tag } from "./nodes.js";
import { Raising } from "./raising.js";
import { applyLinks, fill, type Resolve, shellOfNode } from "./shells.js";

/**
 * The reverse of `lower`: the values of all nodes. @throws TypeError and others when the nodes are not what `lower`
 * makes; Foreign with what others throw that make some of the values.
 */
export function raise(
  nodes: unknown,
  leaves: readonly unknown[],
  regions: Opened["region"],
  options?: DecodeOptions,
): readonly unknown[] {
  if (!Array.isArray(nodes) || nodes.length === 0) throw new TypeError("it has no nodes");
  const list = nodes as Node[];
  let own = true;
  for (const node of list) {
    if (!Array.isArray(node) || node.length < 2) throw new TypeError("a node is malformed");
    const [tag] = node;
    // Views that share an exact buffer must find it.
    if (tag === Tag.ArrayBuffer) regions(Number(node[1]), true);
    else if (tag === Tag.Extra || tag === Tag.Known || tag === Tag.Registered) own = false;
  }
  const values = own ? raiseOwn(list, leaves, regions) : new Raising(list, leaves, regions, options).run();
  const root: unknown = values[0];
  if (!Array.isArray(root) || root.length !== 1) throw new TypeError("its first node is malformed");
  return values;
}

/** Most values are all the codec's own: none of them needs another before it can be made. */
function raiseOwn(list: readonly Node[], leaves: readonly unknown[], regions: Opened["region"]): readonly unknown[] {
  const values: unknown[] = [];
  const resolve: Resolve = (target) => {
    const isLeaf = (target as number) < 0;
    const [from, index] = isLeaf ? [leaves, -1 - (target as number)] : [values, target as number];
    if (!Number.isInteger(index) || index >= from.length) throw new TypeError(`there is no value ${String(target)}`);
    return from[index];
  };
  for (const node of list) values.push(shellOfNode(node, regions, resolve));
  // Containers that are keyed by their members come after all links are in place.
  for (const node of list) applyLinks(node, resolve);
  list.forEach((node, i) => {
    fill(node, values[i]);
  });
  return values;
}
