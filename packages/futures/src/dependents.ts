import { CancelledError, DependencyError } from "@pydist/protocol";
import type { Future, Outcome } from "./future.js";
import { type Held, type Need, pathOf } from "./held.js";
import type { Ending } from "./sink.js";
import { inTurn } from "./turns.js";

/** Whoever is to make a call once its arguments are there. */
export interface Waiter {
  ready(args: unknown[]): void;
  /** The call is never made. */
  failed(error: unknown): void;
}

/** A call that waits for futures among its arguments. It is not in the tree yet, so it holds no slot meanwhile. */
class Dependent {
  readonly #held: Held;
  readonly #waiter: Waiter;
  readonly #over: (how: "made" | "never made") => void;
  readonly #outcomes: (Outcome<unknown> | undefined)[];
  readonly #callbacks: ((future: Future<unknown>) => void)[];
  #missing: number;
  #state: "waiting" | "over" = "waiting";

  constructor(held: Held, waiter: Waiter, over: (how: "made" | "never made") => void) {
    this.#held = held;
    this.#waiter = waiter;
    this.#over = over;
    this.#missing = held.needs.length;
    this.#outcomes = held.needs.map(() => undefined);
    this.#callbacks = held.needs.map((need, i) => (future) => this.#settled(need, i, future));
  }

  start(): void {
    for (const [i, need] of this.#held.needs.entries()) {
      if (this.#state === "over") return;
      if (need.future.done()) this.#settled(need, i, need.future);
      else need.future.addDoneCallback(this.#callbacks[i] as () => void);
    }
  }

  #settled(need: Need, index: number, future: Future<unknown>): void {
    if (this.#state === "over") return;
    const outcome = future.look() as Outcome<unknown>;
    if ("error" in outcome) return this.fail(dependencyError(need, outcome.error));
    this.#outcomes[index] = outcome;
    if (--this.#missing > 0) return;
    const values = this.#outcomes.map((each) => (each as { value: unknown }).value);
    this.#letGo();
    try {
      this.#waiter.ready(this.#held.fill(values));
    } catch (error) {
      return this.#tellFailed(error);
    }
    this.#over("made");
  }

  fail(error: unknown): void {
    if (this.#state === "over") return;
    this.#letGo();
    this.#tellFailed(error);
  }

  /** In turn: others may wait for this call, and others for those, and so on for as long as one likes. */
  #tellFailed(error: unknown): void {
    inTurn(() => {
      try {
        this.#waiter.failed(error);
      } finally {
        this.#over("never made");
      }
    });
  }

  /** Nobody waits any more. */
  drop(): void {
    if (this.#state === "over") return;
    this.#letGo();
    this.#over("never made");
  }

  #letGo(): void {
    this.#state = "over";
    for (const [i, { future }] of this.#held.needs.entries()) {
      if (!future.done()) future.removeDoneCallback(this.#callbacks[i] as () => void);
    }
  }
}

/** Of failures of calls that were never made: what the first one of their chain failed with. */
const roots = new WeakMap<DependencyError, unknown>();

/** Quotes only the failure that all began with: a chain whose messages quoted each other would grow with its square. */
function dependencyError(need: Need, cause: unknown): DependencyError {
  const path = pathOf(need);
  const root = cause instanceof DependencyError && roots.has(cause) ? roots.get(cause) : cause;
  const became = need.future.cancelled() ? "was cancelled" : "failed";
  const why = root instanceof Error ? `: ${root.name}: ${root.message}` : "";
  const error = new DependencyError(`The call was not made: ${path} is a future, and it ${became}${why}`, {
    path,
    cause,
  });
  roots.set(error, root);
  return error;
}

/** What an executor is told of its dependents. */
export interface DependentsHost {
  came(): void;
  /** Its arguments are there: the call is made, and others keep the books from now on. */
  made(): void;
  neverMade(name: string, outcome: "failed" | "cancelled"): void;
}

/** All calls of an executor that wait for futures. */
export class Dependents {
  readonly #waiting = new Set<Dependent>();
  readonly #host: DependentsHost;

  constructor(host: DependentsHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Tells the waiter once the futures are done; at once if they are.
   * @param name the task's, for those who listen
   * @returns what makes nobody wait any more
   */
  add(name: string, held: Held, waiter: Waiter): { drop(): void } {
    let outcome: "failed" | "cancelled" = "cancelled";
    const failed = (error: unknown): void => {
      if (!(error instanceof CancelledError)) outcome = "failed";
      waiter.failed(error);
    };
    const dependent = new Dependent(held, { ready: (args) => waiter.ready(args), failed }, (how) => {
      this.#waiting.delete(dependent);
      if (how === "made") this.#host.made();
      else this.#host.neverMade(name, outcome);
    });
    this.#waiting.add(dependent);
    this.#host.came();
    dependent.start();
    return dependent;
  }

  /** None of them is ever made. In one turn: those that wait for each other have all the same reason. */
  end(ending: Ending): void {
    inTurn(() => {
      for (const dependent of [...this.#waiting]) dependent.fail(ending("pending"));
    });
  }
}
