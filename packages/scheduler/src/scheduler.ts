import { countOf, Outcome, type ResultInfo, sliceBodies } from "@pydist/protocol";
import { abandon } from "./abandon.js";
import { adopted, offered } from "./adopt.js";
import { cancel } from "./cancel.js";
import { drain, type Standing, standingOf, takeDuty } from "./drain.js";
import { type EventOf, POOL, type SchedulerAction, type SchedulerConfig, type SchedulerEvent } from "./events.js";
import { fill } from "./fill.js";
import { grant } from "./grant.js";
import { childLost } from "./loss.js";
import { said, told } from "./mail.js";
import { endPatience, reunited } from "./patience.js";
import { nodesJoined, nodesLost, sendPlaced } from "./placed.js";
import { appendIndex, eachIndex } from "./ranges.js";
import { answerRecall, noteReturn, recallForIdleSlots, recallOver } from "./recall.js";
import { Receiver } from "./receiver.js";
import { refuseStuck } from "./refuse.js";
import { comeBack, declined, goAway, offerAll } from "./rejoin.js";
import { requeue } from "./requeue.js";
import { State } from "./state.js";
import { ready, resumed, suspended } from "./suspend.js";

/**
 * Where a task goes next: the same state machine at the executor, at every node, and in the simulation.
 *
 * Events in, actions out; no I/O, no clock, no randomness (invariant I8). All state is changed by `handle` alone.
 */
