import { type Bodies, countOf, type Ranges, type ResultInfo, type Stop } from "@pydist/protocol";
import { cancelledError } from "../cancelled.js";
import type { KnownErrors } from "../decoding.js";
import { abortedError, type Ending, type Route, type Sink } from "../sink.js";

/** Told of every result before whoever waits for it is. */
export type Keep = (from: number, results: Bodies, then: () => void) => void;

/**
 * One batch of a map with a checkpoint: some of its calls have their results already, the others leave in parts. The
 * map cancels a batch only as a whole.
 */
export class KeptBatch implements Route {
  readonly #sink: Sink<Route>;
  readonly #keep: Keep;
  readonly #stopped: () => void;
  readonly #parts: Part[] = [];
  #state: "open" | "dropped" = "open";
  /** Calls before this one have left, or have their results. */
  #next = 0;

  constructor(sink: Sink<Route>, keep: Keep, stopped: () => void) {
    this.#sink = sink;
    this.#keep = keep;
    this.#stopped = stopped;
    sink.sent(this);
  }

  /** Nobody wants the calls any more that have not left. */
  get dropped(): boolean {
    return this.#state === "dropped";
  }

  /** The next calls have these results. */
  restore(results: Bodies): void {
    const from = this.#next;
    this.#next += countOf(results);
    this.#sink.report(from, results, RESTORED);
  }

  /** The next so many calls are about to leave. */
  part(count: number): Sink {
    const part = new Part(this.#sink, this.#next, count, this.#keep);
    this.#next += count;
    this.#parts.push(part);
    return part;
  }

  cancelAt(_ranges: Ranges, stop?: Stop): void {
    for (const part of this.#parts) part.route?.cancelAt([0, part.count], stop);
    this.#dropRest(cancelledError);
  }

  abortAt(_ranges: Ranges, reason: unknown): void {
    for (const part of this.#parts) part.route?.abortAt([0, part.count], reason);
    this.#dropRest(() => abortedError(reason));
  }

  #dropRest(ending: Ending): void {
    this.#state = "dropped";
    this.#stopped();
    this.#sink.abandon(ending, this.#next);
  }
}

/** No node ran it now. */
const RESTORED: ResultInfo = { node: "", hops: 0, attempt: 1 };

/** Consecutive calls of a batch, which leave as a batch of their own. */
class Part implements Sink {
  readonly count: number;
  readonly #sink: Sink;
  readonly #from: number;
  readonly #keep: Keep;
  route: Route | undefined;

  constructor(sink: Sink, from: number, count: number, keep: Keep) {
    this.#sink = sink;
    this.#from = from;
    this.count = count;
    this.#keep = keep;
  }

  sent(route: Route): void {
    this.route = route;
  }

  report(from: number, results: Bodies, info: ResultInfo, errors?: KnownErrors): void {
    const at = this.#from + from;
    const known = errors && new Map([...errors].map(([index, error]) => [index + this.#from, error]));
    this.#keep(at, results, () => this.#sink.report(at, results, info, known));
  }

  started(ranges: Ranges): void {
    this.#sink.started(ranges.map((index) => index + this.#from));
  }

  waiting(ranges: Ranges): void {
    this.#sink.waiting(ranges.map((index) => index + this.#from));
  }

  abandon(ending: Ending, from = 0, to = this.count): void {
    this.#sink.abandon(ending, this.#from + from, this.#from + to);
  }

  cancel(): void {
    this.#sink.cancel();
  }
}

/** Positions from 0 to `count` as runs of those that are known and those that are not. */
export function* runsOf(count: number, isKnown: (index: number) => boolean): Generator<[number, number, boolean]> {
  for (let from = 0, to = 1; from < count; from = to++) {
    const known = isKnown(from);
    while (to < count && isKnown(to) === known) to++;
    yield [from, to, known];
  }
}
