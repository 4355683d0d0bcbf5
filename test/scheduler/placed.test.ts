import { bodyAt, decodeFailure, kindAt, NodeLostError, Outcome, outcomeAt } from "@pydist/protocol";
import { PATIENCE, type SchedulerAction, whereabouts } from "@pydist/scheduler";
import { describe, expect, it } from "vitest";
import { type Dispatch, dispatches, of, Subject } from "./subject.js";

const CREDIT = { busyElsewhere: 0, window: 1000, bytes: 1e6 };

/** A router with child 2, which is node "n2" and has node "deep" below it. */
function router(config: ConstructorParameters<typeof Subject>[0] = {}, own = false): Subject {
  const subject = new Subject({ slots: 0, ...config }, own);
  subject.child(2, [1, 2], config.routesOnly === true);
  const nodes = [
    { id: "n2", slots: 1 },
    { id: "deep", slots: 2 },
  ];
  subject.handle({ type: "nodesJoined", child: 2, nodes });
  return subject;
}

function tasksIn(sent: readonly Dispatch[]): number {
  return sent.reduce((sum, { bodies }) => sum + bodies.ends.length, 0);
}

function failureIn(actions: SchedulerAction[]): Error {
  const [report] = of(actions, "report");
  if (report === undefined || !(outcomeAt(report.bodies, 0) & Outcome.Failed)) throw new Error("nothing failed");
  return decodeFailure(kindAt(report.bodies, 0), bodyAt(report.bodies, 0)) as Error;
}

