import type { BatchHeader } from "@pydist/protocol";
import { type Batch, QUEUED } from "./batch.js";
import type { UpstreamId } from "./events.js";
import { Line } from "./line.js";

/** A run of a batch that waits. Tasks in it that are no longer queued were taken out and are skipped. */
interface Entry {
  readonly batch: Batch;
  from: number;
  to: number;
}

export interface Run {
  readonly batch: Batch;
  readonly from: number;
  readonly to: number;
}

/** What decides which of an executor's tasks go first. */
type Place = Pick<BatchHeader, "priority" | "depth" | "hops">;

/** Entries of one place, oldest first. */
interface Lane extends Place {
  readonly entries: Line<Entry>;
}

/** What waits here for one executor. Its lanes are in the order in which they are served. */
interface Tenant {
  readonly executor: string;
  readonly lanes: Lane[];
  count: number;
}

/** Which queued tasks a taker can use. */
export interface Wanted {
  /** Fewest hops that a task must have left: 0 for the pool and for an attachment, 1 for a child. */
  readonly minHops: number;
  /** Upstreams whose way back is clogged. */
  readonly except: ReadonlySet<UpstreamId>;
  /** Asked only when such a task is next. Default: they are wanted. */
  readonly lastTries?: () => boolean;
}

/**
 * Tasks that wait: executors take turns; within one executor higher priority goes first, then what was submitted from
 * deeper, for somebody waits for it and holds memory meanwhile, then the order of arrival.
 * Whether a task is queued is said by its batch's `owner`; the queue holds only where to look.
 */
export class FairQueue {
  /** In turn: the first is served next. */
  readonly #tenants: Tenant[] = [];
  #count = 0;

  /** Tasks that wait. */
  get count(): number {
    return this.#count;
  }

  /** How many of each executor wait, in the order of their turns. */
  get lengths(): { readonly executor: string; readonly tasks: number }[] {
    return this.#tenants.map(({ executor, count }) => ({ executor, tasks: count }));
  }

  /** Puts a run at the end of its lane, or at its beginning when it waited before. */
  add(batch: Batch, from: number, to: number, where: "end" | "front"): void {
    const tenant = this.#tenantOf(batch.head.executor);
    const lane = laneOf(tenant, batch.head);
    if (where === "end") lane.entries.push({ batch, from, to });
    else lane.entries.unshift({ batch, from, to });
    tenant.count += to - from;
    this.#count += to - from;
  }

  /** One queued task was settled where it waits. */
  remove(batch: Batch): void {
    batch.holes = true;
    this.#discount(this.#tenantOf(batch.head.executor), 1);
  }

  /** Takes one task out, wherever it stands: it goes on elsewhere, and may come back. */
  pull(batch: Batch, index: number): void {
    const tenant = this.#tenantOf(batch.head.executor);
    const { entries } = laneOf(tenant, batch.head);
    for (let e = 0; e < entries.length; e++) {
      const entry = entries.at(e) as Entry;
      if (entry.batch !== batch || index < entry.from || index >= entry.to) continue;
      if (index + 1 < entry.to) entries.insert(e + 1, { batch, from: index + 1, to: entry.to });
      entry.to = index;
      if (entry.from === entry.to) entries.remove(e);
      this.#discount(tenant, 1);
      return;
    }
  }

  /** The run that `take` would cut from, without taking it. */
  peek(wanted: Wanted): Run | undefined {
    for (const tenant of this.#tenants) {
      const found = this.#find(tenant, wanted);
      if (found !== undefined) return found.lane.entries.at(found.at);
    }
    return undefined;
  }

