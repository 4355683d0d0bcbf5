import type { NodeDescription } from "@pydist/protocol";
import { hostOf, isLoopback } from "../links/address.js";

/** Milliseconds for a newcomer to come where it was sent, or was let in. */
const RESERVED = 30_000;
/** Children that a newcomer may find out of reach; after that it is taken in, however many there are. */
const TRIES = 2;

/** A node that has come, or is about to. */
export interface Arrival {
  readonly id: string;
  readonly name: string;
  /** Where it can be dialled, as it says itself. */
  readonly address: string | undefined;
  /** The machine that it comes from, as it is seen from here. */
  readonly host: string;
}

/** A child as it is now. */
export interface Child extends Arrival {
  /** Whether it came by itself. One that had to be dialled is not there for others to dial. */
  readonly direction: "dialed" | "accepted";
}

export interface PlacementOptions {
  readonly id: string;
  readonly most: number;
  readonly children: () => readonly Child[];
  readonly below: () => readonly NodeDescription[];
}

/** Where a newcomer goes: it is let in, if need be beyond the limit, or is sent on to a child. */
export type Place = { readonly is: "here" | "beyond" } | { readonly is: "below"; readonly child: Arrival };

/** A place that is kept for somebody who was just told of it. */
interface Reservation {
  /** The child to which it was sent, or this node. */
  readonly via: string;
  readonly newcomer: Arrival;
  readonly until: number;
}

/**
 * Keeps a node's children to a number, and the tree balanced: a newcomer goes where it comes to be least deep, and of such
 * places to where the fewest nodes are. Who was sent somewhere counts there from that moment, so that all who come at the
 * same time do not go to the same place.
 */
export class Placement {
  readonly #options: PlacementOptions;
  readonly #reserved = new Map<string, Reservation>();
  /** Children that somebody could not reach. They come last: it may have been the other one's fault. */
  readonly #doubtful = new Set<string>();

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  /** @param unreached ids of nodes that the newcomer could not reach */
  place(newcomer: Arrival, unreached: readonly string[], now: number): Place {
    const { id, most } = this.#options;
    const children = this.#options.children();
    const below = this.#options.below();
    this.#forget(children, below, now);
    this.#reserved.delete(newcomer.id);
    // Of itself it has to hear by the way up; who is here already, and begins anew, keeps its place.
    if (newcomer.id === id || children.some((child) => child.id === newcomer.id)) return { is: "here" };
    const coming = [...this.#reserved.values()].filter(({ via }) => via === id).map((each) => each.newcomer);
    const all = [...children, ...coming];
    if (all.length < most) return this.#reserve(newcomer, id, now, { is: "here" });
    const failed = all.filter((child) => unreached.includes(child.id));
    for (const child of failed) this.#doubtful.add(child.id);
    const accepted = children.filter(({ direction }) => direction === "accepted");
    const open = [...accepted, ...coming].filter((each) => !failed.includes(each) && canReach(newcomer, each));
    const [child] = this.#byPreference(open, below);
    if (child === undefined || failed.length >= TRIES) return this.#reserve(newcomer, id, now, { is: "beyond" });
    return this.#reserve(newcomer, child.id, now, { is: "below", child });
  }

  #reserve(newcomer: Arrival, via: string, now: number, place: Place): Place {
    this.#reserved.set(newcomer.id, { via, newcomer, until: now + RESERVED });
    return place;
  }

  #forget(children: readonly Child[], below: readonly NodeDescription[], now: number): void {
    const here = new Set([...children, ...below].map(({ id }) => id));
    for (const [id, { until }] of this.#reserved) if (until < now || here.has(id)) this.#reserved.delete(id);
    for (const id of this.#doubtful) if (!here.has(id)) this.#doubtful.delete(id);
  }

  #byPreference(children: readonly Arrival[], below: readonly NodeDescription[]): Arrival[] {
    const childrenOf = new Map<string, string[]>();
    for (const { id, parent } of below) {
      if (parent === null) continue;
      const siblings = childrenOf.get(parent);
      if (siblings === undefined) childrenOf.set(parent, [id]);
      else siblings.push(id);
    }
    const ranked = children.map((child) => {
      const reserved = [...this.#reserved.values()].filter(({ via }) => via === child.id).length;
      const levels = levelsBelow(child.id, childrenOf);
      const nodes = levels.reduce((sum, level) => sum + level, reserved);
      const doubt = this.#doubtful.has(child.id) ? 1 : 0;
      return { child, rank: [doubt, this.#depthOfPlace(levels, reserved), nodes] as const };
    });
    return ranked.sort((a, b) => compare(a.rank, b.rank)).map(({ child }) => child);
  }

  /** How far below a child the next one comes to be, after those for whom a place is kept; nodes there are taken to be as this one. */
  #depthOfPlace(levels: readonly number[], reserved: number): number {
    let waiting = reserved;
    let depth = 0;
    for (; ; depth++) {
      const free = (levels[depth] ?? 0) * this.#options.most - (levels[depth + 1] ?? 0);
      if (free > waiting) return depth;
      if (depth >= levels.length) return depth;
      waiting -= Math.max(0, free);
    }
  }
}

/** How many nodes there are on each level of a subtree, its top first. */
function levelsBelow(id: string, childrenOf: ReadonlyMap<string, readonly string[]>): number[] {
  const levels: number[] = [];
  const seen = new Set([id]);
  for (let level = [id]; level.length > 0; ) {
    levels.push(level.length);
    level = level.flatMap((each) => childrenOf.get(each) ?? []).filter((each) => !seen.has(each));
    for (const each of level) seen.add(each);
  }
  return levels;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] as number);
  return 0;
}

/** Whether a newcomer may be able to dial somebody. What listens on loopback is for those of the same machine. */
function canReach(newcomer: Arrival, { id, address, host }: Arrival): boolean {
  const at = address === undefined ? undefined : hostOf(address);
  if (at === undefined || id === newcomer.id) return false;
  return newcomer.host === host || !isLoopback(at);
}
