import {
  type BatchHeader,
  type Bodies,
  byteLengthOf,
  type Credit,
  countOf,
  type NestedHeader,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
  type Stop,
  type UpNote,
} from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import type { Future } from "./future.js";
import { KeepAlive } from "./keep-alive.js";
import type { MapFeed, MapHost } from "./map-run.js";
import { Offspring } from "./offspring.js";
import { LONGEST_NAME, type SubmitOptions } from "./options.js";
import type { Port, Submitter } from "./port.js";
import type { Statistics } from "./statistics.js";
import { FutureSink, type Sink } from "./submissions.js";

/** Calls of one tick that share code and options travel together, up to this many and about this many bytes. */
const BATCH = 4096;
const BATCH_BYTES = 1024 * 1024;
/** A map is fed until this many tasks for each slot wait here: enough that even the shortest make full chunks. */
const WAITING_PER_SLOT = 4096;
/** ... or until this many bytes of arguments are under way. */
const BYTES_UNDER_WAY = 64 * 1024 * 1024;

/** What a settled task is told by, when somebody listens. */
export interface TaskSettled {
  readonly name: string;
  readonly node: string;
  readonly outcome: "finished" | "failed" | "cancelled";
  /** Milliseconds. */
  readonly duration: number;
}

export interface DispatcherOptions {
  /** Milliseconds between asking a task to stop and ending its thread. */
  readonly abortGrace: number;
  readonly hopLimit: number;
  readonly attempts: number;
  readonly statistics: Statistics;
  /** A running task of this name logs something, or tells how far it is. */
  readonly onNote: (task: string, note: Extract<UpNote, { readonly kind: "log" | "progress" }>) => void;
  /** Undefined while nobody listens. */
  readonly onSettled: () => ((task: TaskSettled) => void) | undefined;
}

/** A batch that left and is not settled yet. */
interface Entry {
  readonly sink: Sink;
  readonly bodies: Bodies;
  readonly head: BatchHeader;
  open: number;
}

/** A batch that is still being gathered. */
interface Gathering {
  readonly sink: FutureSink;
  readonly code: ShippedCode;
  readonly options: SubmitOptions | undefined;
}

/** Makes batches, and leads results to whoever waits for them. */
export class Dispatcher implements Submitter {
  readonly #port: Port;
  readonly #options: DispatcherOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #gathering = new Map<string, Gathering>();
  readonly #maps = new Set<MapFeed>();
  readonly #keepAlive = new KeepAlive();
  readonly #offspring: Offspring;
  #lastGathering: Gathering | undefined;
  #lastBatch = 0;
  #openBytes = 0;
  #slots = 0;
  #idle: (() => void)[] = [];

