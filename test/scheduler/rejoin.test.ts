import { type BatchHeader, Outcome } from "@pydist/protocol";
import { PATIENCE, POOL, type SchedulerAction } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { bodies, type Dispatch, dispatches, head, of, Subject } from "./subject.js";

const PARENT = { type: "upstreamLost", upstream: 1, role: "parent" } as const;
const JOINED = { type: "upstreamJoined", upstream: 2, own: false } as const;
const LATE = 1e6;

/** What is told of a task by whoever runs it. */
function news(type: "started" | "waiting", { receiver, lease }: Dispatch, index = 0) {
  return { type, receiver, lease, ranges: [index, index + 1] } as const;
}

function speak({ receiver, lease }: Dispatch, kind: "captured" | "forget" | "log") {
  const note =
    kind === "log" ? ({ kind, level: "info", text: "", node: "n" } as const) : ({ kind, hash: "h" } as const);
  return { type: "said", receiver, lease, index: 0, call: "c", note, bodies: undefined } as const;
}

/** A node with so many slots whose tasks have all begun. */
function atWork(slots: number, count = slots) {
  const subject = new Subject({ slots });
  const sent = dispatches(subject.accept(count));
  for (const run of sent) subject.handle(news("started", run));
  return { subject, sent, first: sent[0] as Dispatch };
}

/** What the new parent says of an offer. */
function adopt(subject: Subject, offer: number, ranges: number[], fields: Partial<BatchHeader> = {}, count = 2) {
  const adopts = { offer, ranges };
  const tasks = { lease: 70, head: head(fields), bodies: bodies(count), adopts };
  return subject.handle({ type: "accept", upstream: 2, ...tasks });
}

/** Of a child that has these tasks of the batch that the subject accepted. */
function offerOf(ranges: number[], fields: Partial<ReturnType<typeof identity>> = {}) {
  return { type: "offered", ...identity(), ranges, ...fields } as const;
}

function identity() {
  return { receiver: 8, offer: 5, executor: "e1", batch: 1, code: "c", first: 0, count: 2 };
}

