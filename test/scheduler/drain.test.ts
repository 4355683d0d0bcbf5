import { describe, expect, it } from "vitest";
import { dispatches, of, Subject } from "./subject.js";

const drain = { type: "duty", duty: "drained" } as const;
const resume = { type: "duty", duty: "working" } as const;
const leave = { type: "duty", duty: "leaving" } as const;

describe("a scheduler that is drained", () => {
  it("offers no slots, then gives back what waits, and says when what ran is over", () => {
    const subject = new Subject({ slots: 1 });
    const [running] = dispatches(subject.accept(3));
    const actions = subject.handle(drain);
    expect(actions.map(({ type }) => type)).toEqual(["grant", "giveBack"]);
    expect(of(actions, "grant")).toMatchObject([{ slots: [], pool: "drained" }]);
    expect(of(actions, "giveBack")).toMatchObject([{ lease: 1, ranges: [1, 3] }]);
    expect(subject.scheduler.standing).toBe("draining");
    expect(subject.finish(running).map(({ type }) => type)).toEqual(["report", "drained"]);
    expect(subject.scheduler.standing).toBe("drained");
  });

  it("takes back from its pool what has not begun there", () => {
    const subject = new Subject({ slots: 1 });
    // Short ones go to the pool in chunks.
    for (let i = 0; i < 5; i++) {
      const [sent] = dispatches(subject.accept(1));
      const { lease, bodies } = sent as NonNullable<typeof sent>;
      const done = { ...bodies, times: new Float32Array([0.1]) };
      subject.handle({ type: "results", receiver: 0, lease, from: 0, bodies: done, node: "n", hops: 0, attempt: 1 });
    }
    const [chunk] = dispatches(subject.accept(50));
    const { lease, bodies } = chunk as NonNullable<typeof chunk>;
    const count = bodies.ends.length;
    expect(count).toBeGreaterThan(1);
    subject.handle({ type: "started", receiver: 0, lease, ranges: [0, 1] });
    expect(of(subject.handle(drain), "recallFrom")).toEqual([{ type: "recallFrom", receiver: 0, max: count - 1 }]);
    const back = subject.handle({ type: "returned", receiver: 0, lease, ranges: [1, count] });
    expect(of(back, "giveBack")).toMatchObject([{ ranges: [1, count] }]);
  });

  it("gives what comes all the same back at once", () => {
    const subject = new Subject({ slots: 1 });
    expect(of(subject.handle(drain), "drained")).toHaveLength(1);
    const actions = subject.accept(2);
    expect(dispatches(actions)).toEqual([]);
    expect(of(actions, "giveBack")).toMatchObject([{ ranges: [0, 2] }]);
  });

  it("hands on to its children, and keeps for them what waits", () => {
    const subject = new Subject({ slots: 1 });
    subject.child(2, [1]);
    subject.handle(drain);
    const actions = subject.accept(5);
    expect(dispatches(actions).every(({ receiver }) => receiver === 2)).toBe(true);
    expect(of(actions, "giveBack")).toEqual([]);
    expect(subject.scheduler.load.queued).toBeGreaterThan(0);
  });

  it("lets a suspended task end on the slot that is not offered any more", () => {
    const subject = new Subject({ slots: 1 });
    const [sent] = dispatches(subject.accept(1));
    const lease = (sent as NonNullable<typeof sent>).lease;
    subject.handle({ type: "suspended", receiver: 0, lease, ranges: [0, 1] });
    expect(of(subject.handle(drain), "drained")).toEqual([]);
    expect(of(subject.handle({ type: "ready", lease, index: 0 }), "resumeAt")).toEqual([
      { type: "resumeAt", lease, index: 0 },
    ]);
    expect(of(subject.finish(sent), "drained")).toHaveLength(1);
  });

  it("works again when it is resumed", () => {
    const subject = new Subject({ slots: 2 });
    subject.handle(drain);
    const [told] = of(subject.handle(resume), "grant");
    expect(told).toMatchObject({ slots: [2] });
    expect(told).not.toHaveProperty("pool");
    expect(subject.scheduler.standing).toBe("ready");
    expect(dispatches(subject.accept(2))).toHaveLength(2);
  });

  it("keeps what a program in this process waits for, until it is resumed", () => {
    const subject = new Subject({ slots: 1 }, true);
    subject.handle(drain);
    expect(subject.accept(1)).toEqual([]);
    expect(dispatches(subject.handle(resume))).toHaveLength(1);
  });
});

