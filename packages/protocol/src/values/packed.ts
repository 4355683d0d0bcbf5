import { componentsOf } from "./components.js";
import { type Node, Tag } from "./nodes.js";

/** A step of a way through the nodes: the node that is left, and by which of its links. */
export type Step = readonly [node: number, link: number];

/**
 * The groups of nodes, among which a registered instance is part of what it is packed as. No `unpack` could be called:
 * it is given the whole packed value, which needs the instance.
 */
export function packedCycles(nodes: readonly Node[]): ReadonlySet<number>[] {
  return componentsOf(nodes).flatMap((component) => {
    const own = component.find((index) => nodes[index]?.[0] === Tag.Registered);
    if (own === undefined) return [];
    const loops = component.length > 1 || nodes[own]?.[2]?.[1] === own;
    return loops ? [new Set(component)] : [];
  });
}

/** A shortest way from a node back to itself that stays within its group. */
export function wayBack(nodes: readonly Node[], start: number, component: ReadonlySet<number>): Step[] {
  const came = new Map<number, Step>();
  const queue = [start];
  for (const node of queue) {
    const links = nodes[node]?.[2] ?? [];
    for (let link = 0; link < links.length; link += 2) {
      const target = links[link + 1] as number;
      if (!component.has(target) || came.has(target)) continue;
      came.set(target, [node, link]);
      queue.push(target);
    }
    if (came.has(start)) break;
  }
  const way: Step[] = [];
  let at = start;
  do {
    const step = came.get(at) as Step;
    way.unshift(step);
    at = step[0];
  } while (at !== start);
  return way;
}

/** The key of a link, as one would write it. */
export function linkKey([tag, , links, , shown, hidden]: Node, link: number): string | number {
  const key = links?.[link] as string | number;
  return tag === Tag.Error ? ([...(shown as string[]), ...(hidden as string[])][key as number] as string) : key;
}

/** Leads every link to a registered instance of such a group elsewhere: every way round has one. */
export function redirectPacked(nodes: readonly Node[], component: ReadonlySet<number>, target: number): void {
  for (const index of component) {
    const links = nodes[index]?.[2] ?? [];
    for (let i = 1; i < links.length; i += 2) {
      const to = links[i] as number;
      if (component.has(to) && nodes[to]?.[0] === Tag.Registered) links[i] = target;
    }
  }
}