export class Scheduler {
  readonly #state: State;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(config: SchedulerConfig) {
    this.#state = new State(config);
  }

  /** For `validate` and for state dumps; nobody else looks inside. */
  get state(): State {
    return this.#state;
  }

  /** Runs that hold slots of this node, tasks of its pool that gave theirs back, and tasks that wait here. */
  get load(): { readonly running: number; readonly suspended: number; readonly queued: number } {
    const { pool, queues } = this.#state;
    return { running: pool.running, suspended: pool.suspended, queued: queues.count };
  }

  /** What this node does for the tree now, as people are told. */
  get standing(): Standing {
    return standingOf(this.#state);
  }

  /** Tasks that were handed on, to the pool or to children, and have not come back. */
  get lent(): number {
    let tasks = 0;
    for (const receiver of this.#state.receivers.values()) tasks += receiver.tasks;
    return tasks;
  }

  /** What results of a run on this node's pool say of themselves; undefined once the lease is over. */
  infoOf(lease: number): ResultInfo | undefined {
    const found = this.#state.leases.get(lease);
    if (found === undefined) return undefined;
    const { batch, from } = found;
    return { node: this.#state.config.node, hops: batch.head.travelled, attempt: batch.attemptOf(from) };
  }

  /**
   * Takes in one event at the time `now`, in milliseconds of a clock that never goes back.
   * @returns what is to be done, in order.
   */
  handle(event: SchedulerEvent, now: number): SchedulerAction[] {
    const state = this.#state;
    this.#apply(event, now);
    const waiting = Math.min(endPatience(state, now), sendPlaced(state, now));
    fill(state, now);
    const again = Math.min(waiting, recallForIdleSlots(state, now), drain(state, now), grant(state, now));
    this.#askForTick(event, again, now);
    const actions = state.out;
    state.out = [];
    return actions;
  }

  #askForTick(event: SchedulerEvent, again: number, now: number): void {
    if (event.type === "tick") this.#wakeAt = Number.POSITIVE_INFINITY;
    if (again >= this.#wakeAt) return;
    this.#wakeAt = again;
    this.#state.out.push({ type: "wake", at: Math.max(again, now) });
  }

  #apply(event: SchedulerEvent, now: number): void {
    switch (event.type) {
      case "upstreamJoined":
        return this.#upstreamJoined(event, now);
      case "upstreamLost":
        return abandon(this.#state, event, now);
      case "declined":
        return declined(this.#state, event);
      case "upstreamAway":
        return goAway(this.#state, event.upstream);
      case "upstreamBack":
        return comeBack(this.#state, event.upstream);
      case "upstreamClogged":
        if (event.clogged) this.#state.clogged.add(event.upstream);
        else this.#state.clogged.delete(event.upstream);
        return;
      case "accept":
        return this.#accept(event, now);
      case "cancel":
        return cancel(this.#state, event);
      case "recall":
        return answerRecall(this.#state, event.upstream, event.max);
      case "childJoined":
        return this.#childJoined(event);
      case "childLost":
        return childLost(this.#state, event, now);
      case "nodesJoined":
        return nodesJoined(this.#state, event);
      case "nodesLost":
        return nodesLost(this.#state, event);
      case "reunited":
        return reunited(this.#state, event, now);
      case "offered":
        return offered(this.#state, event, now);
      case "credit":
        return this.#credit(event);
      case "results":
        return this.#results(event, now);
      case "started":
        return this.#started(event);
      case "waiting":
        return this.#waiting(event);
      case "returned":
        return this.#returned(event);
      case "recalled": {
        const receiver = this.#state.receivers.get(event.receiver);
        if (receiver !== undefined) recallOver(this.#state, receiver, now);
        return;
      }
      case "said":
        return said(this.#state, event);
      case "told":
        return told(this.#state, event);
      case "suspended":
        return suspended(this.#state, event);
      case "resumed":
        return resumed(this.#state, event);
      case "ready":
        return ready(this.#state, event);
      case "duty":
        return takeDuty(this.#state, event.duty, now);
      case "tick":
        return;
    }
  }

  #upstreamJoined({ upstream, own }: EventOf<"upstreamJoined">, now: number): void {
    this.#state.upstreams.set(upstream, {
      id: upstream,
      own,
      batches: new Map(),
      held: 0,
      away: [],
      suspended: 0,
      mostSuspended: 0,
      granted: undefined,
      highestWindow: 0,
    });
    if (!own) offerAll(this.#state, upstream, now);
  }

  #accept(event: EventOf<"accept">, now: number): void {
    const { upstream: id, lease, bodies, cancelled = [] } = event;
    const state = this.#state;
    const upstream = state.upstreams.get(id);
    if (upstream === undefined || upstream.batches.has(lease)) return;
    const hops = Math.min(event.head.hops, state.config.hopLimit);
    const head = { ...event.head, hops };
    if (event.adopts === undefined) state.accept(upstream, lease, head, bodies);
    else adopted(state, upstream, { ...event, head }, now);
    if (cancelled.length > 0) cancel(state, { type: "cancel", upstream: id, lease, ranges: cancelled });
    // A node without slots that may not forward would keep the tasks for ever.
    if (hops > 0 || state.config.slots > 0 || state.config.routesOnly === true) return;
    refuseStuck(state, id, state.config.node);
  }

  #childJoined({ child, node, attachment }: EventOf<"childJoined">): void {
    const none = { slots: [], busyElsewhere: 0, window: 0, bytes: 0 };
    this.#state.receivers.set(child, new Receiver(child, attachment ? "attachment" : "child", node, none));
  }

  #credit({ type: _, child, ...credit }: EventOf<"credit">): void {
    const receiver = this.#state.receivers.get(child);
    if (receiver === undefined) return;
    const retired = receiver.retires;
    const same = receiver.credit.slots.join() === credit.slots.join();
    receiver.credit = credit;
    if (!same || receiver.retires !== retired) this.#state.capacityChanged();
  }

  /** Results settle the tasks that the lease still owns and are handed up in runs; anything else came too late. */
  #results(event: EventOf<"results">, now: number): void {
    const state = this.#state;
    const lease = state.leaseOf(event.receiver, event.lease);
    if (lease === undefined) return;
    const { bodies, node, hops, attempt } = event;
    const { batch } = lease;
    const first = lease.from + event.from;
    const end = Math.min(first + countOf(bodies), lease.to);
    this.#measure(batch.head.code, event);
    if (lease.open === lease.to - lease.from && event.receiver !== POOL) {
      this.#state.receivers.get(event.receiver)?.tookInTransit(now - lease.since - (bodies.times?.[0] ?? 0));
    }
    let from = first;
    while (from < end) {
      if (batch.owner[from] !== lease.id) {
        from++;
        continue;
      }
      if (batch.unwanted.has(from)) {
        state.release(lease, from);
        state.settle(batch, from++);
        continue;
      }
      let to = from;
      while (to < end && batch.owner[to] === lease.id && !batch.unwanted.has(to)) state.release(lease, to++);
      state.report(batch, from, sliceBodies(bodies, from - first, to - first), { node, hops, attempt });
      from = to;
    }
  }

  #measure(code: string, { bodies }: EventOf<"results">): void {
    if (bodies.times === undefined) return;
    let sum = 0;
    let ran = 0;
    for (let i = 0; i < bodies.times.length; i++) {
      if ((bodies.kinds[i] as number) & Outcome.Cancelled) continue;
      sum += bodies.times[i] as number;
      ran++;
    }
    if (ran > 0) this.#state.estimates.record(code, sum, bodies.bytes.length, ran);
  }

  #started({ receiver, lease: id, ranges }: EventOf<"started">): void {
    const lease = this.#state.leaseOf(receiver, id);
    if (lease === undefined) return;
    const { batch } = lease;
    const told: number[] = [];
    eachIndex(ranges, lease.to - lease.from, (offset) => {
      const index = lease.from + offset;
      // That it was suspended, or spoke, has already told that it began.
      if (batch.owner[index] !== lease.id || lease.started.has(index)) return;
      lease.started.add(index);
      appendIndex(told, index);
    });
    this.#state.reportRanges("reportStarted", batch, told);
  }

  /** Further down, tasks that had begun lost their node. */
  #waiting({ receiver, lease: id, ranges }: EventOf<"waiting">): void {
    const state = this.#state;
    const lease = state.leaseOf(receiver, id);
    if (lease === undefined) return;
    const { batch } = lease;
    const told: number[] = [];
    eachIndex(ranges, lease.to - lease.from, (offset) => {
      const index = lease.from + offset;
      state.resume(lease, index);
      if (lease.started.delete(index)) appendIndex(told, index);
    });
    state.reportRanges("reportWaiting", batch, told);
  }

  #returned({ receiver, lease: id, ranges, history }: EventOf<"returned">): void {
    const state = this.#state;
    const lease = state.leaseOf(receiver, id);
    if (lease === undefined) return;
    const back: number[] = [];
    const begun = new Set(lease.started);
    eachIndex(ranges, lease.to - lease.from, (offset) => {
      const index = lease.from + offset;
      if (lease.batch.owner[index] !== lease.id) return;
      state.release(lease, index);
      // Attempts that were used up below are not had again by going elsewhere.
      if (history !== undefined) lease.batch.setHistory(index, history);
      back.push(index);
    });
    const from = state.receivers.get(receiver);
    if (from !== undefined && back.length > 0) noteReturn(from);
    requeue(state, lease.batch, back, begun);
  }
}
