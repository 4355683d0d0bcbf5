import {
  type Bodies,
  BodiesBuilder,
  bodyAt,
  CancelledError,
  countOf,
  decodeBodies,
  decodeFailure,
  encodeArguments,
  kindAt,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
} from "@pydist/protocol";
import { relocate } from "@pydist/shipping";
import { Future, type FutureOwner } from "./future.js";

/** Settled results of consecutive tasks: values, or errors where a task failed or was cancelled. */
export interface Settled {
  readonly values: unknown[];
  /** By position, what went wrong there; undefined when nothing did. */
  readonly errors: Map<number, unknown> | undefined;
}

/** Decodes what came back. The submitter and the worker are the only ones that ever do (invariant I5). */
export function decodeResults(bodies: Bodies, node: string): Settled {
  if (bodies.kinds.every((kind) => outcomeAtKind(kind) === 0)) {
    try {
      return { values: decodeBodies(bodies), errors: undefined };
    } catch {
      // One result does not decode: each is looked at by itself below.
    }
  }
  const count = countOf(bodies);
  const values = new Array<unknown>(count);
  const errors = new Map<number, unknown>();
  for (let i = 0; i < count; i++) {
    const outcome = outcomeAt(bodies, i);
    if (outcome & Outcome.Cancelled) {
      errors.set(i, new CancelledError("The task was cancelled before it ran."));
      continue;
    }
    try {
      if (outcome & Outcome.Failed) {
        const failure = decodeFailure(kindAt(bodies, i), bodyAt(bodies, i), { node });
        relocate(failure);
        errors.set(i, failure);
      } else values[i] = decodeBodies(one(bodies, i))[0];
    } catch (error) {
      errors.set(i, error);
    }
  }
  return { values, errors };
}

function outcomeAtKind(kind: number): number {
  return kind & (Outcome.Failed | Outcome.Cancelled);
}

function one(bodies: Bodies, index: number): Bodies {
  const bytes = bodyAt(bodies, index);
  return {
    kinds: Uint8Array.of(kindAt(bodies, index)),
    ends: Uint32Array.of(bytes.length),
    bytes,
    times: undefined,
  };
}

/** Whoever waits for the tasks of one batch. */
export interface Sink {
  readonly count: number;
  report(from: number, bodies: Bodies, info: ResultInfo): void;
  started(ranges: Ranges): void;
  /** Tasks that had begun have lost their node and wait again. */
  waiting(ranges: Ranges): void;
  /** The tasks that are not settled yet never will be. */
  abandon(error: unknown): void;
  /** Cancels every task that has not begun. */
  cancel(): void;
}

/** The futures of one batch of submits. */
export class FutureSink implements Sink, FutureOwner {
  readonly #builder = new BodiesBuilder();
  readonly #futures: (Future<unknown> | undefined)[] = [];
  readonly #cancelled: number[] = []; // ranges, in the order of cancelling
  #cancelAt: ((ranges: Ranges) => void) | undefined;

  get count(): number {
    return this.#futures.length;
  }

  get byteLength(): number {
    return this.#builder.byteLength;
  }

  /**
   * Encodes the arguments now, so that what the caller does with them later changes nothing.
   * @throws SerializationError naming the value that cannot travel.
   */
  add(args: readonly unknown[]): Future<unknown> {
    this.#builder.add(encodeArguments(args));
    const future = new Future<unknown>(this, this.#futures.length);
    this.#futures.push(future);
    return future;
  }

  /** The batch leaves: from now on cancelling is the tree's business. */
  seal(cancelAt: (ranges: Ranges) => void): Bodies {
    this.#cancelAt = cancelAt;
    return this.#builder.build();
  }

  /** Tasks that were cancelled before the batch left. */
  takeCancelled(): Ranges {
    return this.#cancelled;
  }

  cancelTask(index: number): void {
    this.#futures[index] = undefined;
    this.#tellCancelled([index, index + 1]);
  }

  /** A batch that has not left takes the news along. */
  #tellCancelled(ranges: Ranges): void {
    if (this.#cancelAt === undefined) this.#cancelled.push(...ranges);
    else if (ranges.length > 0) this.#cancelAt(ranges);
  }

  report(from: number, bodies: Bodies, info: ResultInfo): void {
    const { values, errors } = decodeResults(bodies, info.node);
    for (let i = 0; i < values.length; i++) {
      const future = this.#futures[from + i];
      this.#futures[from + i] = undefined;
      if (future === undefined || future.done()) continue;
      const duration = bodies.times?.[i] ?? 0;
      if (errors?.has(i)) future.finish({ error: errors.get(i) }, info, duration);
      else future.finish({ value: values[i] }, info, duration);
    }
  }

  started(ranges: Ranges): void {
    for (let r = 0; r < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) this.#futures[i]?.markRunning();
    }
  }

  waiting(ranges: Ranges): void {
    for (let r = 0; r < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) this.#futures[i]?.markPending();
    }
  }

  abandon(error: unknown): void {
    for (const future of this.#futures) future?.abandon(error);
    this.#futures.fill(undefined);
  }

  /** All in one message: a future's own `cancel` sends one each. */
  cancel(): void {
    const ranges: number[] = [];
    for (let i = 0; i < this.#futures.length; i++) {
      const future = this.#futures[i];
      if (future?.state !== "pending") continue;
      this.#futures[i] = undefined;
      future.abandon(new CancelledError("The task was cancelled before it ran."));
      ranges.push(i, i + 1);
    }
    this.#tellCancelled(ranges);
  }
}
