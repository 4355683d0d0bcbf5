import {
  type BatchHeader,
  type Bodies,
  byteLengthOf,
  type Credit,
  countOf,
  type NestedHeader,
  type Ranges,
  type ResultInfo,
  type Stop,
  sliceBodies,
  type UpNote,
} from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { Calls } from "./calls.js";
import { cancelledError, termination } from "./cancelled.js";
import { hear } from "./channel.js";
import { type Content, contentsOf } from "./contents.js";
import { anyError, brokenBy, copiesOf, type KnownErrors } from "./decoding.js";
import { Dependents } from "./dependents.js";
import { type DispatcherOptions, UNTOLD_HOPS } from "./dispatcher-options.js";
import type { Future } from "./future.js";
import { type HeaderDefaults, headOf, nameOf } from "./header.js";
import { KeepAlive } from "./keep-alive.js";
import type { Hold, MapFeed, MapHost } from "./map-run.js";
import { Offspring } from "./offspring.js";
import type { SubmitOptions } from "./options.js";
import type { Port, Submitter } from "./port.js";
import { AgainSink, judge, oneLess, type Retry, retryOf } from "./retries.js";
import { Sent } from "./sent.js";
import { abandonWith, tellEnded, tellSettled } from "./settled.js";
import { type Ending, type Route, type SentTask, type Sink, stopWith } from "./sink.js";

/** A map is fed until this many tasks for each slot wait here: enough that even the shortest make full chunks. */
const WAITING_PER_SLOT = 4096;
/** ... or until this many bytes of arguments are under way. */
const BYTES_UNDER_WAY = 64 * 1024 * 1024;

/** Sends batches, and leads results to whoever waits for them. Of where they go it knows nothing but the port. */
export class Dispatcher implements Submitter {
  readonly #port: Port;
  readonly #options: DispatcherOptions;
  readonly #defaults: HeaderDefaults;
  /** Batches that left and are not settled yet, by their lease. */
  readonly #sent = new Map<number, Sent>();
  readonly #calls: Calls;
  readonly #offspring: Offspring;
  readonly #dependents: Dependents;
  readonly #maps = new Set<MapFeed>();
  readonly #keepAlive = new KeepAlive();
  /** What fails runs again where its options say so, until nothing new is to begin. */
  #failures: "may run again" | "are final" = "may run again";
  #lastLease = 0;
  #openBytes = 0;
  #slots = 0;
  readonly #idle: (() => void)[] = [];

