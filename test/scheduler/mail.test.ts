import type { DownNote, UpNote } from "@pydist/protocol";
import { POOL } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { bodies, dispatches, head, of, Subject } from "./subject.js";

const PROGRESS: UpNote = { kind: "progress", fraction: 0.5, node: "n" };
const RESULTS: DownNote = { kind: "results", batch: 1, from: 0, node: "x", hops: 1, attempt: 1 };
const NEWS = { call: "call", note: RESULTS, bodies: bodies(2) };

/** Tasks 0 and 1 of batch 1 with the pool and child 7, the rest waiting. */
function spread(): { subject: Subject; pool: number; child: number } {
  const subject = new Subject({ slots: 1 });
  subject.child(7, [1]);
  const sent = dispatches(subject.accept(9));
  const leaseAt = (receiver: number): number => sent.find((each) => each.receiver === receiver)?.lease as number;
  return { subject, pool: leaseAt(POOL), child: leaseAt(7) };
}

describe("a note from a task", () => {
  it("goes up by the names of the upstream's link, with its bodies", () => {
    const { subject, child } = spread();
    const letter = { index: 0, call: "call", note: PROGRESS, bodies: bodies(1) };
    const actions = subject.handle({ type: "said", receiver: 7, lease: child, ...letter });
    expect(of(actions, "say")).toEqual([{ type: "say", upstream: 1, lease: 1, ...letter, index: 1 }]);
  });

  it("says that the task has begun, so its loss counts and is told", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [1]);
    const lease = dispatches(subject.accept(1))[0]?.lease as number;
    const letter = { index: 0, call: "call", note: PROGRESS, bodies: undefined };
    const said = subject.handle({ type: "said", receiver: 7, lease, ...letter });
    expect(said.map((each) => each.type)).toEqual(["reportStarted", "say"]);
    const again = subject.handle({ type: "said", receiver: 7, lease, ...letter });
    expect(again.map((each) => each.type)).toEqual(["say"]);
    const lost = subject.handle({ type: "childLost", child: 7, cause: "gone" });
    expect(of(lost, "reportWaiting")).toHaveLength(1);
    expect(dispatches(subject.child(8, [1]))[0]?.head.attempt).toBe(2);
  });

  it("is dropped when the task is not its sender's, or nobody is there to hear it", () => {
    const { subject, pool, child } = spread();
    const letter = { call: "call", note: PROGRESS, bodies: undefined };
    for (const [receiver, lease, index] of [
      [7, pool, 0],
      [POOL, child, 0],
      [POOL, 999, 0],
      [POOL, pool, 1],
      [POOL, pool, -1],
      [POOL, pool, 0.5],
      [POOL, pool, Number.NaN],
    ] as const) {
      expect(of(subject.handle({ type: "said", receiver, lease, index, ...letter }), "say")).toEqual([]);
    }
    subject.handle({ type: "upstreamLost", upstream: 1 });
    const late = subject.handle({ type: "said", receiver: POOL, lease: pool, index: 0, ...letter });
    expect(late).toEqual([]);
  });
});

describe("a note for a task", () => {
  it("follows the task to its lease", () => {
    const { subject, pool, child } = spread();
    const told = (index: number) => of(subject.handle({ type: "told", upstream: 1, lease: 1, index, ...NEWS }), "tell");
    expect(told(0)).toEqual([{ type: "tell", receiver: POOL, lease: pool, index: 0, ...NEWS }]);
    expect(told(1)).toEqual([{ type: "tell", receiver: 7, lease: child, index: 0, ...NEWS }]);
  });

  it("reaches the middle of a run by the run's own count", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [20]);
    const [sent] = dispatches(subject.accept(20));
    const actions = subject.handle({ type: "told", upstream: 1, lease: 1, index: 3, ...NEWS });
    expect(of(actions, "tell")).toMatchObject([{ receiver: 7, lease: sent?.lease, index: 3 }]);
  });

  it("is dropped when the task waits, is settled, or is unknown", () => {
    const { subject, pool } = spread();
    const told = (lease: number, index: number, upstream = 1) =>
      of(subject.handle({ type: "told", upstream, lease, index, ...NEWS }), "tell");
    expect(told(1, 8)).toEqual([]);
    for (const index of [9, -1, 0.5, Number.NaN, 2 ** 40]) expect(told(1, index)).toEqual([]);
    expect(told(2, 0)).toEqual([]);
    expect(told(1, 0, 5)).toEqual([]);
    subject.handle({ type: "returned", receiver: POOL, lease: pool, ranges: [0, 1] });
    expect(told(1, 0)).not.toMatchObject([{ lease: pool }]);
  });

  it("finds the task's new place after its child was lost, and nothing once it is settled", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [1]);
    subject.handle({ type: "accept", upstream: 1, lease: 4, head: head(), bodies: bodies(1) });
    subject.handle({ type: "childLost", child: 7, cause: "gone" });
    const told = () => of(subject.handle({ type: "told", upstream: 1, lease: 4, index: 0, ...NEWS }), "tell");
    expect(told()).toEqual([]);
    const [again] = dispatches(subject.child(8, [1]));
    expect(told()).toMatchObject([{ receiver: 8, lease: again?.lease }]);
    subject.finish(again);
    expect(told()).toEqual([]);
  });
});
