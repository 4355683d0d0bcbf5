import type { Submitter } from "@pydist/futures";
import { type Bodies, type Frame, type Stop, unpackBodies } from "@pydist/protocol";
import type { ReceiverId, SchedulerAction, SchedulerEvent, UpstreamId } from "@pydist/scheduler";

/** What an upstream's frame means to the scheduler; undefined for one that is not the scheduler's business. */
export function eventFromAbove(frame: Frame, payload: Uint8Array, upstream: UpstreamId): SchedulerEvent | undefined {
  switch (frame.t) {
    case "tasks": {
      const { t: _, ...tasks } = frame;
      return { type: "accept", upstream, ...tasks, bodies: unpackBodies(payload) };
    }
    case "declined":
      return { type: "declined", upstream, offer: frame.offer };
    case "cancel": {
      const { lease, ranges, grace } = frame;
      const stop = grace === undefined ? undefined : { grace, reason: unpackBodies(payload) };
      return { type: "cancel", upstream, lease, ranges, ...withStop(stop) };
    }
    case "told": {
      const { lease, index, call, note } = frame;
      return { type: "told", upstream, lease, index, call, note, bodies: bodiesOf(payload) };
    }
    case "recall":
      return { type: "recall", upstream, max: frame.max };
    default:
      return undefined;
  }
}

/** What a receiver's frame means to the scheduler; undefined for one that is not the scheduler's business. */
export function eventFromBelow(frame: Frame, payload: Uint8Array, receiver: ReceiverId): SchedulerEvent | undefined {
  switch (frame.t) {
    case "results": {
      const { lease, from, node, hops, attempt } = frame;
      return { type: "results", receiver, lease, from, bodies: unpackBodies(payload), node, hops, attempt };
    }
    case "started":
    case "waiting":
    case "suspended":
    case "resumed":
      return { type: frame.t, receiver, lease: frame.lease, ranges: frame.ranges };
    case "returned": {
      const { lease, ranges, history } = frame;
      return { type: "returned", receiver, lease, ranges, history };
    }
    case "said": {
      const { lease, index, call, note } = frame;
      return { type: "said", receiver, lease, index, call, note, bodies: bodiesOf(payload) };
    }
    case "recalled":
      return { type: "recalled", receiver };
    case "offer": {
      const { t: _, ...offer } = frame;
      return { type: "offered", receiver, ...offer };
    }
    case "credit": {
      const { t: _, ...credit } = frame;
      return { type: "credit", child: receiver, ...credit };
    }
    default:
      return undefined;
  }
}

/** An action that leaves for a peer, as the frame that carries it. */
export function frameOf(action: Outgoing): { readonly frame: Frame; readonly bodies?: Bodies | undefined } {
  switch (action.type) {
    case "dispatch": {
      const { lease, head, adopts, bodies } = action;
      return { frame: { t: "tasks", lease, head, ...(adopts === undefined ? {} : { adopts }) }, bodies };
    }
    case "decline":
      return { frame: { t: "declined", offer: action.offer } };
    case "cancelAt": {
      const { lease, ranges, stop } = action;
      if (stop === undefined) return { frame: { t: "cancel", lease, ranges } };
      return { frame: { t: "cancel", lease, ranges, grace: stop.grace }, bodies: stop.reason };
    }
    case "recallFrom":
      return { frame: { t: "recall", max: action.max } };
    case "tell": {
      const { lease, index, call, note, bodies } = action;
      return { frame: { t: "told", lease, index, call, note }, bodies };
    }
    case "report": {
      const { lease, from, bodies, node, hops, attempt } = action;
      return { frame: { t: "results", lease, from, node, hops, attempt }, bodies };
    }
    case "reportStarted":
      return { frame: { t: "started", lease: action.lease, ranges: action.ranges } };
    case "reportWaiting":
      return { frame: { t: "waiting", lease: action.lease, ranges: action.ranges } };
    case "reportSuspended":
      return { frame: { t: "suspended", lease: action.lease, ranges: action.ranges } };
    case "reportResumed":
      return { frame: { t: "resumed", lease: action.lease, ranges: action.ranges } };
    case "say": {
      const { lease, index, call, note, bodies } = action;
      return { frame: { t: "said", lease, index, call, note }, bodies };
    }
    case "giveBack": {
      const { lease, ranges, history } = action;
      return { frame: { t: "returned", lease, ranges, ...(history === undefined ? {} : { history }) } };
    }
    case "recallDone":
      return { frame: { t: "recalled" } };
    case "offer": {
      const { type: _, upstream: __, ...offer } = action;
      return { frame: { t: "offer", ...offer } };
    }
    case "grant": {
      const { type: _, upstream: __, ...credit } = action;
      return { frame: { t: "credit", ...credit } };
    }
  }
}

/** What an action means to the executor in this process. */
export function tell(
  submitter: Submitter | undefined,
  action: Extract<SchedulerAction, { readonly upstream: number }>,
): void {
  switch (action.type) {
    case "report":
      return submitter?.report(action.lease, action.from, action.bodies, action);
    case "reportStarted":
      return submitter?.started(action.lease, action.ranges);
    case "reportWaiting":
      return submitter?.waiting(action.lease, action.ranges);
    case "say":
      return submitter?.said(action.lease, action.index, action.call, action.note, action.bodies);
    case "grant":
      return submitter?.granted(action);
  }
}

/** Actions for a receiver or an upstream. */
export type Outgoing = Extract<SchedulerAction, { readonly receiver: number } | { readonly upstream: number }>;

/** With the key left out where there is nothing to stop. */
export function withStop(stop: Stop | undefined): { readonly stop?: Stop } {
  return stop === undefined ? {} : { stop };
}

function bodiesOf(payload: Uint8Array): Bodies | undefined {
  return payload.length === 0 ? undefined : unpackBodies(payload);
}