  constructor(port: Port, options: DispatcherOptions) {
    this.#port = port;
    this.#options = options;
    const { hopLimit, attempts, abortGrace, statistics } = options;
    this.#defaults = { hopLimit, attempts, abortGrace, depth: port.depth };
    const neverMade = (name: string, outcome: "failed" | "cancelled"): void => {
      statistics.neverRan(1);
      options.onSettled()?.({ name, node: port.executor, outcome, duration: 0 });
    };
    this.#dependents = new Dependents({
      came: () => this.#keepAlive.add(1),
      made: () => this.#keepAlive.remove(1),
      neverMade: (name, outcome) => {
        this.#keepAlive.remove(1);
        neverMade(name, outcome);
        this.#checkIdle();
      },
    });
    this.#calls = new Calls({
      came: () => this.#keepAlive.add(1),
      send: ({ code, options: given, sink }, bodies, cancelled) =>
        this.#send(sink, bodies, headOf(code, given, this.#defaults), contentsOf(code), retryOf(given), cancelled),
      hold: (name, held, waiter) => this.#dependents.add(name, held, waiter),
      stillborn: (name) => neverMade(name, "cancelled"),
    });
    this.#offspring = new Offspring({
      executor: port.executor,
      forward: (...batch) => this.forward(...batch),
      tell: (...note) => port.tell(...note),
    });
    port.attach(this);
  }

  get keepAlive(): KeepAlive {
    return this.#keepAlive;
  }

  /** What a stopped task waits for is stopped first, so that it can end within its grace. */
  readonly #way = {
    cancel: (lease: number, ranges: Ranges, stop?: Stop): void => {
      if (stop !== undefined) this.#offspring.stopped(lease, ranges);
      this.#port.cancel(lease, ranges, stop);
    },
  };

  /** Joins the call to the other calls of this tick. @throws SerializationError; ShippingError as of what binds code */
  submit(code: ShippedCode, args: readonly unknown[], options: SubmitOptions | undefined): Future<unknown> {
    return this.#calls.submit(this.#options.bind?.(code) ?? code, args, options);
  }

  /**
   * Sends a batch that somebody else made: a running task's, whose executor this is.
   * @returns the way to its tasks, which the sink is given before, too
   */
  forward(head: NestedHeader, contents: readonly Content[], bodies: Bodies, sink: Sink): Route {
    this.#keepAlive.add(sink.count);
    const hops = head.hops === UNTOLD_HOPS ? this.#defaults.hopLimit : head.hops;
    return this.#send(sink, bodies, { ...head, hops }, contents, undefined);
  }

  /** What a map needs to send its batches. */
  mapHost(unbound: ShippedCode, options: SubmitOptions): MapHost {
    const code = this.#options.bind?.(unbound) ?? unbound;
    const dispatcher = this;
    const name = nameOf(code, options);
    const contents = contentsOf(code);
    return {
      code,
      send(sink, bodies) {
        dispatcher.#keepAlive.add(sink.count);
        dispatcher.#send(sink, bodies, headOf(code, options, dispatcher.#defaults), contents, retryOf(options));
      },
      hold: (held, waiter) => dispatcher.#dependents.add(name, held, waiter),
      get wantsMore() {
        const most = WAITING_PER_SLOT * Math.max(1, dispatcher.#slots);
        return dispatcher.#openBytes < BYTES_UNDER_WAY && dispatcher.#port.queued < most;
      },
      get slots() {
        return dispatcher.#slots;
      },
      mapRests: (hold) => (hold === "holds" ? dispatcher.#keepAlive.add(1) : dispatcher.#keepAlive.remove(1)),
      mapOver: (map, hold) => dispatcher.#mapOver(map, hold),
    };
  }

  /** A map begins; it holds the process until it is over, unless it waits only for its reader. */
  addMap(map: MapFeed): void {
    this.#maps.add(map);
    this.#keepAlive.add(1);
    map.begin();
  }

  #mapOver(map: MapFeed, hold: Hold): void {
    this.#maps.delete(map);
    if (hold === "holds") this.#keepAlive.remove(1);
    this.#checkIdle();
  }

  #send(
    sink: Sink,
    bodies: Bodies,
    head: NestedHeader,
    contents: readonly Content[],
    retry: Retry | undefined,
    cancelled: Ranges = [],
  ): Sent {
    const lease = ++this.#lastLease;
    const { initializer } = this.#options;
    const whole: BatchHeader = {
      ...head,
      executor: this.#port.executor,
      batch: lease,
      first: 0,
      travelled: 0,
      ...(initializer === undefined ? {} : { initializer: initializer.hash }),
    };
    const sent = new Sent(this.#way, { lease, head: whole, bodies, contents, sink, retry });
    this.#sent.set(lease, sent);
    this.#openBytes += bodies.bytes.length;
    for (const content of contents) this.#port.keep(content);
    if (initializer !== undefined) this.#port.keep(initializer);
    sink.sent(sent);
    this.#port.submit(lease, whole, bodies, cancelled);
    return sent;
  }

  report(lease: number, from: number, bodies: Bodies, info: ResultInfo): void {
    const sent = this.#sent.get(lease);
    if (sent === undefined) return;
    this.#offspring.ended(lease, from, bodies);
    const { retry } = sent;
    if (retry === undefined || this.#failures === "are final" || !anyError(bodies)) {
      this.#settle(sent, from, bodies, info);
    } else this.#settleOrRunAgain(sent, retry, from, bodies, info);
    if (this.#options.onBroken !== undefined) {
      const broken = brokenBy(bodies, info.node);
      if (broken !== undefined) this.#options.onBroken(broken.error);
    }
    this.#feedMaps();
    this.#checkIdle();
  }

  #settle(sent: Sent, from: number, bodies: Bodies, info: ResultInfo, errors?: KnownErrors): void {
    const count = countOf(bodies);
    this.#options.statistics.record(bodies, info, byteLengthOf(sent.bodies, from, from + count));
    this.#close(sent, count);
    sent.sink.report(from, bodies, info, errors);
    this.#keepAlive.remove(count);
    tellSettled(this.#options.onSettled(), sent, from, bodies, info);
  }

  #settleOrRunAgain(sent: Sent, retry: Retry, from: number, bodies: Bodies, info: ResultInfo): void {
    const { again, errors } = judge(sent, retry, from, bodies, info.node);
    const count = countOf(bodies);
    let start = 0;
    for (const i of [...again, count]) {
      // What users' functions were called for each of these may have ended everything.
      if (this.#sent.get(sent.lease) !== sent) return;
      if (i > start) this.#settle(sent, from + start, sliceBodies(bodies, start, i), info, errors);
      if (i < count && this.#sent.get(sent.lease) === sent) this.#runAgain(sent, retry, from + i, info);
      start = i + 1;
    }
  }

  /** The task leaves once more, as a batch of its own. */
  #runAgain(sent: Sent, retry: Retry, index: number, info: ResultInfo): void {
    const { head, bodies, contents } = sent;
    sent.sink.waiting([index, index + 1]);
    // A lost node is another matter: what was left of its attempts is still left.
    const next = { ...head, attempt: info.attempt + 1, attempts: Math.min(head.attempts + 1, Number.MAX_SAFE_INTEGER) };
    // One that has run again before is still for the same one: sinks within sinks would use up the stack.
    const again = sent.sink instanceof AgainSink ? sent.sink : new AgainSink(sent, index);
    this.#send(again, sliceBodies(bodies, index, index + 1), next, contents, oneLess(retry));
    this.#close(sent, 1);
  }

  #close(sent: Sent, count: number): void {
    sent.open -= count;
    if (sent.open > 0) return;
    this.#sent.delete(sent.lease);
    this.#openBytes -= sent.bodies.bytes.length;
    for (const { hash } of sent.contents) this.#port.letGo(hash);
    if (sent.head.initializer !== undefined) this.#port.letGo(sent.head.initializer);
  }

  started(lease: number, ranges: Ranges): void {
    this.#sent.get(lease)?.sink.started(ranges);
  }

  waiting(lease: number, ranges: Ranges): void {
    this.#offspring.stopped(lease, ranges);
    this.#sent.get(lease)?.sink.waiting(ranges);
  }

  granted(credit: Credit): void {
    this.#slots = credit.slots.reduce((sum, slots) => sum + slots, 0);
    this.#feedMaps();
  }

  said(lease: number, index: number, call: string, note: UpNote, bodies: Bodies | undefined): void {
    const sent = this.#sent.get(lease);
    if (sent === undefined) return;
    if (note.kind === "log" || note.kind === "progress") this.#options.onNote(sent.head.name, note);
    else if (note.kind === "message" || note.kind === "taken") {
      hear(sent.sink, index, note, bodies, { call, tell: (...reply) => this.#port.tell(lease, index, call, ...reply) });
    } else this.#offspring.said(lease, index, call, note, bodies);
  }

  #feedMaps(): void {
    for (const map of this.#maps) map.feed();
  }

  /** Cancels everything that has not begun. */
  cancelAll(): void {
    this.#failures = "are final";
    this.#calls.leaveAll();
    for (const map of [...this.#maps]) map.cancel();
    this.#dependents.end(() => cancelledError());
    for (const sent of [...this.#sent.values()]) sent.sink.cancel();
  }

  /** Nobody waits any more: everything that is open fails with copies of this error. What is in the tree goes on. */
  abandonAll(error: unknown): void {
    const copy = copiesOf(error);
    this.#endAll(() => copy(), undefined);
  }

  /** As `abandonAll`; what is in the tree is cancelled, and stopped where it runs. */
  breakAll(error: unknown): void {
    const copy = copiesOf(error);
    this.#endAll(() => copy(), stopWith(error, this.#defaults.abortGrace));
  }

  /** Ends everything now, without any grace. */
  terminate(): void {
    const { ending, stop } = termination();
    this.#endAll(ending, stop);
  }

  #endAll(ending: Ending, stop: Stop | undefined): void {
    this.#failures = "are final";
    this.#calls.leaveAll();
    // Maps first: one that is still feeding would answer each settled batch with the next.
    for (const map of [...this.#maps]) map.abandon(ending);
    this.#dependents.end(ending);
    for (const sent of [...this.#sent.values()]) {
      const { open } = sent;
      // Done callbacks may have ended it meanwhile.
      if (open === 0) continue;
      this.#close(sent, open);
      this.#options.statistics.neverRan(open);
      this.#keepAlive.remove(open);
      if (stop !== undefined) sent.cancelAt([0, countOf(sent.bodies)], stop);
      const outcomes = abandonWith(sent.sink, ending);
      tellEnded(this.#options.onSettled(), sent.head.name, this.#port.executor, open, outcomes);
    }
    this.#checkIdle();
  }

  /** Resolves when everything that was submitted is settled. */
  idle(): Promise<void> {
    this.#calls.leaveAll();
    for (const map of [...this.#maps]) map.lastCall();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  /** Sends what has not left. @returns whether something is not settled */
  leave(): "idle" | "busy" {
    this.#calls.leaveAll();
    return this.#isIdle ? "idle" : "busy";
  }

  /** Whether a task is one of those that left here. */
  sentOut({ lease, route }: SentTask): boolean {
    return this.#sent.get(lease) === route;
  }

  get #isIdle(): boolean {
    return this.#sent.size + this.#maps.size + this.#calls.gathering + this.#dependents.size === 0;
  }

  #checkIdle(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
