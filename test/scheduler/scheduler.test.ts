import { type Bodies, bodyAt, decodeFailure, kindAt, NodeLostError, Outcome, outcomeAt } from "@pydist/protocol";
import { POOL, type SchedulerAction } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { bodies, dispatches, head, of, Subject } from "./subject.js";

describe("slots", () => {
  it("an unknown function is given out one task a slot, and never more runs than slots (I4)", () => {
    const subject = new Subject({ slots: 2 });
    const sent = dispatches(subject.accept(10));
    expect(sent.map((each) => [each.receiver, each.bodies.ends.length])).toEqual([
      [POOL, 1],
      [POOL, 1],
    ]);
    expect(subject.scheduler.load).toEqual({ running: 2, suspended: 0, queued: 8 });
  });

  it("once run times are known, a chunk is about ten milliseconds of work", () => {
    const subject = new Subject({ slots: 1 });
    const [first] = dispatches(subject.accept(1000));
    const { lease, bodies: given } = first as Extract<SchedulerAction, { type: "dispatch" }>;
    const times = Float32Array.of(0.1);
    const next = subject.handle({
      type: "results",
      receiver: POOL,
      lease,
      from: 0,
      bodies: { ...given, times },
      node: "n",
      hops: 0,
      attempt: 1,
    });
    expect(dispatches(next)[0]?.bodies.ends.length).toBe(100);
  });

  it("a chunk is never more than a slot's fair share of what waits", () => {
    const subject = new Subject({ slots: 4 });
    const first = dispatches(subject.accept(44));
    const { lease, bodies: given } = first[0] as Extract<SchedulerAction, { type: "dispatch" }>;
    const times = Float32Array.of(0.001);
    const next = subject.handle({
      type: "results",
      receiver: POOL,
      lease,
      from: 0,
      bodies: { ...given, times },
      node: "n",
      hops: 0,
      attempt: 1,
    });
    expect(dispatches(next)[0]?.bodies.ends.length).toBe(10);
  });

  it("local slots come first, then children in proportion to their idle slots", () => {
    const subject = new Subject({ slots: 2 });
    subject.child(7, [1]);
    subject.child(8, [3]);
    const sent = dispatches(subject.accept(6));
    const tasks = new Map<number, number>();
    for (const each of sent) tasks.set(each.receiver, (tasks.get(each.receiver) ?? 0) + each.bodies.ends.length);
    expect([tasks.get(POOL), tasks.get(7), tasks.get(8)]).toEqual([2, 1, 3]);
  });
});

describe("hops", () => {
  it("a link to a child costs one, an attachment none", () => {
    const node = new Subject({ slots: 0 });
    node.child(7, [5]);
    expect(dispatches(node.accept(1, { hops: 3 }))[0]?.head).toMatchObject({ hops: 2, travelled: 1 });
    const executor = new Subject({ slots: 0, routesOnly: true });
    executor.child(7, [5], true);
    expect(dispatches(executor.accept(1, { hops: 0 }))[0]?.head).toMatchObject({ hops: 0, travelled: 0 });
  });

  it("with none left, a task waits here though a child is idle (I3)", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [5]);
    expect(dispatches(subject.accept(3, { hops: 0 })).map((each) => each.receiver)).toEqual([POOL]);
  });

  it("a task is not sent where only slots beyond its reach are free", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [0, 0, 4]);
    expect(dispatches(subject.accept(1, { hops: 2 }))).toEqual([]);
    expect(dispatches(subject.accept(1, { hops: 3 }))).toHaveLength(1);
  });

  it("a task that can reach no slot from here goes back up, where it may reach others", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [0, 4]);
    subject.child(8, [1]);
    subject.accept(1, { hops: 2 });
    subject.accept(1, { hops: 1 });
    const [back] = of(subject.handle({ type: "childLost", child: 8, cause: "gone" }), "giveBack");
    expect(back).toMatchObject({ upstream: 1, ranges: [0, 1] });
  });

  it("what goes back up takes along what befell it: attempts that are used up are not had again elsewhere", () => {
    const middle = new Subject({ slots: 0 });
    middle.child(7, [2]);
    const [sent] = dispatches(middle.accept(1, { hops: 1, attempts: 2 }));
    middle.handle({ type: "started", receiver: 7, lease: sent?.lease as number, ranges: [0, 1] });
    middle.child(8, [0, 4]);
    const [back] = of(middle.handle({ type: "childLost", child: 7, cause: "gone" }), "giveBack");
    const history = { attempt: 2, losses: [{ node: "n7", cause: "gone" }] };
    expect(back).toMatchObject({ ranges: [0, 1], history });

    const above = new Subject({ slots: 0 });
    above.child(5, [0, 1]);
    const [first] = dispatches(above.accept(1, { hops: 2, attempts: 2 }));
    above.child(6, [1]);
    const lease = first?.lease as number;
    const again = above.handle({ type: "returned", receiver: 5, lease, ranges: [0, 1], history: back?.history });
    const [second] = dispatches(again);
    expect(second?.head).toMatchObject(history);
    above.handle({
      type: "started",
      receiver: second?.receiver as number,
      lease: second?.lease as number,
      ranges: [0, 1],
    });
    const child = second?.receiver as number;
    const [report] = of(above.handle({ type: "childLost", child, cause: "gone, too" }), "report");
    const error = decodeFailure(kindAt(report?.bodies as Bodies, 0), bodyAt(report?.bodies as Bodies, 0));
    expect(error).toMatchObject({ name: "NodeLostError", attempts: 2, causes: ["gone", "gone, too"] });
  });

  it("the node's own limit counts too", () => {
    const subject = new Subject({ slots: 0, hopLimit: 1 });
    subject.child(7, [4]);
    expect(dispatches(subject.accept(1, { hops: 9 }))[0]?.head.hops).toBe(0);
  });

  it("a node without slots refuses a task that may not travel, by name", () => {
    const [report] = of(new Subject({ slots: 0 }).accept(1, { hops: 0, name: "render" }), "report");
    expect(outcomeAt(report?.bodies as Bodies, 0)).toBe(Outcome.Failed);
    const error = decodeFailure(kindAt(report?.bodies as Bodies, 0), bodyAt(report?.bodies as Bodies, 0)) as Error;
    expect(error.message).toMatchInlineSnapshot(
      `"Node n has no workers and task "render" has no hop left to travel further. Raise hopLimit, or give the node workers."`,
    );
  });
});

