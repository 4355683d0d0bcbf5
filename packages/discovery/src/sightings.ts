import { parseAddress } from "pydist-node";
import { type Announcement, isEarlier } from "./announcement.js";
import { isHere, isLoopback } from "./places.js";

/** Machines, and nodes of each, that are remembered at most: anybody may announce what is not there. */
const MOST_SOURCES = 64;
const MOST_OF_ONE = 64;
/** Milliseconds until a place is tried again: doubled each time that nobody answered. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;
/** Nobody is believed for longer, in seconds. */
const MOST_TTL = 120;

/** A node of which a machine has spoken. */
export interface Sighting {
  readonly source: string;
  readonly announcement: Announcement;
}

interface Kept extends Sighting {
  announcement: Announcement;
  /** When it is forgotten, unless it is heard again. */
  until: number;
  /** From when on it may be dialled. */
  due: number;
  failures: number;
}

interface Source {
  /** When one of its nodes was dialled last. */
  tried: number;
  readonly nodes: Map<string, Kept>;
}

/**
 * What was heard of nodes, and is still to be tried. Whoever holds no secret can announce as much as he likes, so each machine
 * that speaks has its turn: one that makes up nodes by the thousand has no more of them than any other.
 */
export class Sightings {
  /** Those heard last are last. */
  readonly #sources = new Map<string, Source>();

  /** @param ttl seconds; with 0 a node says goodbye. @param now milliseconds */
  hear(announcement: Announcement, ttl: number, source: string, now: number): void {
    const { id, address } = announcement;
    if (ttl === 0) {
      this.#sources.get(source)?.nodes.delete(id);
      return;
    }
    // Whoever is elsewhere cannot know what this machine alone can reach.
    if (isLoopback(parseAddress(address).host) && !isHere(source)) return;
    const { tried = Number.NEGATIVE_INFINITY, nodes = new Map<string, Kept>() } = this.#sources.get(source) ?? {};
    this.#sources.delete(source);
    this.#sources.set(source, { tried, nodes });
    if (this.#sources.size > MOST_SOURCES) dropFirst(this.#sources);

    const known = nodes.get(id);
    nodes.delete(id);
    const until = now + Math.min(ttl, MOST_TTL) * 1000;
    const news = known === undefined || isAnother(known.announcement, announcement);
    nodes.set(id, { source, announcement, until, due: news ? now : known.due, failures: news ? 0 : known.failures });
    if (nodes.size > MOST_OF_ONE) dropFirst(nodes);
  }

  /** What is to be tried now; it has then had its turn. */
  next(wanted: (announcement: Announcement) => boolean, now: number): Sighting | undefined {
    let best: { source: Source; kept: Kept } | undefined;
    for (const source of this.#sources.values()) {
      const kept = this.#wanted(source, wanted, now)
        .filter(({ due }) => due <= now)
        .sort(byRoot)[0];
      if (kept === undefined) continue;
      if (best === undefined || source.tried < best.source.tried) best = { source, kept };
      else if (source.tried === best.source.tried && byRoot(kept, best.kept) < 0) best = { source, kept };
    }
    if (best === undefined) return undefined;
    best.source.tried = now;
    return best.kept;
  }

  #wanted({ nodes }: Source, wanted: (announcement: Announcement) => boolean, now: number): Kept[] {
    for (const [id, { until }] of nodes) if (until <= now) nodes.delete(id);
    return [...nodes.values()].filter(({ announcement }) => wanted(announcement));
  }

  /** Nobody answered there; it may do so later. */
  failed(sighting: Sighting, now: number): void {
    const kept = this.#kept(sighting);
    if (kept === undefined) return;
    kept.due = now + Math.min(FIRST_PAUSE * 2 ** kept.failures, LONGEST_PAUSE);
    kept.failures++;
  }

  /** It will have none of us; there is no use in another attempt until it is another one. */
  refused(sighting: Sighting): void {
    const kept = this.#kept(sighting);
    if (kept !== undefined) kept.due = Number.POSITIVE_INFINITY;
  }

  #kept({ source, announcement }: Sighting): Kept | undefined {
    const kept = this.#sources.get(source)?.nodes.get(announcement.id);
    return kept !== undefined && !isAnother(kept.announcement, announcement) ? kept : undefined;
  }

  /** When the next one that is wanted may be tried; Infinity if none will be. */
  due(wanted: (announcement: Announcement) => boolean, now: number): number {
    const all = [...this.#sources.values()].flatMap((source) => this.#wanted(source, wanted, now));
    return Math.min(...all.map(({ due }) => due));
  }
}

/** A node of the same name that has moved, or begun anew. */
function isAnother(one: Announcement, other: Announcement): boolean {
  return one.address !== other.address || one.root.id !== other.root.id || one.root.since !== other.root.since;
}

/** The earliest root first, and before all others itself. */
function byRoot({ announcement: one }: Sighting, { announcement: other }: Sighting): number {
  if (isEarlier(one.root, other.root)) return -1;
  if (isEarlier(other.root, one.root)) return 1;
  return Number(one.id !== one.root.id) - Number(other.id !== other.root.id);
}

function dropFirst<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
