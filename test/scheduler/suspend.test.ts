import { countOf, Outcome } from "@pydist/protocol";
import { POOL, type SchedulerAction } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { bodies, type Dispatch, dispatches, of, Subject } from "./subject.js";

const CREDIT = { slots: [1], busyElsewhere: 0, window: 1000, bytes: 1e6 };

function leaseOf(sent: Dispatch | undefined): number {
  if (sent === undefined) throw new Error("nothing was sent");
  return sent.lease;
}

/** The first task of a run, or the one at `index`, waits for tasks of its own; the rest of the run comes back. */
function suspend(subject: Subject, sent: Dispatch | undefined, index = 0): SchedulerAction[] {
  const { receiver, lease, bodies } = sent as Dispatch;
  const ranges = [index, index + 1];
  const actions = subject.handle({ type: "suspended", receiver, lease, ranges });
  if (receiver !== POOL || countOf(bodies) === index + 1) return actions;
  const rest = [index + 1, countOf(bodies)];
  return [...actions, ...subject.handle({ type: "returned", receiver, lease, ranges: rest })];
}

function ready(subject: Subject, sent: Dispatch | undefined): SchedulerAction[] {
  return subject.handle({ type: "ready", lease: leaseOf(sent), index: 0 });
}

/** How many tasks a child is sent. */
function sentTo(child: number, actions: SchedulerAction[]): number {
  return dispatches(actions).reduce((sum, each) => sum + (each.receiver === child ? countOf(each.bodies) : 0), 0);
}

describe("a task of the pool that waits for its own", () => {
  it("gives its slot to the next task, which is told upwards, and counts as begun", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(2));
    const actions = suspend(subject, outer);
    expect(actions.map((each) => each.type)).toEqual(["reportStarted", "reportSuspended", "dispatch"]);
    expect(of(actions, "reportSuspended")).toEqual([
      { type: "reportSuspended", upstream: 1, lease: 1, ranges: [0, 1] },
    ]);
    expect(dispatches(actions)[0]?.receiver).toBe(POOL);
    expect(subject.scheduler.load).toEqual({ running: 1, suspended: 1, queued: 0 });
  });

  it("is told once, however often it is said, and only of tasks that are there", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    const lease = leaseOf(outer);
    suspend(subject, outer);
    expect(suspend(subject, outer)).toEqual([]);
    for (const ranges of [[1, 2], [5, 2 ** 40], [-3, 0], []]) {
      expect(subject.handle({ type: "suspended", receiver: POOL, lease, ranges })).toEqual([]);
    }
    expect(subject.handle({ type: "suspended", receiver: POOL, lease: 99, ranges: [0, 1] })).toEqual([]);
    expect(subject.scheduler.load.suspended).toBe(1);
  });

  it("is not told to have begun a second time when its pool gets round to it", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const late = { type: "started", receiver: POOL, lease: leaseOf(outer), ranges: [0, 1] } as const;
    expect(subject.handle(late)).toEqual([]);
  });

  it("goes on at once when a slot is idle", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    expect(ready(subject, outer)).toEqual([
      { type: "resumeAt", lease: leaseOf(outer), index: 0 },
      { type: "reportResumed", upstream: 1, lease: 1, ranges: [0, 1] },
    ]);
    expect(subject.scheduler.load).toEqual({ running: 1, suspended: 0, queued: 0 });
  });

  it("waits for a slot, and gets it before anything from the queue", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const [inner] = dispatches(subject.accept(1, { depth: 1 }));
    subject.accept(5, { priority: 9 });
    expect(ready(subject, outer)).toEqual([]);
    const actions = subject.finish(inner);
    expect(of(actions, "resumeAt")).toEqual([{ type: "resumeAt", lease: leaseOf(outer), index: 0 }]);
    expect(dispatches(actions)).toEqual([]);
    expect(dispatches(subject.finish(outer))).toHaveLength(1);
  });

  it("waits in the order of becoming ready, and can do so again", () => {
    const subject = new Subject({ slots: 1 });
    const [first] = dispatches(subject.accept(1));
    suspend(subject, first);
    const [second] = dispatches(subject.accept(1));
    suspend(subject, second);
    const [running] = dispatches(subject.accept(1));
    ready(subject, second);
    ready(subject, first);
    ready(subject, second);
    expect(of(subject.finish(running), "resumeAt")).toMatchObject([{ lease: leaseOf(second) }]);
    expect(of(suspend(subject, second), "resumeAt")).toMatchObject([{ lease: leaseOf(first) }]);
    ready(subject, second);
    expect(of(subject.finish(first), "resumeAt")).toMatchObject([{ lease: leaseOf(second) }]);
    expect(of(subject.finish(second), "resumeAt")).toEqual([]);
  });

  it("is forgotten as ready when it is settled, returned or unknown", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    expect(ready(subject, outer)).toEqual([]); // Not suspended.
    suspend(subject, outer);
    const [running] = dispatches(subject.accept(1));
    ready(subject, outer);
    subject.handle({ type: "ready", lease: leaseOf(outer), index: 7 });
    subject.handle({ type: "ready", lease: 99, index: 0 });
    expect(of(subject.finish(outer, Outcome.Failed), "report")).toHaveLength(1);
    expect(subject.finish(running).map((each) => each.type)).toEqual(["report"]);
    expect(subject.scheduler.load).toEqual({ running: 0, suspended: 0, queued: 0 });
  });

  it("runs again when its thread died through no fault of its own", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const actions = subject.handle({ type: "returned", receiver: POOL, lease: leaseOf(outer), ranges: [0, 1] });
    expect(actions.map((each) => each.type)).toEqual(["reportWaiting", "dispatch"]);
    expect(dispatches(actions)[0]?.head.attempt).toBe(1);
  });

  it("gives its slot away though the rest of its run is still on its way back", () => {
    const subject = new Subject({ slots: 1 });
    const [warm] = dispatches(subject.accept(1));
    const { receiver, lease, bodies: given } = warm as Dispatch;
    const quick = { ...given, times: Float32Array.of(0.1) };
    subject.handle({ type: "results", receiver, lease, from: 0, bodies: quick, node: "n", hops: 0, attempt: 1 });
    const [run] = dispatches(subject.accept(4));
    expect(countOf((run as Dispatch).bodies)).toBe(4);
    expect(subject.accept(1, { name: "next" })).toEqual([]);
    const actions = suspend(subject, run);
    expect(dispatches(actions)[0]?.head.name).toBe("next");
    expect(subject.scheduler.load).toEqual({ running: 1, suspended: 1, queued: 3 });
  });

  it("is stopped like one that runs", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const stop = { grace: 5, reason: bodies(1) };
    const actions = subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 1], stop });
    expect(of(actions, "cancelAt")).toMatchObject([{ receiver: POOL, lease: leaseOf(outer), ranges: [0, 1], stop }]);
  });

  it("tells nobody anything once its upstream is gone, and still gives back and gets its slot", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    subject.handle({ type: "upstreamLost", upstream: 1 });
    expect(suspend(subject, outer)).toEqual([]);
    expect(subject.scheduler.load.suspended).toBe(1);
    expect(ready(subject, outer)).toEqual([{ type: "resumeAt", lease: leaseOf(outer), index: 0 }]);
    expect(subject.finish(outer)).toEqual([]);
  });
});

