import { componentsOf } from "./components.js";
import { type Node, Tag } from "./nodes.js";
import { asArray, asObject, eachLink } from "./shells.js";

/*
 * Nodes that are read many times are looked through once. What is left to do for each reading is to copy and to connect.
 */

/** In the place of a value that is yet to be made. */
export const UNMADE: unknown = Object.freeze({ value: "unmade" });
/** In the place of a value that is being made just now. */
export const MAKING: unknown = Object.freeze({ value: "making" });

/** Says of a part that no other value is in its place. */
export const OWN = -1;

/** A node whose links were found to lead somewhere. */
export interface Planned {
  readonly tag: number;
  readonly data: unknown;
  readonly node: Node;
  /** Keys of `data` whose values are others. */
  readonly keys: readonly (string | number)[];
  /** Where these are in the list of all values. Of an extra value: for each of its parts, or OWN. */
  readonly places: readonly number[];
}

/** Nodes that lead to one another, and otherwise only to those of groups before. */
interface Group {
  readonly members: readonly number[];
  /** Of these, whose value is their data, with links in it. */
  readonly linked: readonly number[];
  /** Whose value is filled by the codec when all are there, and whose by others. */
  readonly filled: readonly number[];
  readonly extra: readonly number[];
}

export interface Plan {
  readonly nodes: readonly Planned[];
  readonly groups: readonly Group[];
  /**
   * All values, as far as they are there before any is made: the leaves, after the places of the nodes' values. Whoever
   * reads more than once takes a copy.
   */
  readonly start: unknown[];
}

/** @throws TypeError when the nodes are not what `lower` makes */
export function planOf(nodes: readonly Node[], leaves: readonly unknown[]): Plan {
  const places = new Places(nodes.length, leaves.length);
  return {
    nodes: nodes.map((node) => (node[0] === Tag.Extra ? plannedExtra(node, places) : planned(node, places))),
    groups: groupsOf(nodes),
    start: [...new Array<unknown>(nodes.length).fill(UNMADE), ...leaves],
  };
}

/** Where the value of a target is in the list of all. */
class Places {
  readonly #nodes: number;
  readonly #leaves: number;

  constructor(nodes: number, leaves: number) {
    this.#nodes = nodes;
    this.#leaves = leaves;
  }

  of(target: unknown): number {
    const isLeaf = (target as number) < 0;
    const [count, index] = isLeaf ? [this.#leaves, -1 - (target as number)] : [this.#nodes, target as number];
    if (!Number.isInteger(index) || index >= count) throw new TypeError(`there is no value ${String(target)}`);
    return isLeaf ? this.#nodes + index : index;
  }
}

const LISTS: ReadonlySet<number> = new Set([Tag.Array, Tag.Map, Tag.Set, Tag.Error, Tag.View, Tag.Boxed]);
const RECORDS: ReadonlySet<number> = new Set([Tag.Object, Tag.NullObject, Tag.SparseArray]);

function planned(node: Node, all: Places): Planned {
  const [tag, data] = node;
  const keys: (string | number)[] = [];
  const places: number[] = [];
  if (tag === Tag.Registered && (asArray(data).length !== 1 || typeof node[3] !== "string"))
    throw new TypeError("a registered value lacks its type");
  if (LISTS.has(tag)) asArray(data);
  else if (RECORDS.has(tag)) asObject(data);
  eachLink(node, (key, target) => {
    keys.push(key);
    places.push(all.of(target));
  });
  return { tag, data, node, keys, places };
}

function plannedExtra(node: Node, all: Places): Planned {
  const [tag, data, , type] = node;
  if (typeof type !== "string") throw new TypeError("an extra value lacks its type");
  const places = asArray(data).map(() => OWN);
  eachLink(node, (key, target) => {
    if (!Number.isInteger(key)) throw new TypeError("a link leads nowhere");
    places[key as number] = all.of(target);
  });
  return { tag, data, node, keys: [], places };
}

function groupsOf(nodes: readonly Node[]): Group[] {
  if (!nodes.some(([tag]) => tag === Tag.Registered)) return [groupOf(nodes, [...nodes.keys()])];
  // `unpack` is given complete values, so everything is made in the order in which one needs the other.
  return componentsOf(nodes).map((members) => {
    if (members.length > 1 && members.some((i) => nodes[i]?.[0] === Tag.Registered))
      throw new TypeError("a registered value is part of itself");
    return groupOf(nodes, members);
  });
}

const FILLED: ReadonlySet<number> = new Set([Tag.NullObject, Tag.SparseArray, Tag.Map, Tag.Set, Tag.Error]);

function groupOf(nodes: readonly Node[], members: readonly number[]): Group {
  const those = (isOne: (node: Node) => boolean): number[] => members.filter((i) => isOne(nodes[i] as Node));
  return {
    members,
    linked: those(([tag, , links]) => (tag === Tag.Array || tag === Tag.Object) && links !== undefined),
    filled: those(([tag]) => FILLED.has(tag)),
    extra: those(([tag]) => tag === Tag.Extra),
  };
}