describe("a node whose parent is lost", () => {
  it.each([
    ["had not begun", Outcome.Cancelled],
    ["had begun, and was stopped", Outcome.Failed],
  ])(
    "does not offer the end of what that one had cancelled and %s: those above may still want it",
    (_what, outcome) => {
      const { subject, sent } = atWork(2);
      // What is below a node that was cut off is cancelled by it, whoever else may want it.
      const lease = 1;
      subject.handle({ type: "upstreamAway", upstream: 1 });
      subject.handle({ type: "cancel", upstream: 1, lease, ranges: [0, 1], stop: { grace: 0, reason: bodies(1) } });
      subject.finish(sent[0], outcome);
      subject.handle(PARENT);
      expect(of(subject.handle(JOINED), "offer")).toMatchObject([{ ranges: [1, 2] }]);
    },
  );

  it("goes on with what it has begun, and drops the rest", () => {
    const { subject, first } = atWork(1, 3);
    expect(of(subject.handle(PARENT), "cancelAt")).toEqual([]);
    expect(subject.scheduler.load).toMatchObject({ running: 1, queued: 0 });
    const [offer] = of(subject.handle(JOINED), "offer");
    expect(offer).toMatchObject({
      upstream: 2,
      executor: "e1",
      batch: 1,
      code: "c",
      first: 0,
      count: 3,
      ranges: [0, 1],
    });
    expect(of(adopt(subject, offer?.offer as number, [0, 1], {}, 3), "cancelAt")).toEqual([]);
    expect(of(subject.finish(first), "report")).toMatchObject([{ upstream: 2, lease: 70, from: 0 }]);
  });

  it("stops what is handed on and not known to have begun", () => {
    const subject = new Subject({ slots: 1 });
    const [sent] = dispatches(subject.accept(1));
    expect(of(subject.handle(PARENT), "cancelAt")).toMatchObject([{ lease: sent?.lease, stop: { grace: 1000 } }]);
    expect(of(subject.handle(JOINED), "offer")).toEqual([]);
  });

  it("stops a task that has submitted others: what was said may be lost. A log may be", () => {
    for (const [kind, offers] of [
      ["captured", 0],
      ["log", 1],
    ] as const) {
      const { subject, first } = atWork(1);
      subject.handle(speak(first, kind));
      subject.handle(PARENT);
      expect(of(subject.handle(JOINED), "offer")).toHaveLength(offers);
    }
  });

  it("keeps the tasks of an executor no longer than the executor", () => {
    const { subject } = atWork(1);
    expect(of(subject.handle({ type: "upstreamLost", upstream: 1 }), "cancelAt")).toHaveLength(1);
    expect(of(subject.handle(JOINED), "offer")).toEqual([]);
  });

  it("tells the new one what came of them meanwhile, in order", () => {
    const { subject, sent, first } = atWork(2);
    subject.handle(PARENT);
    expect(subject.handle(speak(first, "captured"))).toEqual([]);
    expect(of(subject.finish(first), "report")).toEqual([]);
    const [offer] = of(subject.handle(JOINED), "offer");
    expect(offer?.ranges).toEqual([0, 2]);
    const told = adopt(subject, offer?.offer as number, [0, 2]);
    expect(told.filter(({ type }) => type === "say" || type === "report")).toMatchObject([
      { type: "say", upstream: 2, lease: 70, index: 0 },
      { type: "report", upstream: 2, lease: 70, from: 0 },
    ]);
    expect(of(subject.finish(sent[1]), "report")).toMatchObject([{ upstream: 2, lease: 70, from: 1 }]);
  });

  it("offers what ended while the link was away, too, unless the link came back", () => {
    for (const back of [false, true]) {
      const { subject, first } = atWork(1);
      subject.handle({ type: "upstreamAway", upstream: 1 });
      expect(of(subject.finish(first), "report")).toHaveLength(1);
      if (back) subject.handle({ type: "upstreamBack", upstream: 1 });
      subject.handle(PARENT);
      expect(of(subject.handle(JOINED), "offer")).toHaveLength(back ? 0 : 1);
    }
  });

  it("stops what is declined, and what is not among what is wanted", () => {
    const { subject, sent } = atWork(2);
    subject.handle(PARENT);
    const [offer] = of(subject.handle(JOINED), "offer");
    const asked = of(adopt(subject, offer?.offer as number, [1, 2]), "cancelAt");
    expect(asked).toMatchObject([{ lease: sent[0]?.lease, stop: { grace: 1000 } }]);
    expect(of(subject.finish(sent[0], Outcome.Failed), "report")).toEqual([]);
    expect(of(subject.finish(sent[1]), "report")).toHaveLength(1);

    const other = atWork(1);
    other.subject.handle(PARENT);
    const [declined] = of(other.subject.handle(JOINED), "offer");
    const stopped = other.subject.handle({ type: "declined", upstream: 2, offer: declined?.offer as number });
    expect(of(stopped, "cancelAt")).toHaveLength(1);
    expect(of(other.subject.finish(other.first), "report")).toEqual([]);
  });

  it("stops it when nobody comes; whoever wants it then has lost an attempt", () => {
    const { subject, first } = atWork(1);
    subject.handle(PARENT);
    const [offer] = of(subject.handle(JOINED), "offer");
    subject.now = LATE;
    expect(of(subject.handle({ type: "tick" }), "cancelAt")).toHaveLength(1);
    subject.finish(first, Outcome.Cancelled);
    const again = dispatches(adopt(subject, offer?.offer as number, [0, 1], {}, 1));
    expect(again).toMatchObject([{ receiver: POOL, head: { attempt: 2, losses: [{ node: "n" }] } }]);
  });

  it("runs again what its worker gave back meanwhile, as another attempt", () => {
    const { subject, first } = atWork(1);
    subject.handle(PARENT);
    const [offer] = of(subject.handle(JOINED), "offer");
    subject.handle({ type: "returned", receiver: POOL, lease: first.lease, ranges: [0, 1] });
    const again = adopt(subject, offer?.offer as number, [0, 1], {}, 1);
    expect(of(again, "reportWaiting")).toMatchObject([{ upstream: 2, lease: 70, ranges: [0, 1] }]);
    expect(dispatches(again)).toMatchObject([{ head: { attempt: 2 } }]);
  });

  it("counts attempts that were lost above together with those below", () => {
    const subject = new Subject({ slots: 0 }, true);
    for (const child of [7, 8]) {
      const [sent] = dispatches(child === 7 ? [...subject.child(7, [1]), ...subject.accept(1)] : subject.child(8, [1]));
      subject.handle(news("started", sent as Dispatch));
      if (child === 7) subject.handle({ type: "childLost", child, cause: "below" });
    }
    subject.handle(PARENT);
    const [offer] = of(subject.handle(JOINED), "offer");
    adopt(subject, offer?.offer as number, [0, 1], { attempt: 2, losses: [{ node: "m", cause: "above" }] }, 1);
    const [failed] = of(subject.handle({ type: "childLost", child: 8, cause: "again" }), "report");
    expect(failed?.attempt).toBe(3);
    const text = new TextDecoder().decode(failed?.bodies.bytes);
    expect(text).toContain("m (above), n7 (below), n8 (again)");
  });
});

