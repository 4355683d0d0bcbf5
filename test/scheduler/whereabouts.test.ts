import { dump, POOL, type SchedulerAction, whereabouts } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { dispatches, Subject } from "./subject.js";

const FRESH = { attempt: 1, attempts: 3, losses: [] };

/** Where task `index` of the upstream's batch is. */
function find(subject: Subject, index: number, lease = 1) {
  return whereabouts(subject.scheduler, { upstream: 1, lease, index }, subject.now);
}

function because(subject: Subject) {
  const found = find(subject, 0);
  return found.is === "queued" ? found.because : found;
}

describe("a task is found", () => {
  it("with whom it was lent to, by the name that it has there, and for how long", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [1]);
    const sent = dispatches(subject.accept(4));
    const lease = (receiver: number) => sent.find((each) => each.receiver === receiver)?.lease;
    subject.now = 250;
    expect(find(subject, 0)).toEqual({ is: "lent", receiver: POOL, lease: lease(POOL), index: 0, for: 250, ...FRESH });
    expect(find(subject, 1)).toEqual({ is: "lent", receiver: 7, lease: lease(7), index: 0, for: 250, ...FRESH });
    expect(find(subject, 3)).toMatchObject({ is: "queued", because: { why: "busy", slots: 2 } });
  });

  it("nowhere once it is settled, and if it never came", () => {
    const subject = new Subject({ slots: 1 });
    const [action] = dispatches(subject.accept(1));
    subject.finish(action);
    for (const [index, lease] of [
      [0, 1],
      [5, 1],
      [0, 9],
    ] as const) {
      expect(find(subject, index, lease)).toEqual({ is: "gone" });
    }
  });

  it("with what it lost before", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [1]);
    const [action] = dispatches(subject.accept(1));
    const { lease } = action as Extract<SchedulerAction, { type: "dispatch" }>;
    subject.handle({ type: "started", receiver: 7, lease, ranges: [0, 1] });
    subject.handle({ type: "childLost", child: 7, cause: "silent" });
    expect(find(subject, 0)).toEqual({
      is: "queued",
      because: { why: "noSlots" },
      attempt: 2,
      attempts: 3,
      losses: [{ node: "n7", cause: "silent" }],
    });
  });
});

describe("a task that waits says why", () => {
  it("slots are busy: how many it could reach, and how many wait", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(1);
    subject.accept(2);
    expect(find(subject, 0, 2)).toMatchObject({ because: { why: "busy", slots: 1, waiting: 2 } });
  });

  it("there are no slots at all; or only drained ones, here or below", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.accept(1);
    expect(because(subject)).toEqual({ why: "noSlots" });
    subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: false });
    const nothing = { slots: [], busyElsewhere: 0, window: 0, bytes: 0 };
    subject.handle({ type: "credit", child: 7, ...nothing, pool: "drained" });
    expect(because(subject)).toEqual({ why: "drained" });
    const own = new Subject({ slots: 1 }, true);
    own.handle({ type: "duty", duty: "drained" });
    own.accept(1);
    expect(because(own)).toEqual({ why: "drained" });
  });

  it("an executor has no link", () => {
    const subject = new Subject({ slots: 0, routesOnly: true }, true);
    subject.accept(1);
    expect(because(subject)).toEqual({ why: "noNode" });
  });

  it("it has too few hops for the nearest slot", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [0, 0, 4]);
    subject.accept(1, { hops: 2 });
    expect(because(subject)).toEqual({ why: "hops", left: 2, needed: 3 });
  });

  it("results of its upstream are not read", () => {
    const subject = new Subject({ slots: 1 });
    subject.handle({ type: "upstreamClogged", upstream: 1, clogged: true });
    subject.accept(1);
    expect(because(subject)).toEqual({ why: "clogged" });
  });
});

describe("a dump", () => {
  it("has batches, leases by receiver, lengths of queues, credit and duty, as JSON takes it", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [2]);
    subject.accept(20, { name: "render" });
    subject.now = 100;
    const told = JSON.parse(JSON.stringify(dump(subject.scheduler, subject.now)));
    expect(told).toMatchObject({
      duty: "working",
      slots: 1,
      slotsByDepth: [1, 2],
      queued: expect.any(Number),
      ready: 0,
    });
    expect(told.queues).toEqual([{ executor: "e1", tasks: told.queued }]);
    expect(told.upstreams).toEqual([
      expect.objectContaining({ id: 1, own: false, held: 20, clogged: false, owed: 0, batches: 1 }),
    ]);
    expect(told.upstreams[0].oldest).toMatchObject([{ lease: 1, task: "render", count: 20, open: 20 }]);
    const [pool, child] = told.receivers;
    expect(pool).toMatchObject({ kind: "pool", tasks: 1, leases: 1 });
    expect(child).toMatchObject({ kind: "child", node: "n7", slots: [2], recall: "idle" });
    expect(pool.tasks + child.tasks + told.queued).toBe(20);
    expect(pool.oldest).toMatchObject([
      { task: "render", for: 100, open: 1, started: 0, of: { upstream: 1, lease: 1 } },
    ]);
  });

  it("tells the first of many", () => {
    const subject = new Subject({ slots: 1 });
    for (let i = 0; i < 50; i++) subject.accept(1);
    const [upstream] = JSON.parse(JSON.stringify(dump(subject.scheduler, 0))).upstreams;
    expect(upstream.batches).toBe(50);
    expect(upstream.oldest).toHaveLength(20);
  });
});