  /**
   * Takes the next run: at most `max` tasks that travel under one header and weigh at most `maxBytes`, though always
   * at least one task. The executor served goes to the end of the line.
   */
  take(wanted: Wanted, max: number, maxBytes: number): Run | undefined {
    for (let t = 0; t < this.#tenants.length; t++) {
      const tenant = this.#tenants[t] as Tenant;
      const found = this.#find(tenant, wanted);
      if (found === undefined) continue;
      const { entries } = found.lane;
      const entry = entries.at(found.at) as Entry;
      const { batch, from } = entry;
      const end = withinBytes(batch, from, batch.runEnd(from, Math.min(entry.to, from + max)), maxBytes);
      entry.from = end;
      if (entry.from >= entry.to) entries.remove(found.at);
      this.#discount(tenant, end - from);
      if (this.#tenants[t] === tenant) this.#tenants.push(...this.#tenants.splice(t, 1));
      return { batch, from, to: end };
    }
    return undefined;
  }

  /**
   * Takes up to `max` tasks of one upstream from the end: those that would have run last.
   * @param below if given, only tasks with fewer hops left
   */
  takeLast(upstream: UpstreamId, max: number, below = Number.POSITIVE_INFINITY): Run[] {
    const runs: Run[] = [];
    let left = max;
    for (const tenant of [...this.#tenants]) {
      for (const lane of [...tenant.lanes].reverse()) {
        if (lane.hops >= below) continue;
        for (let e = lane.entries.length - 1; e >= 0 && left > 0; e--) {
          const entry = lane.entries.at(e) as Entry;
          if (entry.batch.upstream !== upstream) continue;
          left -= this.#takeTail(tenant, entry, left, runs);
          if (entry.from >= entry.to) lane.entries.remove(e);
        }
      }
    }
    return runs;
  }

  #takeTail(tenant: Tenant, entry: Entry, max: number, runs: Run[]): number {
    const { batch } = entry;
    let taken = 0;
    while (taken < max && entry.to > entry.from) {
      const to = entry.to;
      let from = to;
      while (from > entry.from && taken < max && batch.owner[from - 1] === QUEUED) {
        from--;
        taken++;
      }
      entry.to = from;
      if (from < to) runs.push({ batch, from, to });
      while (entry.to > entry.from && batch.owner[entry.to - 1] !== QUEUED) entry.to--;
    }
    this.#discount(tenant, taken);
    return taken;
  }

  /** Forgets what one upstream's batches have waiting here. Their owners are the caller's to change. */
  drop(upstream: UpstreamId): void {
    for (const tenant of [...this.#tenants]) {
      for (const lane of tenant.lanes) {
        lane.entries.retain((entry) => {
          if (entry.batch.upstream !== upstream) return true;
          let queued = 0;
          for (let i = entry.from; i < entry.to; i++) if (entry.batch.owner[i] === QUEUED) queued++;
          this.#discount(tenant, queued);
          return false;
        });
      }
    }
  }

  #tenantOf(executor: string): Tenant {
    let tenant = this.#tenants.find((each) => each.executor === executor);
    if (tenant === undefined) {
      tenant = { executor, lanes: [], count: 0 };
      this.#tenants.push(tenant);
    }
    return tenant;
  }

  #discount(tenant: Tenant, count: number): void {
    tenant.count -= count;
    this.#count -= count;
    const at = tenant.count === 0 ? this.#tenants.indexOf(tenant) : -1;
    if (at >= 0) this.#tenants.splice(at, 1);
  }

  #find(tenant: Tenant, wanted: Wanted): { readonly lane: Lane; readonly at: number } | undefined {
    for (const lane of tenant.lanes) {
      if (lane.hops < wanted.minHops) continue;
      const at = firstWanted(lane.entries, wanted);
      if (at !== undefined) return { lane, at };
    }
    return undefined;
  }
}

/** Where the first entry is that has something wanted. Forgets those on the way that have nothing left. */
function firstWanted(entries: Line<Entry>, { except, lastTries }: Wanted): number | undefined {
  let clogged = 0;
  for (let at = 0; at < entries.length; ) {
    const entry = entries.at(at) as Entry;
    const { batch } = entry;
    while (entry.from < entry.to && batch.owner[entry.from] !== QUEUED) entry.from++;
    if (entry.from === entry.to) {
      entries.remove(at);
      continue;
    }
    if (except.has(batch.upstream)) clogged++;
    else if (lastTries === undefined || !batch.isLastTry(entry.from) || lastTries()) {
      if (clogged === 0) return at;
      // They may be many: it is found at once the next time.
      entries.unshift(entries.remove(at) as Entry);
      return 0;
    }
    at++;
  }
  return undefined;
}

function laneOf(tenant: Tenant, head: BatchHeader): Lane {
  let at = 0;
  for (; at < tenant.lanes.length; at++) {
    const lane = tenant.lanes[at] as Lane;
    const order = servedBefore(head, lane);
    if (order === 0) return lane;
    if (order < 0) break;
  }
  const { priority, depth, hops } = head;
  const lane: Lane = { priority, depth, hops, entries: new Line() };
  tenant.lanes.splice(at, 0, lane);
  return lane;
}

/** As for sorting. Of equals, those with fewer hops first: fewer slots are in their reach. */
function servedBefore(a: Place, b: Place): number {
  return b.priority - a.priority || b.depth - a.depth || a.hops - b.hops;
}

/** The largest end in `(from, end]` whose run weighs at most `maxBytes`, or `from + 1`. */
function withinBytes(batch: Batch, from: number, end: number, maxBytes: number): number {
  if (batch.bytesIn(from, end) <= maxBytes) return end;
  let fits = from + 1;
  let over = end;
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (batch.bytesIn(from, middle) <= maxBytes) fits = middle;
    else over = middle;
  }
  return fits;
}
