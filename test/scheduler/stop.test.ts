import {
  type Bodies,
  bodyAt,
  CancelledError,
  countOf,
  decodeFailure,
  kindAt,
  Outcome,
  outcomeAt,
  type Stop,
} from "@pydist/protocol";
import { POOL } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { bodies, dispatches, of, Subject } from "./subject.js";

const STOP: Stop = { grace: 250, reason: bodies(1, '"enough"') };

describe("stop", () => {
  it("reaches a task where it runs, and what waits is cancelled as by any cancel", () => {
    const subject = new Subject({ slots: 1 });
    const [running] = dispatches(subject.accept(3));
    const actions = subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 3], stop: STOP });
    expect(of(actions, "cancelAt")).toEqual([
      { type: "cancelAt", receiver: POOL, lease: running?.lease, ranges: [0, 1], stop: STOP },
    ]);
    const told = of(actions, "report").map((each) => [each.from, countOf(each.bodies), outcomeAt(each.bodies, 0)]);
    expect(told).toEqual([[1, 2, Outcome.Cancelled]]);
  });

  it("is led to the child that has the task, by the names of that link", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [1]);
    const sent = dispatches(subject.accept(2));
    const below = sent.find((each) => each.receiver === 7);
    const actions = subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [1, 2], stop: STOP });
    expect(of(actions, "cancelAt")).toEqual([
      { type: "cancelAt", receiver: 7, lease: below?.lease, ranges: [0, 1], stop: STOP },
    ]);
  });

  it("without it, none is asked of anybody", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(1);
    const [asked] = of(subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 1] }), "cancelAt");
    expect(asked).not.toHaveProperty("stop");
  });

  it("a stopped task settles by what comes back, and is not run again if that is its loss", () => {
    const subject = new Subject({ slots: 1 });
    const [running] = dispatches(subject.accept(1));
    subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 1], stop: STOP });
    const [report] = of(subject.finish(running, Outcome.Failed), "report");
    expect(outcomeAt(report?.bodies as Bodies, 0)).toBe(Outcome.Failed);

    const [again] = dispatches(subject.accept(1));
    const lease = again?.lease as number;
    subject.handle({ type: "cancel", upstream: 1, lease: 2, ranges: [0, 1], stop: STOP });
    const actions = subject.handle({ type: "returned", receiver: POOL, lease, ranges: [0, 1] });
    expect(outcomeAt(of(actions, "report")[0]?.bodies as Bodies, 0)).toBe(Outcome.Cancelled);
    expect(dispatches(actions)).toEqual([]);
  });

  it("an upstream that is gone stops what it had here, each task with its own grace, and says why", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [1]);
    subject.accept(1, { grace: 70 });
    subject.accept(1, { grace: 80 });
    const asked = of(subject.handle({ type: "upstreamLost", upstream: 1 }), "cancelAt");
    expect(asked.map((each) => [each.receiver, each.stop?.grace])).toEqual([
      [POOL, 70],
      [7, 80],
    ]);
    const reason = asked[0]?.stop?.reason as Bodies;
    expect(countOf(reason)).toBe(1);
    const error = decodeFailure(kindAt(reason, 0), bodyAt(reason, 0)) as Error;
    expect(error).toBeInstanceOf(CancelledError);
    expect(error.message).toMatchInlineSnapshot(
      `"The task was stopped on node n: the executor or node that submitted the task is gone, so nobody waits for its result."`,
    );
  });
});