describe("tasks for one node", () => {
  it("take the way to it, and only as many at a time as keep it at work", () => {
    const subject = router();
    const sent = dispatches(subject.accept(50, { node: "deep" }));
    expect(sent.every(({ receiver, head }) => receiver === 2 && head.node === "deep")).toBe(true);
    expect(tasksIn(sent)).toBe(8);
    expect(tasksIn(dispatches(subject.finish(sent[0], 0, { time: 100 })))).toBe(tasksIn([sent[0] as Dispatch]));
  });

  it("run on this node when they are for it, and not below", () => {
    const subject = router({ slots: 1 });
    const sent = dispatches(subject.accept(3, { node: "n" }));
    expect(sent.map(({ receiver }) => receiver)).toEqual([0]);
    expect(subject.scheduler.load.queued).toBe(2);
    expect(dispatches(subject.finish(sent[0])).map(({ receiver }) => receiver)).toEqual([0]);
  });

  it("hold up nothing behind them: neither tasks that run elsewhere, nor what shares the node's branch", () => {
    const subject = router();
    subject.accept(100, { node: "n2" });
    // Of three slots below, one is kept busy by what is for n2 alone.
    expect(tasksIn(dispatches(subject.accept(2)))).toBe(2);
  });

  it("take turns with others for the slots of the node itself", () => {
    const subject = new Subject({ slots: 1 });
    let [running] = dispatches(subject.accept(2, { node: "n", code: "here" }));
    subject.accept(2, { code: "anywhere" });
    const order = [running?.head.code];
    for (let i = 0; i < 3; i++) {
      [running] = dispatches(subject.finish(running));
      order.push(running?.head.code);
    }
    expect(order).toEqual(["here", "anywhere", "here", "anywhere"]);
  });

  it("are not given back when tasks are recalled, unlike all others", () => {
    const subject = new Subject({ slots: 1 });
    subject.accept(1);
    subject.accept(2, { node: "n" });
    subject.accept(2);
    const back = of(subject.handle({ type: "recall", upstream: 1, max: 10 }), "giveBack");
    expect(back).toMatchObject([{ lease: 3, ranges: [0, 2] }]);
  });

  it("go back up where nobody knows the node, and come again by the way that leads there then", () => {
    const middle = new Subject({ slots: 1 });
    expect(of(middle.accept(2, { node: "elsewhere" }), "giveBack")).toMatchObject([{ lease: 1, ranges: [0, 2] }]);

    const root = router({}, true);
    const [sent] = dispatches(root.accept(2, { node: "deep" }));
    root.handle({ type: "nodesLost", child: 2, ids: ["deep"] });
    root.handle({ type: "returned", receiver: 2, lease: sent?.lease ?? 0, ranges: [0, 2] });
    root.child(3, [2]);
    const again = dispatches(root.handle({ type: "nodesJoined", child: 3, nodes: [{ id: "deep", slots: 2 }] }));
    expect(again.map(({ receiver }) => receiver)).toEqual([3]);
    expect(tasksIn(again)).toBe(2);
  });

  it("use up an attempt when the node is lost with them, and run again when it is back", () => {
    const root = router({}, true);
    const [sent] = dispatches(root.accept(1, { node: "n2", attempts: 2 }));
    const lease = sent?.lease ?? 0;
    root.handle({ type: "started", receiver: 2, lease, ranges: [0, 1] });
    root.handle({ type: "nodesLost", child: 2, ids: ["n2", "deep"] });
    root.handle({ type: "childLost", child: 2, cause: "killed" });
    root.child(3, [1]);
    const again = dispatches(root.handle({ type: "nodesJoined", child: 3, nodes: [{ id: "n2", slots: 1 }] }));
    expect(again).toMatchObject([{ receiver: 3, head: { attempt: 2, losses: [{ node: "n2", cause: "killed" }] } }]);
  });

  it("fail when the node is not in the tree for as long as it may be away, with what befell them", () => {
    const root = router({}, true);
    const [sent] = dispatches(root.accept(1, { node: "n2" }));
    root.handle({ type: "started", receiver: 2, lease: sent?.lease ?? 0, ranges: [0, 1] });
    root.now = 1000;
    root.handle({ type: "nodesLost", child: 2, ids: ["n2", "deep"] });
    const [wake] = of(root.handle({ type: "childLost", child: 2, cause: "killed" }), "wake");
    expect(wake?.at).toBe(1000 + PATIENCE.forNode);
    expect(whereabouts(root.scheduler, { upstream: 1, lease: 1, index: 0 }, 1000)).toMatchObject({
      because: { why: "absent", node: "n2" },
    });
    root.now = wake?.at ?? 0;
    const error = failureIn(root.handle({ type: "tick" }));
    expect(error).toBeInstanceOf(NodeLostError);
    expect(error).toMatchObject({
      message:
        'Task "f" is for node n2 alone, which does not take it: it is not in the tree, and has not come within 10000 ms. ' +
        'Give the task to a node that executor.nodes() lists as ready, or leave out "node" and any may run it.',
      nodes: ["n2", "n2"],
      causes: ["killed", "it is not in the tree, and has not come within 10000 ms"],
      attempts: 2,
    });
  });

  it("wait for as long as a program looks for its cluster", () => {
    const program = new Subject({ slots: 0, routesOnly: true }, true);
    expect(of(program.accept(1, { node: "n2" }), "wake")).toEqual([]);
    program.now = 60_000;
    program.handle({ type: "childJoined", child: 2, node: "n2", attachment: true });
    expect(of(program.handle({ type: "tick" }), "report")).toEqual([]);
    program.handle({ type: "credit", child: 2, slots: [1], ...CREDIT });
    const told = program.handle({ type: "nodesJoined", child: 2, nodes: [{ id: "n2", slots: 1 }] });
    expect(dispatches(told)).toHaveLength(1);
  });

  it.each([
    ["drained", "it is drained"],
    ["leaving", "it is about to leave"],
  ] as const)("fail at a node that is %s, and what has not begun there as well", (duty, cause) => {
    const subject = new Subject({ slots: 1 });
    const [running] = dispatches(subject.accept(2, { node: "n" }));
    expect(failureIn(subject.handle({ type: "duty", duty }))).toMatchObject({ nodes: ["n"], causes: [cause] });
    expect(of(subject.finish(running), "report")).toHaveLength(1);
    expect(failureIn(subject.accept(1, { node: "n" }))).toMatchObject({ causes: [cause] });
  });

  it("reach a drained node although it offers no slots, to hear that", () => {
    const drained = new Subject({ slots: 1 });
    const [told] = of(drained.handle({ type: "duty", duty: "drained" }), "grant");
    const root = new Subject({ slots: 0 });
    root.handle({ type: "childJoined", child: 2, node: "n2", attachment: false });
    const { slots = [], window = 0, busyElsewhere = 0, bytes = 0 } = told ?? {};
    root.handle({ type: "credit", child: 2, slots, window, busyElsewhere, bytes, pool: "drained" });
    root.handle({ type: "nodesJoined", child: 2, nodes: [{ id: "n2", slots: 1 }] });
    expect(dispatches(root.accept(1, { node: "n2" }))).toHaveLength(1);
  });

  it("fail at a node without workers", () => {
    const subject = new Subject({ slots: 0 });
    expect(failureIn(subject.accept(1, { node: "n" }))).toMatchObject({ nodes: ["n"], causes: ["it has no workers"] });
  });

  it("fail above a node that their hops do not reach", () => {
    const error = failureIn(router().accept(1, { node: "deep", hops: 0 }));
    expect(error).toMatchObject({
      code: "PYDIST_E_HOP_LIMIT",
      message:
        'Task "f" is for node deep, which is below node n, and has no hop left to travel further. Raise hopLimit.',
    });
  });

  it("that wait for tasks of their own keep none of those from the node", () => {
    const subject = router();
    for (let level = 0; level < 12; level++) {
      const [sent] = dispatches(subject.accept(1, { node: "n2", depth: level }));
      expect(sent?.receiver).toBe(2);
      subject.handle({ type: "suspended", receiver: 2, lease: sent?.lease ?? 0, ranges: [0, 1] });
    }
  });

  it("can be cancelled while they wait for their node", () => {
    const root = router({}, true);
    root.accept(2, { node: "nobody" });
    const actions = root.handle({ type: "cancel", upstream: 1, lease: 1, ranges: [0, 2] });
    expect(of(actions, "report")).toHaveLength(1);
    expect(root.scheduler.load.queued).toBe(0);
  });
});
