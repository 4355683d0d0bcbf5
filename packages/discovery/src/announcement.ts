import type { Ancestor } from "@pydist/protocol";
import { isLoopback, parseAddress } from "pydist-node";

/** The root of a tree, as far as it takes to tell which of two trees joins the other. */
export interface Root {
  readonly id: string;
  /** When it began, in milliseconds since 1970 by its own clock. */
  readonly since: number;
  readonly address: string;
  /** Who can dial it. */
  readonly reach: "everybody" | "its machine";
}

/** @throws TypeError or RangeError if the address is none */
export function makeRoot(id: string, since: number, address: string): Root {
  return { id, since, address, reach: isLoopback(parseAddress(address).host) ? "its machine" : "everybody" };
}

/** What a node tells everybody on the network: nothing that is worth keeping from them. */
export interface Announcement {
  readonly id: string;
  readonly name: string;
  readonly cluster: string;
  /** Release of pydist. */
  readonly version: string;
  /** Where it can be dialled from where it is heard. */
  readonly address: string;
  readonly root: Root;
}

/** The root at the end of a node's way up. */
export function rootOf(way: readonly [Ancestor, ...Ancestor[]]): Root {
  const { id, since = 0, address } = way.at(-1) as Ancestor;
  return makeRoot(id, since, address);
}

/**
 * Whether a tree has to be joined by the other one: the same answer on all machines, whatever their clocks say. Nodes that
 * only their own machine can reach come last, for nobody else could join them.
 */
export function isEarlier(one: Root, other: Root): boolean {
  if (one.reach !== other.reach) return one.reach === "everybody";
  return one.since === other.since ? one.id < other.id : one.since < other.since;
}
