import { type BatchHeader, type Bodies, countOf, type Ranges, type Stop } from "@pydist/protocol";
import type { Content } from "./contents.js";
import type { Port } from "./port.js";
import type { Retry } from "./retries.js";
import { type Finding, type SentTask, type Sink, stopWith } from "./sink.js";

/** What a batch is to whoever sent it. */
export interface SentOptions {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly bodies: Bodies;
  /** What the head names by hash. */
  readonly contents: readonly Content[];
  readonly sink: Sink;
  /** Undefined if what fails has failed. */
  readonly retry: Retry | undefined;
}

/** Who still wants a task. */
const Wish = { Wanted: 0, Cancelled: 1, Aborted: 2 } as const;

/** A batch that left and is not settled yet. */
export class Sent implements SentOptions, Finding {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly bodies: Bodies;
  readonly contents: readonly Content[];
  readonly sink: Sink;
  readonly retry: Retry | undefined;
  /** Tasks that are not settled yet. */
  open: number;
  readonly #way: Pick<Port, "cancel">;
  #wishes: Uint8Array | undefined;
  /** Tasks that run again, each as a batch of its own. */
  #again: Map<number, Finding> | undefined;

  constructor(way: Pick<Port, "cancel">, { lease, head, bodies, contents, sink, retry }: SentOptions) {
    this.lease = lease;
    this.head = head;
    this.bodies = bodies;
    this.contents = contents;
    this.sink = sink;
    this.retry = retry;
    this.open = countOf(bodies);
    this.#way = way;
  }

  cancelAt(ranges: Ranges, stop?: Stop): void {
    this.#wishes ??= new Uint8Array(countOf(this.bodies));
    for (let r = 0; r + 1 < ranges.length; r += 2) {
      this.#wishes.fill(stop === undefined ? Wish.Cancelled : Wish.Aborted, ranges[r], ranges[r + 1]);
    }
    this.#way.cancel(this.lease, ranges, stop);
    for (const [index, again] of this.#again ?? []) if (covers(ranges, index)) again.cancelAt([0, 1], stop);
  }

  abortAt(ranges: Ranges, reason: unknown): void {
    this.cancelAt(ranges, stopWith(reason, this.head.grace));
  }

  find(index: number): SentTask {
    const { lease, head } = this;
    return this.#again?.get(index)?.find(0) ?? { lease, index, name: head.name, route: this };
  }

  /** Whether a task was neither cancelled nor aborted. */
  wants(index: number): boolean {
    return this.#wishes === undefined || this.#wishes[index] === Wish.Wanted;
  }

  aborted(index: number): boolean {
    return this.#wishes?.[index] === Wish.Aborted;
  }

  runsAgain(index: number, again: Finding): void {
    this.#again ??= new Map();
    this.#again.set(index, again);
  }

  /** The task that ran again is settled. */
  ranAgain(index: number): void {
    this.#again?.delete(index);
  }
}

function covers(ranges: Ranges, index: number): boolean {
  for (let r = 0; r + 1 < ranges.length; r += 2) {
    if (index >= (ranges[r] as number) && index < (ranges[r + 1] as number)) return true;
  }
  return false;
}