describe("a scheduler that leaves", () => {
  it("hands nothing on, takes back what its children have not begun, and waits for the rest", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(2, [1]);
    const [sent, ...ahead] = dispatches(subject.accept(2));
    const more = [...ahead, ...dispatches(subject.accept(4))];
    const actions = subject.handle(leave);
    expect(of(actions, "grant")).toMatchObject([{ slots: [] }]);
    const lent = [sent, ...more].reduce((sum, each) => sum + (each?.bodies.ends.length ?? 0), 0);
    expect(of(actions, "recallFrom")).toEqual([{ type: "recallFrom", receiver: 2, max: lent - 1 }]);
    expect(subject.scheduler.load.queued).toBe(0);
    for (const { lease, bodies } of more) {
      subject.handle({ type: "returned", receiver: 2, lease, ranges: [0, bodies.ends.length] });
    }
    expect(subject.scheduler.standing).toBe("leaving");
    expect(dispatches(subject.accept(1))).toEqual([]);
    const last = subject.finish(sent);
    expect(last.map(({ type }) => type).filter((type) => type !== "wake")).toContain("report");
  });
});

describe("tasks that end on slots which are not offered any more", () => {
  const credit = { type: "credit", child: 2, busyElsewhere: 0, window: 1000, bytes: 1e6 } as const;

  it("keep no slot of another child busy, and whoever sent them is told", () => {
    const subject = new Subject({ slots: 0 });
    subject.child(2, [1]);
    const [old] = dispatches(subject.accept(1));
    subject.handle({ ...credit, slots: [] });
    expect(of(subject.child(3, [1]), "grant")).toMatchObject([{ slots: [0, 1], busyElsewhere: -1 }]);
    expect(dispatches(subject.accept(1))).toMatchObject([{ receiver: 3 }]);
    subject.now = 1000;
    expect(of(subject.finish(old), "grant")).toMatchObject([{ slots: [0, 1], busyElsewhere: 0 }]);
  });

  it("keep no slot of a child busy when they are on the node's own", () => {
    const subject = new Subject({ slots: 1 });
    dispatches(subject.accept(1));
    subject.handle(drain);
    expect(of(subject.child(2, [1]), "grant")).toMatchObject([{ slots: [0, 1], busyElsewhere: -1 }]);
  });

  it("are no reason to keep a task back, nor to send one where there are no slots", () => {
    const subject = new Subject({ slots: 0, routesOnly: true }, true);
    subject.handle({ type: "childJoined", child: 2, node: "root", attachment: true });
    subject.handle({ ...credit, slots: [0, 1] });
    const [old] = dispatches(subject.accept(1));
    subject.handle({ ...credit, slots: [], busyElsewhere: -1 });
    expect(dispatches(subject.accept(1))).toEqual([]);
    expect(dispatches(subject.handle({ ...credit, slots: [0, 1], busyElsewhere: -1 }))).toHaveLength(1);
    subject.handle({ ...credit, slots: [], busyElsewhere: -1 });
    subject.finish(old);
    expect(dispatches(subject.accept(1))).toEqual([]);
  });
});

describe("an attached executor", () => {
  it("waits for a drained node where it would refuse one without workers", () => {
    const subject = new Subject({ slots: 0, routesOnly: true }, true);
    subject.handle({ type: "childJoined", child: 2, node: "root", attachment: true });
    const credit = { type: "credit", child: 2, busyElsewhere: 0, window: 1000, bytes: 1e6 } as const;
    subject.handle({ ...credit, slots: [0, 1], pool: "drained" });
    expect(of(subject.accept(1, { hops: 0 }), "report")).toEqual([]);
    expect(dispatches(subject.handle({ ...credit, slots: [1, 1] }))).toHaveLength(1);
  });
});
