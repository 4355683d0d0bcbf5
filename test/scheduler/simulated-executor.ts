import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  bodyAt,
  countOf,
  Outcome,
  outcomeAt,
  type Ranges,
  type Stop,
} from "@pydist/protocol";
import { eachIndex, InvariantError, type SchedulerAction, type SchedulerEvent } from "@pydist/scheduler";

/** The executor's own upstream: the submitter in its process. */
export const SUBMITTER = 1;

type ActionOf<T extends SchedulerAction["type"]> = Extract<SchedulerAction, { type: T }>;
export type Settled = "finished" | "failed" | "cancelled";

/** One execution of a task that submits tasks of its own. */
interface Parent {
  readonly lease: number;
  readonly index: number;
  readonly call: string;
  readonly batch: number;
}

interface Sent {
  readonly bodies: Bodies;
  readonly parent: Parent | undefined;
}

/** What a task submitted, by the execution that did. */
interface Children {
  readonly call: string;
  readonly leases: number[];
}

const decoder = new TextDecoder();

function one(text: string): Bodies {
  const builder = new BodiesBuilder();
  builder.add({ kind: 0, text, bytes: undefined });
  return builder.build();
}

const STOP: Stop = { grace: 20, reason: one('"unwanted"') };

/** Submits, counts what settles, and acts for the tasks that submit others. A batch is named by its first task. */
export class SimulatedExecutor {
  readonly id: string;
  readonly settled: (Settled | undefined)[] = [];
  readonly #hops: number;
  readonly #attempts: number;
  readonly #handle: (event: SchedulerEvent) => void;
  readonly #sent = new Map<number, Sent>();
  readonly #children = new Map<number, Children>();
  readonly #unwanted = new Set<number>();
  #batches = 0;
  /** Tasks not settled yet. */
  open = 0;
  /** Of the tasks submitted, those that tasks submitted. */
  nested = 0;
  /** Executions whose children were stopped because they ended badly. */
  orphaned = 0;

  constructor(id: string, hops: number, attempts: number, handle: (event: SchedulerEvent) => void) {
    this.id = id;
    this.#hops = hops;
    this.#attempts = attempts;
    this.#handle = handle;
  }

  submit(shape: Pick<BatchHeader, "node" | "priority" | "depth" | "grace">, bodies: Bodies, parent?: Parent): number {
    const lease = this.settled.length;
    const count = countOf(bodies);
    for (let i = 0; i < count; i++) this.settled.push(undefined);
    this.open += count;
    this.#sent.set(lease, { bodies, parent });
    const { node, priority, depth, grace } = shape;
    const head: BatchHeader = {
      code: "c0de",
      name: "simulated",
      executor: this.id,
      batch: ++this.#batches,
      first: lease,
      ...(node === undefined ? {} : { node }),
      hops: this.#hops,
      travelled: 0,
      priority,
      attempts: this.#attempts,
      attempt: 1,
      depth,
      grace,
    };
    this.#handle({ type: "accept", upstream: SUBMITTER, lease, head, bodies });
    return lease;
  }

  cancel(lease: number, ranges: Ranges, how: "cancel" | "stop"): void {
    const count = countOf((this.#sent.get(lease) as Sent).bodies);
    eachIndex(ranges, count, (index) => this.#unwanted.add(lease + index));
    const event = { type: "cancel", upstream: SUBMITTER, lease, ranges } as const;
    this.#handle(how === "cancel" ? event : { ...event, stop: STOP });
  }

  /** Stops one task, unless it is over. */
  stop(task: number): void {
    if (this.settled[task] !== undefined) return;
    let lease = task;
    while (!this.#sent.has(lease)) lease--;
    this.cancel(lease, [task - lease, task - lease + 1], "stop");
  }

  take(action: SchedulerAction): void {
    switch (action.type) {
      case "report":
        return this.#settle(action);
      case "reportWaiting":
        return eachIndex(action.ranges, Number.MAX_SAFE_INTEGER, (index) => this.#forsake(action.lease + index));
      case "say":
        return this.#hear(action);
    }
  }

  /** A running task submits. The children of an earlier execution of it are nobody's any more. */
  #hear({ lease, index, call, note, bodies }: ActionOf<"say">): void {
    const task = lease + index;
    if (this.settled[task] !== undefined) throw new InvariantError("I2", `task ${task} speaks after it was settled`);
    if (note.kind !== "submit" || bodies === undefined) return;
    if (this.#children.get(task)?.call !== call) this.#forsake(task);
    const children = this.#children.get(task) ?? { call, leases: [] };
    this.#children.set(task, children);
    this.nested += countOf(bodies);
    children.leases.push(this.submit(note.head, bodies, { lease, index, call, batch: note.batch }));
  }

  #forsake(task: number): void {
    const children = this.#children.get(task);
    if (children === undefined) return;
    this.#children.delete(task);
    this.orphaned++;
    for (const lease of children.leases) {
      this.cancel(lease, [0, countOf((this.#sent.get(lease) as Sent).bodies)], "stop");
    }
  }

  /** I1: each task settles exactly once at its submitter, with its own value. */
  #settle({ lease, from, bodies, node, hops, attempt }: ActionOf<"report">): void {
    const sent = this.#sent.get(lease) as Sent;
    for (let i = 0; i < countOf(bodies); i++) {
      const task = lease + from + i;
      if (this.settled[task] !== undefined) throw new InvariantError("I1", `task ${task} settled twice`);
      const outcome = outcomeAt(bodies, i);
      if (outcome & Outcome.Cancelled) {
        if (!this.#unwanted.has(task)) throw new InvariantError("I1", `task ${task} was cancelled by nobody`);
        this.settled[task] = "cancelled";
      } else if (outcome & Outcome.Failed) this.settled[task] = "failed";
      else {
        const value = decoder.decode(bodyAt(bodies, i));
        const expected = decoder.decode(bodyAt(sent.bodies, from + i));
        if (value !== expected) throw new InvariantError("I1", `task ${task} got the result ${value}, not ${expected}`);
        this.settled[task] = "finished";
      }
      this.open--;
      // What it left running when it returned runs on.
      if (this.settled[task] === "finished") this.#children.delete(task);
      else this.#forsake(task);
    }
    const { parent } = sent;
    if (parent === undefined) return;
    const { lease: above, index, call, batch } = parent;
    if (this.#children.get(above + index)?.call !== call) return;
    const note = { kind: "results", batch, from, node, hops, attempt } as const;
    this.#handle({ type: "told", upstream: SUBMITTER, lease: above, index, call, note, bodies });
  }
}
