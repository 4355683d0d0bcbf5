import { type Bodies, countOf, Outcome, outcomeAt, type ResultInfo } from "@pydist/protocol";

/** What one node did for this executor. */
export interface NodeStats {
  readonly id: string;
  readonly name: string;
  /** Calls that returned. */
  readonly completed: number;
  /** Calls that threw, or that took their worker or node with them. */
  readonly failed: number;
  /** Milliseconds that its workers spent in this executor's calls. */
  readonly busyMs: number;
  /** Bytes of encoded arguments that it was given, for the calls counted above. */
  readonly bytesIn: number;
  /** Bytes of encoded results that came back. */
  readonly bytesOut: number;
}

/** Who did how much. `completed` and `failed` of all nodes plus `neverRan` are the tasks that settled. */
export interface Stats {
  readonly nodes: NodeStats[];
  /** Tasks that settled without ever running: cancelled, or refused. */
  readonly neverRan: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Counts, at the executor, what came back from where; so lost nodes stay listed. */
export class Statistics {
  readonly #nodes = new Map<string, Mutable<NodeStats>>();
  #neverRan = 0;

  /** @param argumentBytes what the tasks' arguments weighed. */
  record(bodies: Bodies, info: ResultInfo, argumentBytes: number): void {
    let entry: Mutable<NodeStats> | undefined;
    for (let i = 0; i < countOf(bodies); i++) {
      const outcome = outcomeAt(bodies, i);
      if (outcome & Outcome.Cancelled) {
        this.#neverRan++;
        continue;
      }
      entry ??= this.#entryOf(info.node);
      if (outcome & Outcome.Failed) entry.failed++;
      else entry.completed++;
      entry.busyMs += bodies.times?.[i] ?? 0;
    }
    if (entry === undefined) return;
    entry.bytesOut += bodies.bytes.length;
    entry.bytesIn += argumentBytes;
  }

  neverRan(count: number): void {
    this.#neverRan += count;
  }

  read(): Stats {
    return { nodes: [...this.#nodes.values()].map((entry) => ({ ...entry })), neverRan: this.#neverRan };
  }

  /** A node has come; it is listed from now on, whatever becomes of it. */
  see(id: string, name: string): void {
    this.#entryOf(id).name = name;
  }

  #entryOf(id: string): Mutable<NodeStats> {
    let entry = this.#nodes.get(id);
    if (entry === undefined) {
      entry = { id, name: id, completed: 0, failed: 0, busyMs: 0, bytesIn: 0, bytesOut: 0 };
      this.#nodes.set(id, entry);
    }
    return entry;
  }
}
