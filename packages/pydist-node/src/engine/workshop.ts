import { type Bodies, countOf, Outcome, outcomeAt, type ResultInfo } from "@pydist/protocol";
import { POOL, type SchedulerAction, type SchedulerEvent } from "@pydist/scheduler";
import type { Logger } from "../logger.js";
import { Pool, type PoolOptions } from "../pool/pool.js";
import type { Place } from "../pool/view.js";
import type { CodeExchange } from "./code-exchange.js";
import type { Voices } from "./voices.js";

/** What the workers of this process did, for all executors together. */
export interface Tally {
  completed: number;
  failed: number;
  busyMs: number;
}

export interface WorkshopOptions extends PoolOptions {
  readonly codes: CodeExchange;
  readonly handle: (event: SchedulerEvent) => void;
  /** What results of a lease say of themselves; undefined once it is over. */
  readonly infoOf: (lease: number) => ResultInfo | undefined;
  readonly voices: Voices;
  readonly logger: Logger;
}

/** Actions for the receiver that is this node's pool. */
export type PoolAction = Extract<SchedulerAction, { readonly receiver: number } | { readonly type: "resumeAt" }>;

/** The pool as the scheduler's receiver: a run for each lease, and its news as events. */
export class Workshop {
  readonly tally: Tally = { completed: 0, failed: 0, busyMs: 0 };
  readonly #options: WorkshopOptions;
  readonly #pool: Pool;

  constructor(options: WorkshopOptions) {
    this.#options = options;
    const { handle, voices, logger } = options;
    this.#pool = new Pool(options, {
      results: (lease, from, bodies) => this.#results(lease, from, bodies),
      started: (lease, ranges) => handle({ type: "started", receiver: POOL, lease, ranges }),
      returned: (lease, ranges) => handle({ type: "returned", receiver: POOL, lease, ranges }),
      suspended: (lease, index) => handle({ type: "suspended", receiver: POOL, lease, ranges: [index, index + 1] }),
      ready: (lease, index) => handle({ type: "ready", lease, index }),
      said: (lease, index, call, note, bodies) =>
        handle({ type: "said", receiver: POOL, lease, index, call, note, bodies }),
      stray: (stray) => voices.stray(stray),
      output: (output) => voices.wrote(output),
      threadDied: ({ task, failed, again, cause }) =>
        logger.warn({ task, failed, again, cause }, "A worker thread ended under its tasks"),
    });
  }

  /** Where a task is that the pool was given. */
  find(lease: number, index: number): Place {
    return this.#pool.find(lease, index);
  }

  dump() {
    return this.#pool.dump();
  }

  /** Carries out what the scheduler wants of this node's own pool. */
  perform(action: PoolAction): void {
    switch (action.type) {
      case "dispatch":
        return this.#run(action);
      case "cancelAt":
        return this.#pool.cancel(action.lease, action.ranges, action.stop);
      case "recallFrom":
        this.#pool.recall(action.max);
        return this.#options.handle({ type: "recalled", receiver: POOL });
      case "tell":
        return this.#pool.tell(action.lease, action.index, action.call, action.note, action.bodies);
      case "resumeAt":
        return this.#pool.resume(action.lease);
    }
  }

  #run({ lease, head, bodies, upstream }: Extract<PoolAction, { type: "dispatch" }>): void {
    this.#pool.start(lease, head, bodies, this.#options.codes.textsOf(head, upstream));
  }

  #results(lease: number, from: number, bodies: Bodies): void {
    for (let i = 0; i < countOf(bodies); i++) {
      const outcome = outcomeAt(bodies, i);
      if (outcome & Outcome.Cancelled) continue;
      if (outcome & Outcome.Failed) this.tally.failed++;
      else this.tally.completed++;
      this.tally.busyMs += bodies.times?.[i] ?? 0;
    }
    const info = this.#options.infoOf(lease);
    if (info !== undefined) this.#options.handle({ type: "results", receiver: POOL, lease, from, bodies, ...info });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