/** Two tasks have begun below child 7, which has two slots below it, and then it is lost. */
function bereaved(orphans: number, own = false) {
  const subject = new Subject({ slots: 0 }, own);
  subject.child(7, [0, 2]);
  const [sent] = dispatches(subject.accept(2));
  const { lease } = sent as Dispatch;
  subject.handle({ type: "started", receiver: 7, lease, ranges: [0, 2] });
  const lost = subject.handle({ type: "childLost", child: 7, cause: "gone", orphans });
  return { subject, lost };
}

const back = (subject: Subject): SchedulerAction[] => subject.child(8, [2]);

describe("a node that loses a child", () => {
  it("keeps what had begun for those that were below it, until its patience ends", () => {
    const { subject, lost } = bereaved(1);
    expect(of(lost, "reportWaiting")).toEqual([]);
    expect(dispatches(back(subject))).toEqual([]);
    const [wake] = of(lost, "wake");
    subject.now = wake?.at as number;
    const again = subject.handle({ type: "tick" });
    expect(of(again, "reportWaiting")).toMatchObject([{ ranges: [0, 2] }]);
    expect(dispatches(again).map(({ head: { attempt } }) => attempt)).toContain(2);
  });

  it("waits only for their offers once they are all back", () => {
    const { subject } = bereaved(1);
    back(subject);
    const [wake] = of(subject.handle({ type: "reunited", child: 7 }), "wake");
    expect(wake?.at).toBe(PATIENCE.forOffers);
    subject.now = PATIENCE.forOffers;
    expect(dispatches(subject.handle({ type: "tick" })).length).toBeGreaterThan(0);
    expect(subject.handle({ type: "reunited", child: 7 })).toEqual([]);
  });

  it("waits for nobody if there was nobody", () => {
    const { subject } = bereaved(0, true);
    expect(dispatches(back(subject)).length).toBeGreaterThan(0);
  });

  it("makes what is offered a lease of who offers it: no attempt is used up", () => {
    const { subject } = bereaved(1);
    back(subject);
    const actions = subject.handle(offerOf([0, 2]));
    expect(dispatches(actions)).toMatchObject([
      { receiver: 8, adopts: { offer: 5, ranges: [0, 2] }, head: { attempt: 1, hops: 15 } },
    ]);
    expect(of(subject.finish(dispatches(actions)[0]), "report")).toMatchObject([{ upstream: 1, lease: 1, from: 0 }]);
    subject.now = LATE;
    expect(dispatches(subject.handle({ type: "tick" }))).toEqual([]);
  });

  it("takes what is offered late out of its queue again, from between others", () => {
    const subject = new Subject({ slots: 0 }, true);
    subject.child(8, []);
    subject.accept(3);
    const actions = subject.handle(offerOf([1, 2], { count: 3 }));
    expect(dispatches(actions)).toMatchObject([{ receiver: 8, adopts: { ranges: [1, 2] } }]);
    expect(of(actions, "reportStarted")).toMatchObject([{ ranges: [1, 2] }]);
    const [sent] = dispatches(actions);
    // It may come back to where it was.
    subject.handle({ type: "returned", receiver: 8, lease: sent?.lease as number, ranges: [1, 2] });
    subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 3] });
    expect(subject.scheduler.load.queued).toBe(0);
  });

  it.each([
    ["by another executor", { executor: "e2" }],
    ["from another batch", { batch: 2 }],
    ["of another function", { code: "d" }],
    ["beyond the batch", { first: 1 }],
  ])("knows nothing of tasks %s, and passes them on", (_what, fields) => {
    const { subject } = bereaved(1);
    back(subject);
    const actions = subject.handle(offerOf([0, 1], fields));
    expect(dispatches(actions)).toEqual([]);
    expect(of(actions, "offer")).toMatchObject([{ upstream: 1, ...fields }]);
  });

  it("declines what is settled, and what runs elsewhere by now", () => {
    const { subject } = bereaved(1);
    back(subject);
    subject.handle(offerOf([0, 2]));
    const second = { offer: 6, receiver: 8 };
    expect(of(subject.handle(offerOf([0, 2], second)), "decline")).toEqual([
      { type: "decline", receiver: 8, offer: 6 },
    ]);
  });

  it("settles at once what is cancelled meanwhile", () => {
    const { subject } = bereaved(1);
    back(subject);
    const cancelled = subject.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 1] });
    expect(of(cancelled, "report")).toMatchObject([{ from: 0 }]);
    expect(dispatches(subject.handle(offerOf([0, 2])))).toMatchObject([{ adopts: { ranges: [1, 2] } }]);
  });

  it("declines tasks of its own program that it does not know: they are over", () => {
    const { subject } = bereaved(1, true);
    back(subject);
    const offer = offerOf([0, 1], { executor: "n", batch: 9 });
    expect(of(subject.handle(offer), "decline")).toHaveLength(1);
  });
});