describe("order", () => {
  it("executors take turns on a node that they share", () => {
    const subject = new Subject({ slots: 1 });
    let [running] = dispatches(subject.accept(3, { executor: "a" }));
    subject.accept(3, { executor: "b" });
    const order = [running?.head.executor];
    for (let i = 0; i < 5; i++) {
      [running] = dispatches(subject.finish(running));
      order.push(running?.head.executor);
    }
    // The first ran before the other executor came.
    expect(order.join("")).toBe("aababb");
  });

  it("higher priority first, then as they came", () => {
    const subject = new Subject({ slots: 1 });
    let [running] = dispatches(subject.accept(1, { name: "first" }));
    subject.accept(1, { name: "low", priority: -1 });
    subject.accept(1, { name: "middle" });
    subject.accept(1, { name: "high", priority: 5 });
    subject.accept(1, { name: "middle too" });
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      [running] = dispatches(subject.finish(running));
      order.push(running?.head.name);
    }
    expect(order).toEqual(["high", "middle", "middle too", "low"]);
  });

  it("of one priority, deeper first: somebody waits for them", () => {
    const subject = new Subject({ slots: 1 });
    let [running] = dispatches(subject.accept(1, { name: "first" }));
    subject.accept(1, { name: "outer" });
    subject.accept(1, { name: "deepest", depth: 2, hops: 9 });
    subject.accept(1, { name: "inner", depth: 1 });
    subject.accept(1, { name: "inner, few hops", depth: 1, hops: 2 });
    subject.accept(1, { name: "urgent", priority: 1 });
    const order: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      [running] = dispatches(subject.finish(running));
      order.push(running?.head.name);
    }
    expect(order).toEqual(["urgent", "deepest", "inner, few hops", "inner", "outer"]);
  });

  it("a recall takes the shallowest, which would have run last", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(1);
    subject.accept(1);
    subject.accept(1, { depth: 1 });
    expect(of(subject.handle({ type: "recall", upstream: 1, max: 1 }), "giveBack")).toMatchObject([{ lease: 2 }]);
  });

  it("tasks of an upstream whose way back is clogged wait, others go on", () => {
    const subject = new Subject({ slots: 1 });
    subject.handle({ type: "upstreamJoined", upstream: 2, own: false });
    const [running] = dispatches(subject.accept(2, { executor: "a" }, 1));
    subject.accept(1, { executor: "b" }, 2);
    subject.handle({ type: "upstreamClogged", upstream: 1, clogged: true });
    const [next] = dispatches(subject.finish(running));
    expect(next?.head.executor).toBe("b");
    expect(dispatches(subject.finish(next))).toEqual([]);
    const after = subject.handle({ type: "upstreamClogged", upstream: 1, clogged: false });
    expect(dispatches(after)[0]?.head.executor).toBe("a");
  });
});

