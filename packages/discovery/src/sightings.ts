import { isLoopback, parseAddress } from "pydist-node";
import { type Announcement, isEarlier } from "./announcement.js";
import { isHere } from "./places.js";

/** Machines, and nodes of each, that are remembered at most: anybody may announce what is not there. */
const MOST_SOURCES = 32;
const MOST_OF_ONE = 16;
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

type Wanted = (announcement: Announcement) => boolean;

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

  has(id: string): boolean {
    return [...this.#sources.values()].some(({ nodes }) => nodes.has(id));
  }

  /** What is to be tried now; it has then had its turn. */
  next(wanted: Wanted, now: number): Sighting | undefined {
    let best: { source: Source; kept: Kept } | undefined;
    for (const source of this.#sources.values()) {
      const kept = bestOf(source, wanted, now);
      if (kept === undefined) continue;
      const earlier = best === undefined || (best.source.tried === source.tried && isBetter(kept, best.kept));
      if (earlier || source.tried < (best?.source.tried ?? 0)) best = { source, kept };
    }
    if (best === undefined) return undefined;
    best.source.tried = now;
    return best.kept;
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
  due(wanted: Wanted): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { nodes } of this.#sources.values()) {
      for (const { announcement, due } of nodes.values()) if (due < least && wanted(announcement)) least = due;
    }
    return least;
  }
}

function bestOf({ nodes }: Source, wanted: Wanted, now: number): Kept | undefined {
  let best: Kept | undefined;
  for (const [id, kept] of nodes) {
    if (kept.until <= now) nodes.delete(id);
    else if (kept.due <= now && (best === undefined || isBetter(kept, best)) && wanted(kept.announcement)) best = kept;
  }
  return best;
}

/** A node of the same name that has moved, or begun anew. */
function isAnother(one: Announcement, other: Announcement): boolean {
  return one.address !== other.address || one.root.id !== other.root.id || one.root.since !== other.root.since;
}

/** The earlier root, and before all others itself. */
function isBetter({ announcement: one }: Sighting, { announcement: other }: Sighting): boolean {
  if (one.root.id === other.root.id) return one.id === one.root.id && other.id !== other.root.id;
  return isEarlier(one.root, other.root);
}

function dropFirst<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