describe("tasks that wait further down", () => {
  /** A root without slots over a child of one slot. */
  function root(credit: Partial<typeof CREDIT> = {}): Subject {
    const subject = new Subject({ slots: 0 }, true);
    subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: false });
    subject.handle({ type: "credit", child: 7, ...CREDIT, ...credit });
    return subject;
  }

  it("leave the child's slot idle for others, though its window would be full", () => {
    const subject = root({ window: 1 });
    const [outer] = dispatches(subject.accept(1));
    expect(sentTo(7, subject.accept(1, { depth: 1 }))).toBe(0);
    const actions = suspend(subject, outer);
    expect(of(actions, "reportSuspended")).toMatchObject([{ upstream: 1, lease: 1, ranges: [0, 1] }]);
    expect(sentTo(7, actions)).toBe(1);
  });

  it("count against no credit of bytes", () => {
    const subject = root({ slots: [2], bytes: 6 });
    const [outer] = dispatches(subject.accept(1));
    subject.accept(1);
    expect(sentTo(7, subject.accept(1, { depth: 1 }))).toBe(0);
    expect(sentTo(7, suspend(subject, outer))).toBe(1);
  });

  it("leave nothing there: where others keep every slot busy, the next task goes to wait for its turn", () => {
    const subject = root();
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    subject.handle({ type: "credit", child: 7, ...CREDIT, busyElsewhere: 1 });
    expect(sentTo(7, subject.accept(1, { depth: 1 }))).toBe(1);
  });

  it("make room for more ahead", () => {
    const subject = root();
    const first = subject.accept(100);
    const ahead = sentTo(7, first);
    expect(ahead).toBeGreaterThan(1);
    let more = 0;
    for (const each of dispatches(first)) {
      const { receiver, lease, bodies: given } = each;
      const ranges = [0, countOf(given)];
      more += sentTo(7, subject.handle({ type: "suspended", receiver, lease, ranges }));
    }
    expect(more).toBe(ahead);
  });

  it("need slots again when they resume; that the child is over-full by then harms nobody", () => {
    const subject = root({ window: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const [inner] = dispatches(subject.accept(1, { depth: 1 }));
    const lease = leaseOf(outer);
    const actions = subject.handle({ type: "resumed", receiver: 7, lease, ranges: [0, 1] });
    expect(actions).toEqual([{ type: "reportResumed", upstream: 1, lease: 1, ranges: [0, 1] }]);
    expect(subject.handle({ type: "resumed", receiver: 7, lease, ranges: [0, 1] })).toEqual([]);
    subject.accept(1, { depth: 1 });
    expect(sentTo(7, subject.finish(inner))).toBe(0);
    expect(sentTo(7, subject.finish(outer))).toBe(1);
  });

  it("are no work of others: other executors' slots are not told to be busy with them", () => {
    const subject = new Subject({ slots: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const [granted] = of(subject.handle({ type: "upstreamJoined", upstream: 2, own: false }), "grant");
    expect(granted).toMatchObject({ upstream: 2, slots: [1], busyElsewhere: 0 });
  });

  it("are not asked back: what could be is what has not begun", () => {
    const subject = root({ window: 1 });
    let [sent] = dispatches(subject.accept(5));
    for (; sent !== undefined; [sent] = dispatches(suspend(subject, sent)));
    subject.now += 10_000;
    expect(of(subject.handle({ type: "tick" }), "recallFrom")).toEqual([]);
    expect(subject.handle({ type: "recall", upstream: 1, max: 5 })).toEqual([{ type: "recallDone", upstream: 1 }]);
  });

  it("do not make others look overdue", () => {
    const subject = root();
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const { receiver, lease, bodies: given } = dispatches(subject.accept(1))[0] as Dispatch;
    const quick = { ...given, times: Float32Array.of(1) };
    subject.handle({ type: "results", receiver, lease, from: 0, bodies: quick, node: "x", hops: 0, attempt: 1 });
    subject.now = 1000;
    expect(sentTo(7, subject.accept(2))).toBe(2);
    subject.handle({ type: "childJoined", child: 8, node: "n8", attachment: false });
    subject.handle({ type: "credit", child: 8, ...CREDIT });
    subject.now = 1020;
    expect(of(subject.handle({ type: "tick" }), "recallFrom")).toEqual([]);
    subject.now = 1040;
    expect(of(subject.handle({ type: "tick" }), "recallFrom")).toMatchObject([{ receiver: 7, max: 1 }]);
  });

  it("have begun: with the loss of their node an attempt is used up, and with none left they fail", () => {
    const subject = root();
    const [outer] = dispatches(subject.accept(1, { attempts: 2 }));
    suspend(subject, outer);
    const lost = subject.handle({ type: "childLost", child: 7, cause: "gone" });
    expect(of(lost, "reportWaiting")).toMatchObject([{ lease: 1, ranges: [0, 1] }]);
    subject.handle({ type: "childJoined", child: 8, node: "n8", attachment: false });
    const [again] = dispatches(subject.handle({ type: "credit", child: 8, ...CREDIT }));
    expect(again?.head.attempt).toBe(2);
    suspend(subject, again);
    expect(of(subject.handle({ type: "childLost", child: 8, cause: "gone" }), "report")).toHaveLength(1);
  });

  it("wait for a slot like any other once their node is lost further down", () => {
    const subject = root({ window: 1 });
    const [outer] = dispatches(subject.accept(1));
    suspend(subject, outer);
    const lease = leaseOf(outer);
    const actions = subject.handle({ type: "waiting", receiver: 7, lease, ranges: [0, 1] });
    expect(of(actions, "reportWaiting")).toMatchObject([{ ranges: [0, 1] }]);
    expect(sentTo(7, subject.accept(1))).toBe(0);
  });
});

describe("recursion", () => {
  it("deeper than slots and window does not stand still", () => {
    const subject = new Subject({ slots: 0, routesOnly: true }, true);
    subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: true });
    subject.handle({ type: "credit", child: 7, ...CREDIT, window: 2 });
    // More of the outermost wait than will ever be needed: each level must overtake them.
    let [deepest] = dispatches(subject.accept(20));
    for (let level = 1; level < 50; level++) {
      subject.accept(1, { depth: level });
      deepest = dispatches(suspend(subject, deepest)).find((each) => each.head.depth === level);
      expect(deepest, `level ${level}`).toBeDefined();
    }
  });

  it("in the pool of one slot, level by level down and up again", () => {
    const subject = new Subject({ slots: 1 });
    const chain: (Dispatch | undefined)[] = [dispatches(subject.accept(1))[0]];
    for (let level = 1; level < 50; level++) {
      suspend(subject, chain[level - 1]);
      chain.push(dispatches(subject.accept(1, { depth: level }))[0]);
    }
    expect(subject.scheduler.load).toEqual({ running: 1, suspended: 49, queued: 0 });
    while (chain.length > 1) {
      subject.finish(chain.pop());
      expect(of(ready(subject, chain.at(-1)), "resumeAt")).toHaveLength(1);
    }
    expect(of(subject.finish(chain[0]), "report")).toHaveLength(1);
    expect(subject.scheduler.load).toEqual({ running: 0, suspended: 0, queued: 0 });
  });
});
