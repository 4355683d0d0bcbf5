import { inspect } from "node:util";
import {
  type Bodies,
  BrokenExecutorError,
  CancelledError,
  type ChannelNote,
  ConnectionError,
  countOf,
  HopLimitError,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
  SerializationError,
  ShippingError,
  ShutdownError,
  WorkerExitError,
  WorkerMemoryError,
} from "@pydist/protocol";
import { hear, type Way } from "./channel.js";
import { decodeError, type KnownErrors } from "./decoding.js";
import type { SubmitOptions } from "./options.js";
import type { Sent } from "./sent.js";
import type { Ending, Finding, Sink } from "./sink.js";

/** How often the tasks of a batch may run again, from now on. */
export interface Retry {
  readonly left: number;
  readonly retryOn: ((error: unknown) => boolean) | undefined;
}

export function retryOf(options: Pick<SubmitOptions, "retries" | "retryOn"> | undefined): Retry | undefined {
  const { retries = 0, retryOn } = options ?? {};
  return retries === 0 ? undefined : { left: retries, retryOn };
}

/** What remains after one of them. */
export function oneLess({ left, retryOn }: Retry): Retry | undefined {
  return left === 1 ? undefined : { left: left - 1, retryOn };
}

/** Errors of pydist that say that running again leads nowhere, or that nobody wants it. */
const FINAL = [
  BrokenExecutorError,
  CancelledError,
  ConnectionError,
  HopLimitError,
  SerializationError,
  ShippingError,
  ShutdownError,
];

/** A task may run again if it threw, took too long, or took its thread along; a lost node has `attempts` of its own. */
function isWorthIt(error: unknown): boolean {
  if (error instanceof WorkerExitError || error instanceof WorkerMemoryError) return true;
  return !FINAL.some((type) => error instanceof type);
}

/** Results of tasks some of which may run again. */
export interface Judged {
  /** Positions of those that do, ascending. */
  readonly again: readonly number[];
  /** By index of the task, what the others failed with. */
  readonly errors: KnownErrors;
}

/** Asks of each failure whether the task runs again. `from` is the index of the first task. */
export function judge(sent: Sent, retry: Retry, from: number, bodies: Bodies, node: string): Judged {
  const again: number[] = [];
  const errors = new Map<number, unknown>();
  for (let i = 0; i < countOf(bodies); i++) {
    if (!(outcomeAt(bodies, i) & Outcome.Failed)) continue;
    const error = decodeError(bodies, i, node);
    errors.set(from + i, error);
    if (!sent.wants(from + i) || !isWorthIt(error)) continue;
    try {
      // retryOn is the user's: it may have cancelled the task.
      if (wanted(retry, error) && sent.wants(from + i)) again.push(i);
    } catch (thrown) {
      errors.set(from + i, causedBy(thrown, error));
    }
  }
  return { again, errors };
}

function wanted({ retryOn }: Retry, error: unknown): boolean {
  if (retryOn === undefined) return true;
  const answer: unknown = retryOn(error);
  if (typeof answer === "boolean") return answer;
  throw new TypeError(`retryOn returned ${inspect(answer)}; it must return true or false.`);
}

/** What `retryOn` threw takes the task's error along. */
function causedBy(thrown: unknown, error: unknown): unknown {
  if (thrown instanceof Error && !Object.hasOwn(thrown, "cause") && Object.isExtensible(thrown)) {
    Object.defineProperty(thrown, "cause", { value: error, writable: true, configurable: true });
  }
  return thrown;
}

/** The one task of a batch that runs again, for whoever waits for the batch it came from. */
export class AgainSink implements Sink {
  readonly count = 1;
  readonly #origin: Sent;
  readonly #index: number;

  constructor(origin: Sent, index: number) {
    this.#origin = origin;
    this.#index = index;
  }

  get #range(): Ranges {
    return [this.#index, this.#index + 1];
  }

  sent(route: Finding): void {
    this.#origin.runsAgain(this.#index, route);
  }

  report(_from: number, bodies: Bodies, info: ResultInfo, errors?: KnownErrors): void {
    this.#origin.ranAgain(this.#index);
    const known = errors?.has(0) === true ? new Map([[this.#index, errors.get(0)]]) : undefined;
    this.#origin.sink.report(this.#index, bodies, info, known);
  }

  heard(_index: number, note: ChannelNote, bodies: Bodies | undefined, way: Way): void {
    hear(this.#origin.sink, this.#index, note, bodies, way);
  }

  started(): void {
    this.#origin.sink.started(this.#range);
  }

  waiting(): void {
    this.#origin.sink.waiting(this.#range);
  }

  abandon(ending: Ending): void {
    this.#origin.ranAgain(this.#index);
    this.#origin.sink.abandon(ending, this.#index, this.#index + 1);
  }

  cancel(): void {
    this.#origin.sink.cancel();
  }
}
