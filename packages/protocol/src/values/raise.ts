import type { Regions } from "./envelope.js";
import type { DecodeOptions } from "./extension.js";
import { type Node, Tag } from "./nodes.js";
import { planOf } from "./plan.js";
import { Raising } from "./raising.js";
import { applyLinks, fill, type Resolve, shellOfNode } from "./shells.js";

/**
 * The reverse of `lower`: the value of the first node. The nodes are used up. @throws TypeError and others when they are
 * not what `lower` makes; Foreign with what others throw that make some of the values.
 */
export function raise(nodes: unknown, leaves: readonly unknown[], regions: Regions, options?: DecodeOptions): unknown {
  const list = asNodes(nodes);
  let own = true;
  for (const [tag, data] of list) {
    // Views that share an exact buffer must find it.
    if (tag === Tag.ArrayBuffer) regions(Number(data), true);
    else if (tag === Tag.Extra || tag === Tag.Known || tag === Tag.Registered) own = false;
  }
  if (own) return rootOf(raiseOwn(list, leaves, regions));
  const plan = planOf(list, leaves);
  return rootOf(new Raising(plan, plan.start, regions, false, options).run());
}

/** @throws TypeError when they are none */
export function asNodes(nodes: unknown): Node[] {
  if (!Array.isArray(nodes) || nodes.length === 0) throw new TypeError("it has no nodes");
  for (const node of nodes) if (!Array.isArray(node) || node.length < 2) throw new TypeError("a node is malformed");
  return nodes as Node[];
}

/** What the first node's array is around. */
export function rootOf([root]: readonly unknown[]): unknown {
  if (!Array.isArray(root) || root.length !== 1) throw new TypeError("its first node is malformed");
  return root[0] as unknown;
}

/** Most values are all the codec's own: none of them needs another before it can be made. */
function raiseOwn(list: readonly Node[], leaves: readonly unknown[], regions: Regions): readonly unknown[] {
  const values: unknown[] = [];
  const resolve: Resolve = (target) => {
    const isLeaf = (target as number) < 0;
    const [from, index] = isLeaf ? [leaves, -1 - (target as number)] : [values, target as number];
    if (!Number.isInteger(index) || index >= from.length) throw new TypeError(`there is no value ${String(target)}`);
    return from[index];
  };
  for (const node of list) {
    // Its only member is a primitive, so no other node needs to be there first.
    if (node[0] === Tag.Boxed) applyLinks(node, resolve);
    values.push(shellOfNode(node, regions));
  }
  // Containers that are keyed by their members come after all links are in place.
  for (const node of list) applyLinks(node, resolve);
  list.forEach((node, i) => {
    fill(node, values[i]);
  });
  return values;
}