describe("a node that has neither begun nor handed down what is offered", () => {
  /** A node that passed on what its child 8 offered. */
  function passing() {
    const subject = new Subject({ slots: 1 });
    back(subject);
    subject.handle(offerOf([0, 1], { executor: "e9" }));
    const [offer] = of(subject.handle(JOINED), "offer");
    return { subject, offer: offer?.offer as number };
  }

  it("offers it to whoever joins, and passes on that it is wanted", () => {
    const { subject, offer } = passing();
    const [down] = dispatches(adopt(subject, offer, [0, 1], { executor: "e9" }));
    expect(down).toMatchObject({ receiver: 8, adopts: { offer: 5, ranges: [0, 1] } });
    expect(of(subject.finish(down), "report")).toMatchObject([{ upstream: 2, lease: 70, from: 0 }]);
  });

  it("passes on that it is not", () => {
    const { subject, offer } = passing();
    const declined = subject.handle({ type: "declined", upstream: 2, offer });
    expect(of(declined, "decline")).toEqual([{ type: "decline", receiver: 8, offer: 5 }]);
  });

  it("runs it as another attempt if the child is gone by then, or too many links away", () => {
    const gone = passing();
    gone.subject.handle({ type: "childLost", child: 8, cause: "gone" });
    const again = dispatches(adopt(gone.subject, gone.offer, [0, 1], { executor: "e9" }));
    expect(again).toMatchObject([{ receiver: POOL, head: { attempt: 2 } }]);
    const far = passing();
    const actions = adopt(far.subject, far.offer, [0, 1], { executor: "e9", hops: 0 });
    expect(of(actions, "decline")).toHaveLength(1);
    expect(dispatches(actions)).toMatchObject([{ receiver: POOL, head: { attempt: 2 } }]);
  });
});