describe("credit", () => {
  it("tells upstreams the slots by depth when they change", () => {
    const subject = new Subject({ slots: 2 });
    const [grant] = of(subject.child(7, [3, 1]), "grant");
    expect(grant).toMatchObject({ upstream: 1, slots: [2, 3, 1], busyElsewhere: 0 });
  });

  it("slots that the node's own hop limit puts out of reach are not told", () => {
    const subject = new Subject({ slots: 2, hopLimit: 1 });
    const [grant] = of(subject.child(7, [3, 1]), "grant");
    expect(grant?.slots).toEqual([2, 3]);
  });

  it("nobody is sent more than it granted (I6)", () => {
    const subject = new Subject({ slots: 0 });
    subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: false });
    const credit = { slots: [100], busyElsewhere: 0, window: 5, bytes: 1e6 };
    subject.handle({ type: "credit", child: 7, ...credit });
    const sent = dispatches(subject.accept(50)).reduce((sum, each) => sum + each.bodies.ends.length, 0);
    expect(sent).toBe(5);
  });

  it("nor more bytes, though a single larger task travels alone", () => {
    const subject = new Subject({ slots: 0 });
    subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: false });
    subject.handle({ type: "credit", child: 7, slots: [100], busyElsewhere: 0, window: 1000, bytes: 10 });
    const event = {
      type: "accept",
      upstream: 1,
      lease: 1,
      head: head(),
      bodies: bodies(9, `["${"x".repeat(50)}"]`),
    } as const;
    expect(dispatches(subject.handle(event)).map((each) => each.bodies.ends.length)).toEqual([1]);
  });

  it("results are under credit as well: a chunk has a megabyte of them, and what is ahead what the child granted", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [2]);
    const given = { text: `"${"x".repeat(100_000)}"`, time: 0.01 };
    const open = dispatches(subject.accept(1000));
    let settled = 0;
    let most = 0;
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      open.push(...dispatches(subject.finish(next, 0, given)));
      settled += next.bodies.ends.length;
      most = Math.max(most, subject.scheduler.lent);
    }
    expect(settled).toBe(1000);
    // Ten for each of the two slots, and nine ahead.
    expect(most).toBe(29);
  });

  it("however large results are, no slot is left idle for it", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [2]);
    const given = { text: `"${"x".repeat(3_000_000)}"`, time: 0.01 };
    const open = dispatches(subject.accept(20));
    let left = 20;
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      expect(subject.scheduler.lent).toBeGreaterThanOrEqual(Math.min(3, left));
      open.push(...dispatches(subject.finish(next, 0, given)));
      left -= next.bodies.ends.length;
    }
    expect(left).toBe(0);
  });

  it("nor more of what rides in headers, of which each task of a batch has its part", () => {
    const captured = { hash: "h", state: "fresh", inline: "x".repeat(1000) } as const;
    for (const [batches, count, most] of [
      [9, 1, 3],
      [1, 9, 9],
    ] as const) {
      const subject = new Subject({ slots: 0 });
      subject.handle({ type: "childJoined", child: 7, node: "n7", attachment: false });
      subject.handle({ type: "credit", child: 7, slots: [100], busyElsewhere: 0, window: 1000, bytes: 2500 });
      const sent = Array.from({ length: batches }, () => dispatches(subject.accept(count, { captured }))).flat();
      expect(sent.reduce((sum, each) => sum + each.bodies.ends.length, 0)).toBe(most);
    }
  });
});

