import {
  type Bodies,
  CancelledError,
  type ChannelNote,
  countOf,
  type DownNote,
  encodeFailure,
  type NestedHeader,
  Outcome,
  outcomeAt,
  type Passed,
  type Ranges,
  type ResultInfo,
  repeatBody,
  ShippingError,
  type Stop,
  type UpNote,
} from "@pydist/protocol";
import { rememberNamed, sha256 } from "@pydist/shipping";
import type { Way } from "./channel.js";
import type { Content } from "./contents.js";
import type { Route, Sink } from "./sink.js";

/** What an executor does for tasks that submit tasks. */
export interface OffspringHost {
  /** Id of the executor. */
  readonly executor: string;
  /** Sends a batch whose bodies were encoded elsewhere. */
  forward(head: NestedHeader, contents: readonly Content[], bodies: Bodies, sink: Sink<Route>): Route;
  /** To a running task, wherever it is; one that is over hears nothing. */
  tell(lease: number, index: number, call: string, note: DownNote, bodies: Bodies | undefined): void;
}

/** What a task says of tasks of its own. */
export type FamilyNote = Exclude<UpNote, ChannelNote | { readonly kind: "log" | "progress" }>;

type SubmitNote = Extract<FamilyNote, { readonly kind: "submit" }>;

/** What one execution of a task has submitted and not heard the end of. */
interface Family {
  readonly call: string;
  readonly batches: Map<number, Child>;
  /** Values that its batches may name, by their hash. */
  readonly captured: Map<string, Uint8Array>;
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
    switch (note.kind) {
      case "submit":
        if (bodies !== undefined) this.#submit(lease, index, call, note, bodies);
        return;
      case "captured":
        // Of other bytes than those of the hash nothing is kept: whoever names it is refused.
        if (bodies?.bytes === undefined || sha256(bodies.bytes) !== note.hash) return;
        this.#familyOf(lease, index, call).captured.set(note.hash, bodies.bytes);
        return;
    }
    const family = this.#families.get(`${lease} ${index}`);
    if (family?.call !== call) return;
    if (note.kind === "forget") return void family.captured.delete(note.hash);
    if (note.kind === "reply") return family.batches.get(note.batch)?.reply(note, bodies);
    const { batch, ranges, grace } = note;
    const stop = grace === undefined || bodies === undefined ? undefined : { grace, reason: bodies };
    family.batches.get(batch)?.cancelAt(ranges, stop);
  }

  #submit(lease: number, index: number, call: string, note: SubmitNote, bodies: Bodies): void {
    const { batch, head } = note;
    const family = this.#familyOf(lease, index, call);
    const contents = checked(note, family);
    if (typeof contents === "string") {
      this.#host.tell(lease, index, call, this.#refusal(note), refused(contents, countOf(bodies)));
      return;
    }
    const tell = (news: DownNote, results?: Bodies): void => this.#host.tell(lease, index, call, news, results);
    const child = new Child({ batch, count: countOf(bodies), grace: head.grace }, tell, () =>
      family.batches.delete(batch),
    );
    family.batches.set(batch, child);
    rememberNamed(head.code, note.text);
    this.#host.forward(head, contents, bodies, child);
  }

  #refusal({ batch, head: { attempt } }: SubmitNote): DownNote {
    return { kind: "results", batch, from: 0, node: this.#host.executor, hops: 0, attempt };
  }

  #familyOf(lease: number, index: number, call: string): Family {
    const key = `${lease} ${index}`;
    const before = this.#families.get(key);
    if (before?.call === call) return before;
    // An earlier execution of the task was lost; this one submits anew.
    if (before !== undefined) stopAll(before);
    const family: Family = { call, batches: new Map(), captured: new Map() };
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

/**
 * What a batch names by hash; a string says why it is refused. Every node keeps contents by their hash: wrong ones would be
 * used for others, too.
 */
function checked({ head, text }: SubmitNote, family: Family): readonly Content[] | string {
  const { code, name, captured } = head;
  if (sha256(text) !== code) return `The code of ${name} is not the one that its hash names, so it was not run.`;
  const contents: Content[] = [{ hash: code, content: text }];
  if (captured === undefined) return contents;
  const { hash, inline } = captured;
  const bytes = inline === undefined ? family.captured.get(hash) : Buffer.from(inline, "base64");
  if (bytes === undefined || (inline !== undefined && sha256(bytes) !== hash)) {
    return `What ${name} captured is not what its hash names, so it was not run.`;
  }
  if (inline === undefined) contents.push({ hash, content: bytes });
  return contents;
}

function refused(why: string, count: number): Bodies {
  return repeatBody(encodeFailure(new ShippingError(why)), count, Outcome.Failed);
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
  /** To those of its tasks that have said something. */
  readonly #ways = new Map<number, Way>();
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

  heard(index: number, note: ChannelNote, bodies: Bodies | undefined, way: Way): void {
    this.#ways.set(index, way);
    this.#tell({ kind: "heard", batch: this.#batch, index, call: way.call, note }, bodies);
  }

  reply({ index, call, note }: Passed, bodies: Bodies | undefined): void {
    const way = this.#ways.get(index);
    if (way?.call === call) way.tell(note, bodies);
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
