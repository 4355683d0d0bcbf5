import { type BatchHeader, type Bodies, BodiesBuilder } from "@pydist/protocol";
import {
  Scheduler,
  type SchedulerAction,
  type SchedulerConfig,
  type SchedulerEvent,
  validate,
} from "@pydist/scheduler";

const CREDIT = { busyElsewhere: 0, window: 1000, bytes: 1e6 };

export function head(fields: Partial<BatchHeader> = {}): BatchHeader {
  const identity = { code: "c", name: "f", executor: "e1", batch: 1, first: 0 };
  return {
    ...identity,
    hops: 16,
    travelled: 0,
    priority: 0,
    attempts: 3,
    attempt: 1,
    depth: 0,
    grace: 1000,
    ...fields,
  };
}

export function bodies(count: number, text = "[1]"): Bodies {
  const builder = new BodiesBuilder();
  for (let i = 0; i < count; i++) builder.add({ kind: 0, text, bytes: undefined });
  return builder.build(true);
}

/** A scheduler with one upstream (1), every step of it checked. */
export class Subject {
  readonly scheduler: Scheduler;
  /** In milliseconds, for the next event. */
  now = 0;
  #lease = 0;

  constructor(config: Partial<SchedulerConfig> = {}, own = false) {
    this.scheduler = new Scheduler({ node: "n", slots: 1, hopLimit: 16, ...config });
    this.handle({ type: "upstreamJoined", upstream: 1, own });
  }

  handle(event: SchedulerEvent): SchedulerAction[] {
    const actions = this.scheduler.handle(event, this.now);
    validate(this.scheduler);
    return actions;
  }

  /** The upstream names its batches 1, 2, ... */
  accept(count: number, fields: Partial<BatchHeader> = {}, upstream = 1): SchedulerAction[] {
    const lease = ++this.#lease;
    return this.handle({ type: "accept", upstream, lease, head: head(fields), bodies: bodies(count) });
  }

  child(id: number, slots: readonly number[], attachment = false): SchedulerAction[] {
    this.handle({ type: "childJoined", child: id, node: `n${id}`, attachment });
    return this.handle({ type: "credit", child: id, slots, ...CREDIT });
  }

  /** @param text of each result */
  finish(action: SchedulerAction | undefined, flags = 0, { text = "[1]", time = 10 } = {}): SchedulerAction[] {
    if (action?.type !== "dispatch") throw new Error("not a dispatch");
    const { receiver, lease, bodies: given } = action;
    const count = given.ends.length;
    const results = bodies(count, text);
    const done = {
      ...results,
      kinds: results.kinds.map((kind) => kind | flags),
      times: new Float32Array(count).fill(time),
    };
    return this.handle({ type: "results", receiver, lease, from: 0, bodies: done, node: "x", hops: 0, attempt: 1 });
  }
}

export function of<T extends SchedulerAction["type"]>(
  actions: SchedulerAction[],
  type: T,
): Extract<SchedulerAction, { type: T }>[] {
  return actions.filter((action): action is Extract<SchedulerAction, { type: T }> => action.type === type);
}

export type Dispatch = Extract<SchedulerAction, { type: "dispatch" }>;

export function dispatches(actions: SchedulerAction[]): Dispatch[] {
  return of(actions, "dispatch");
}