describe("losses", () => {
  it("what only waited at a lost child runs elsewhere and has used up no attempt", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [1]);
    subject.accept(1);
    subject.handle({ type: "childLost", child: 7, cause: "cable" });
    const [again] = dispatches(subject.child(8, [1]));
    expect(again?.head).toMatchObject({ attempt: 1 });
  });

  it("what was running there has; with none left it fails and names each node and cause", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(7, [1]);
    let actions = subject.accept(1, { attempts: 2, name: "train" });
    for (const child of [7, 8]) {
      if (child === 8) actions = subject.child(child, [1]);
      const [sent] = dispatches(actions);
      expect(sent?.head.attempt).toBe(child - 6);
      subject.handle({ type: "started", receiver: child, lease: sent?.lease ?? 0, ranges: [0, 1] });
      actions = subject.handle({ type: "childLost", child, cause: "killed" });
    }
    const [report] = of(actions, "report");
    const error = decodeFailure(
      kindAt(report?.bodies as Bodies, 0),
      bodyAt(report?.bodies as Bodies, 0),
    ) as NodeLostError;
    expect(error).toBeInstanceOf(NodeLostError);
    expect(error).toMatchObject({ nodes: ["n7", "n8"], causes: ["killed", "killed"], attempts: 2 });
    expect(error.message).toMatchInlineSnapshot(
      `"Task "train" was running on 2 nodes that went away, and "attempts" allows no more: n7 (killed), n8 (killed). Look at those nodes' logs, or raise "attempts"."`,
    );
  });

  it("on their last attempt tasks run one at a time, beside others: whose node is lost then has done it", () => {
    const subject = new Subject({ slots: 3 });
    const losses = [{ node: "n7", cause: "killed" }];
    const first = dispatches(subject.accept(2, { attempts: 2, attempt: 2, losses, code: "suspect" }));
    expect(first.map(({ head: { code } }) => code)).toEqual(["suspect"]);
    const others = dispatches(subject.accept(300, { code: "other" }));
    expect(others.map(({ head: { code } }) => code)).toEqual(["other", "other"]);
    // Not while the one runs, though a slot is free; then at once, for it came first.
    expect(dispatches(subject.finish(others[0])).map(({ head: { code } }) => code)).toEqual(["other"]);
    expect(dispatches(subject.finish(first[0])).map(({ head: { code } }) => code)).toEqual(["suspect"]);
  });

  it("one that waits for its own tasks holds up none of them, though they are on their last attempt as well", () => {
    const subject = new Subject({ slots: 2 });
    const losses = [{ node: "n7", cause: "killed" }];
    const [outer] = dispatches(subject.accept(1, { attempts: 2, attempt: 2, losses }));
    expect(dispatches(subject.accept(1, { attempts: 2, attempt: 2, losses, depth: 1 }))).toEqual([]);
    const actions = subject.handle({ type: "suspended", receiver: POOL, lease: outer?.lease ?? 0, ranges: [0, 1] });
    expect(dispatches(actions)).toHaveLength(1);
  });

  it("an older lease's result changes nothing after the child was lost", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [1]);
    const [sent] = dispatches(subject.accept(1));
    subject.handle({ type: "childLost", child: 7, cause: "late" });
    expect(of(subject.finish(sent), "report")).toEqual([]);
  });

  it("a lost upstream's tasks are forgotten, and cancelled where they went", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [1]);
    subject.accept(5);
    const actions = subject.handle({ type: "upstreamLost", upstream: 1 });
    expect(
      of(actions, "cancelAt")
        .map((each) => each.receiver)
        .sort(),
    ).toEqual([POOL, 7]);
    expect(subject.scheduler.load.queued).toBe(0);
  });
});

describe("recall", () => {
  it("what waits here goes back at once, last come first", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(5);
    const actions = subject.handle({ type: "recall", upstream: 1, max: 2 });
    expect(of(actions, "giveBack").map((each) => each.ranges)).toEqual([[3, 5]]);
    expect(of(actions, "recallDone")).toEqual([{ type: "recallDone", upstream: 1 }]);
  });

  it("what was handed on is asked for below, and goes up when it comes", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [1]);
    const [sent] = dispatches(subject.accept(20));
    const queued = subject.scheduler.load.queued;
    const asked = subject.handle({ type: "recall", upstream: 1, max: 20 });
    expect(of(asked, "recallFrom")).toHaveLength(1);
    expect(of(asked, "recallDone")).toEqual([]);
    const lease = sent?.lease ?? 0;
    const given = 20 - queued;
    expect(given).toBeGreaterThanOrEqual(1);
    const none = subject.handle({ type: "recalled", receiver: 7 });
    expect(of(none, "recallDone")).toHaveLength(1);
    expect(lease).toBeGreaterThan(0);
  });

  it("idle slots here fetch unstarted tasks from the child that holds most", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(7, [1]);
    const sent = dispatches(subject.accept(12));
    const local = sent.find((each) => each.receiver === POOL);
    let actions = subject.finish(local);
    // The queue empties into the local slot one by one until only the child holds tasks.
    for (
      let next = dispatches(actions)[0];
      next !== undefined;
      next = dispatches(actions).find((each) => each.receiver === POOL)
    ) {
      subject.now += 20;
      actions = subject.finish(next);
    }
    subject.now += 1000;
    const late = subject.handle({ type: "tick" });
    const asked = [...of(actions, "recallFrom"), ...of(late, "recallFrom")];
    expect(asked.map((each) => each.receiver)).toEqual([7]);
  });
});

describe("cancel", () => {
  it("what waits is settled at once, what was handed on where it is", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(3);
    const actions = subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 3] });
    const told = of(actions, "report").map((each) => [each.from, each.bodies.ends.length, outcomeAt(each.bodies, 0)]);
    expect(told).toEqual([[1, 2, Outcome.Cancelled]]);
    expect(of(actions, "cancelAt")).toMatchObject([{ receiver: POOL, ranges: [0, 1] }]);
  });

  it("a cancelled task whose child is lost does not run again", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(7, [1]);
    subject.accept(1);
    subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 1] });
    const actions = subject.handle({ type: "childLost", child: 7, cause: "gone" });
    expect(of(actions, "report")).toHaveLength(1);
    expect(dispatches(subject.child(8, [1]))).toEqual([]);
  });
});