  constructor(port: Port, options: DispatcherOptions) {
    this.#port = port;
    this.#options = options;
    this.#offspring = new Offspring({
      forward: (...batch) => this.forward(...batch),
      tell: (...note) => port.tell(...note),
    });
    port.attach(this);
  }

  get keepAlive(): KeepAlive {
    return this.#keepAlive;
  }

  /** Joins the call to the other calls of this tick. @throws SerializationError */
  submit(code: ShippedCode, args: readonly unknown[], options: SubmitOptions | undefined): Future<unknown> {
    const gathering = this.#gather(code, options);
    const future = gathering.sink.add(args);
    this.#keepAlive.add(1);
    if (gathering.sink.count >= BATCH || gathering.sink.byteLength >= BATCH_BYTES) this.#leave(gathering);
    return future;
  }

  #gather(code: ShippedCode, options: SubmitOptions | undefined): Gathering {
    const last = this.#lastGathering;
    if (last !== undefined && last.code === code && sameOptions(last.options, options)) return last;
    const key = `${code.hash} ${JSON.stringify(options ?? {})}`;
    let gathering = this.#gathering.get(key);
    if (gathering === undefined) {
      if (this.#gathering.size === 0) queueMicrotask(() => this.#leaveAll());
      gathering = { sink: new FutureSink(), code, options: options && { ...options } };
      this.#gathering.set(key, gathering);
    }
    this.#lastGathering = gathering;
    return gathering;
  }

  #leaveAll(): void {
    const gathered = [...this.#gathering.values()];
    this.#gathering.clear();
    this.#lastGathering = undefined;
    for (const gathering of gathered) this.#leave(gathering);
  }

  #leave(gathering: Gathering): void {
    for (const [key, each] of this.#gathering) if (each === gathering) this.#gathering.delete(key);
    if (this.#lastGathering === gathering) this.#lastGathering = undefined;
    const { sink, code, options } = gathering;
    if (sink.count === 0) return;
    const lease = ++this.#lastBatch;
    const bodies = sink.seal((ranges) => this.#port.cancel(lease, ranges));
    this.#enter(lease, sink, bodies, code, options, sink.takeCancelled());
  }

  /** What a map needs to send its batches. */
  mapHost(code: ShippedCode, options: SubmitOptions): MapHost {
    const dispatcher = this;
    return {
      send(sink, bodies) {
        const lease = ++dispatcher.#lastBatch;
        dispatcher.#keepAlive.add(sink.count);
        dispatcher.#enter(lease, sink, bodies, code, options);
        return { cancelAt: (ranges) => dispatcher.#port.cancel(lease, ranges) };
      },
      get wantsMore() {
        const most = WAITING_PER_SLOT * Math.max(1, dispatcher.#slots);
        return dispatcher.#openBytes < BYTES_UNDER_WAY && dispatcher.#port.queued < most;
      },
      get slots() {
        return dispatcher.#slots;
      },
      mapOver: (map) => dispatcher.#mapOver(map),
    };
  }

  /** A map begins; it holds the process until it is over. */
  addMap(map: MapFeed): void {
    this.#maps.add(map);
    this.#keepAlive.add(1);
    map.feed();
  }

  #mapOver(map: MapFeed): void {
    if (this.#maps.delete(map)) this.#keepAlive.remove(1);
    this.#checkIdle();
  }

  #enter(
    lease: number,
    sink: Sink,
    bodies: Bodies,
    code: ShippedCode,
    options: SubmitOptions | undefined,
    cancelled: Ranges = [],
  ): void {
    this.#port.addCode(code.hash, code.text);
    const head: BatchHeader = {
      code: code.hash,
      name: options?.name ?? code.name.slice(0, LONGEST_NAME),
      executor: this.#port.executor,
      batch: lease,
      first: 0,
      hops: options?.hopLimit ?? this.#options.hopLimit,
      travelled: 0,
      priority: options?.priority ?? 0,
      attempts: options?.attempts ?? this.#options.attempts,
      attempt: 1,
      depth: this.#port.depth,
      grace: this.#options.abortGrace,
    };
    this.#send(lease, sink, head, bodies, cancelled);
  }

  #send(lease: number, sink: Sink, head: BatchHeader, bodies: Bodies, cancelled: Ranges = []): void {
    this.#entries.set(lease, { sink, bodies, head, open: sink.count });
    this.#openBytes += bodies.bytes.length;
    this.#port.submit(lease, head, bodies, cancelled);
  }

  report(lease: number, from: number, bodies: Bodies, info: ResultInfo): void {
    const entry = this.#entries.get(lease);
    if (entry === undefined) return;
    const count = countOf(bodies);
    this.#options.statistics.record(bodies, info, byteLengthOf(entry.bodies, from, from + count));
    entry.open -= count;
    if (entry.open === 0) this.#forget(lease, entry);
    this.#offspring.ended(lease, from, bodies);
    entry.sink.report(from, bodies, info);
    this.#keepAlive.remove(count);
    this.#tellSettled(entry.head.name, bodies, info);
    this.#feedMaps();
    this.#checkIdle();
  }

  #tellSettled(name: string, bodies: Bodies, info: ResultInfo): void {
    const listener = this.#options.onSettled();
    if (listener === undefined) return;
    for (let i = 0; i < countOf(bodies); i++) {
      const flags = outcomeAt(bodies, i);
      const outcome = flags & Outcome.Cancelled ? "cancelled" : flags & Outcome.Failed ? "failed" : "finished";
      listener({ name, node: info.node, outcome, duration: bodies.times?.[i] ?? 0 });
    }
  }

  #forget(lease: number, entry: Entry): void {
    this.#entries.delete(lease);
    this.#openBytes -= entry.bodies.bytes.length;
  }

  started(lease: number, ranges: Ranges): void {
    this.#entries.get(lease)?.sink.started(ranges);
  }

  waiting(lease: number, ranges: Ranges): void {
    this.#offspring.stopped(lease, ranges);
    this.#entries.get(lease)?.sink.waiting(ranges);
  }

  granted(credit: Credit): void {
    this.#slots = credit.slots.reduce((sum, slots) => sum + slots, 0);
    this.#feedMaps();
  }

  /** Sends a batch whose bodies were encoded elsewhere. */
  forward(
    head: NestedHeader,
    text: string,
    bodies: Bodies,
    sink: Sink,
  ): { cancelAt(ranges: Ranges, stop?: Stop): void } {
    const lease = ++this.#lastBatch;
    this.#keepAlive.add(sink.count);
    this.#port.addCode(head.code, text);
    const { executor } = this.#port;
    const hops = Math.min(head.hops, head.hops === Number.MAX_SAFE_INTEGER ? this.#options.hopLimit : head.hops);
    this.#send(lease, sink, { ...head, hops, executor, batch: lease, first: 0, travelled: 0 }, bodies);
    return { cancelAt: (ranges, stop) => this.#cancel(lease, ranges, stop) };
  }

  #cancel(lease: number, ranges: Ranges, stop?: Stop): void {
    // First: what a stopped task waits for ends at once, so that it can end within its grace.
    if (stop !== undefined) this.#offspring.stopped(lease, ranges);
    this.#port.cancel(lease, ranges, stop);
  }

  said(lease: number, index: number, call: string, note: UpNote, bodies: Bodies | undefined): void {
    if (note.kind === "submit" && bodies !== undefined) this.#offspring.submit(lease, index, call, note, bodies);
    else if (note.kind === "cancel") {
      const { batch, ranges, grace } = note;
      const stop = grace === undefined || bodies === undefined ? undefined : { grace, reason: bodies };
      this.#offspring.cancel(lease, index, call, batch, ranges, stop);
    } else if (note.kind !== "submit") this.#options.onNote(this.#entries.get(lease)?.head.name ?? "", note);
  }

  #feedMaps(): void {
    for (const map of this.#maps) map.feed();
  }

  /** Cancels everything that has not begun. */
  cancelAll(): void {
    this.#leaveAll();
    for (const map of [...this.#maps]) map.cancel();
    for (const entry of [...this.#entries.values()]) entry.sink.cancel();
  }

  /** Nothing that is open will ever settle by itself: it fails with this error. */
  abandonAll(error: unknown): void {
    this.#leaveAll();
    // Maps first: one that is still feeding would answer each settled batch with the next.
    for (const map of [...this.#maps]) map.abandon(error);
    for (const [lease, entry] of [...this.#entries]) {
      this.#forget(lease, entry);
      this.#options.statistics.neverRan(entry.open);
      this.#keepAlive.remove(entry.open);
      entry.sink.abandon(error);
    }
    this.#checkIdle();
  }

  /** Resolves when everything that was submitted is settled. */
  idle(): Promise<void> {
    this.#leaveAll();
    for (const map of [...this.#maps]) map.lastCall();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    if (this.#entries.size > 0 || this.#maps.size > 0 || this.#gathering.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

/** Compared by value: the caller may change an options object between two calls. */
function sameOptions(a: SubmitOptions | undefined, b: SubmitOptions | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.priority === b.priority && a.hopLimit === b.hopLimit && a.attempts === b.attempts && a.name === b.name;
}
