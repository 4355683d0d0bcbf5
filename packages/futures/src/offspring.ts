import {
  type Bodies,
  CancelledError,
  countOf,
  type DownNote,
  encodeFailure,
  type NestedHeader,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
  repeatBody,
  ShippingError,
  type Stop,
  type UpNote,
} from "@pydist/protocol";
import { sha256 } from "@pydist/shipping";
import type { Route, Sink } from "./sink.js";

/** What an executor does for tasks that submit tasks. */
export interface OffspringHost {
  /** Id of the executor. */
  readonly executor: string;
  /** Sends a batch whose bodies were encoded elsewhere. */
  forward(head: NestedHeader, text: string, bodies: Bodies, sink: Sink): Route;
  /** To a running task, wherever it is; one that is over hears nothing. */
  tell(lease: number, index: number, call: string, note: DownNote, bodies: Bodies | undefined): void;
}

/** What a task says of tasks of its own. */
export type FamilyNote = Extract<UpNote, { readonly kind: "submit" | "cancel" }>;

/** What one execution of a task has submitted and not heard the end of. */
interface Family {
  readonly call: string;
  readonly batches: Map<number, Child>;
}

/**
 * Tasks that running tasks have submitted, by the batch and position of the task that did. They are the executor's like any
 * others; what came of them is told to the task, and if it fails or is stopped, they are stopped, too.
 */
export class Offspring {
  readonly #host: OffspringHost;
  readonly #families = new Map<string, Family>();

  constructor(host: OffspringHost) {
    this.#host = host;
  }

  /** A running task submits, or no longer wants what it submitted. `call` names the one execution that says so. */
  said(lease: number, index: number, call: string, note: FamilyNote, bodies: Bodies | undefined): void {
    if (note.kind === "submit") {
      if (bodies !== undefined) this.#submit(lease, index, call, note, bodies);
      return;
    }
    const family = this.#families.get(`${lease} ${index}`);
    if (family?.call !== call) return;
    const { batch, ranges, grace } = note;
    const stop = grace === undefined || bodies === undefined ? undefined : { grace, reason: bodies };
    family.batches.get(batch)?.cancelAt(ranges, stop);
  }

  #submit(
    lease: number,
    index: number,
    call: string,
    note: Extract<FamilyNote, { kind: "submit" }>,
    bodies: Bodies,
  ): void {
    const { batch, head, text } = note;
    if (sha256(text) !== head.code) {
      // Every node keeps code by its hash: a wrong text would be run for others, too.
      this.#host.tell(lease, index, call, this.#refusal(note), refused(head.name, countOf(bodies)));
      return;
    }
    const family = this.#familyOf(lease, index, call);
    const tell = (news: DownNote, results?: Bodies): void => this.#host.tell(lease, index, call, news, results);
    const child = new Child({ batch, count: countOf(bodies), grace: head.grace }, tell, () =>
      family.batches.delete(batch),
    );
    family.batches.set(batch, child);
    this.#host.forward(head, text, bodies, child);
  }

  #refusal({ batch, head: { attempt } }: Extract<FamilyNote, { kind: "submit" }>): DownNote {
    return { kind: "results", batch, from: 0, node: this.#host.executor, hops: 0, attempt };
  }

  #familyOf(lease: number, index: number, call: string): Family {
    const key = `${lease} ${index}`;
    const before = this.#families.get(key);
    if (before?.call === call) return before;
    // An earlier execution of the task was lost; this one submits anew.
    if (before !== undefined) stopAll(before);
    const family: Family = { call, batches: new Map() };
    this.#families.set(key, family);
    return family;
  }

  /** Tasks have ended. What those left behind that returned runs on; of the others nobody wants anything any more. */
  ended(lease: number, from: number, results: Bodies): void {
    if (this.#families.size === 0) return;
    for (let i = 0; i < countOf(results); i++) {
      const key = `${lease} ${from + i}`;
      const family = this.#families.get(key);
      if (family === undefined) continue;
      this.#families.delete(key);
      if (outcomeAt(results, i) & (Outcome.Failed | Outcome.Cancelled)) stopAll(family);
    }
  }

  /** Tasks are being stopped, or have lost their node and will run anew: what they submitted is stopped. */
  stopped(lease: number, ranges: Ranges): void {
    if (this.#families.size === 0) return;
    for (let r = 0; r < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) {
        const family = this.#families.get(`${lease} ${i}`);
        if (family !== undefined) stopAll(family);
      }
    }
  }
}

function stopAll({ batches }: Family): void {
  const error = new CancelledError("The task that submitted this was stopped or failed.");
  const reason = repeatBody(encodeFailure(error), 1, 0);
  for (const child of [...batches.values()]) child.stop(reason);
}

function refused(name: string, count: number): Bodies {
  const error = new ShippingError(`The code of ${name} is not the one that its hash names, so it was not run.`);
  return repeatBody(encodeFailure(error), count, Outcome.Failed);
}

/** What is known of a batch that a task submits. */
interface ChildOptions {
  /** The task's own number. */
  readonly batch: number;
  readonly count: number;
  /** Milliseconds that its tasks have to stop. */
  readonly grace: number;
}

/** A batch that a task submitted: whatever becomes of its tasks is passed on as it is, undecoded (invariant I5). */
class Child implements Sink {
  readonly count: number;
  readonly #batch: number;
  readonly #grace: number;
  readonly #tell: (note: DownNote, results?: Bodies) => void;
  readonly #over: () => void;
  #route: Route | undefined;
  #open: number;

  constructor(
    { batch, count, grace }: ChildOptions,
    tell: (note: DownNote, results?: Bodies) => void,
    over: () => void,
  ) {
    this.#batch = batch;
    this.#grace = grace;
    this.count = count;
    this.#open = count;
    this.#tell = tell;
    this.#over = over;
  }

  sent(route: Route): void {
    this.#route = route;
  }

  report(from: number, bodies: Bodies, { node, hops, attempt }: ResultInfo): void {
    this.#open -= countOf(bodies);
    if (this.#open === 0) this.#over();
    this.#tell({ kind: "results", batch: this.#batch, from, node, hops, attempt }, bodies);
  }

  started(ranges: Ranges): void {
    this.#tell({ kind: "started", batch: this.#batch, ranges });
  }

  waiting(ranges: Ranges): void {
    this.#tell({ kind: "waiting", batch: this.#batch, ranges });
  }

  cancelAt(ranges: Ranges, stop?: Stop): void {
    this.#route?.cancelAt(ranges, stop);
  }

  stop(reason: Bodies): void {
    this.#route?.cancelAt([0, this.count], { grace: this.#grace, reason });
  }

  cancel(): void {
    this.#route?.cancelAt([0, this.count]);
  }

  abandon(): void {
    // Whoever submitted it is abandoned as well.
  }
}
