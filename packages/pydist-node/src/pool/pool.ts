import {
  type BatchHeader,
  type Bodies,
  countOf,
  type DownNote,
  emptyBodies,
  encodeFailure,
  Outcome,
  packBodies,
  type Ranges,
  repeatBody,
  type Stop,
  type UpNote,
  unpackBodies,
} from "@pydist/protocol";
import { countIn, eachIndex } from "@pydist/scheduler";
import { Lru } from "@pydist/shipping/runtime";
import { messageOf } from "../logger.js";
import { examine, ranFor, standingOf } from "./autopsy.js";
import { noThread, type Site } from "./faults.js";
import { MemoryWatch } from "./memory-watch.js";
import { type Done, Mark, type Output, outputOf, type Post, type Results, type Stray, type Texts } from "./messages.js";
import { type RequestOptions, request } from "./request.js";
import { Restarts } from "./restarts.js";
import { Run } from "./run.js";
import { Sleeping } from "./sleeping.js";
import { Stopper } from "./stopper.js";
import { Thread, type ThreadOptions } from "./thread.js";
import { Threads } from "./threads.js";
import { dumpOf, type Place, placeOf } from "./view.js";

/** How often, in milliseconds, a pool looks which tasks have begun meanwhile. */
const LOOK_INTERVAL = 50;
/** From this run time on, in milliseconds, it is worth telling at once that a task begins. */
const LONG = 20;
/** Most codes of which anything is remembered. */
const MOST_CODES = 1000;
/** A thread that ended so often in a row before it did anything will not do better next time. */
const MOST_FAILURES = 3;

/** What a pool tells its engine. All indices count from the first task of the run. */
export interface PoolListener {
  results(lease: number, from: number, bodies: Bodies): void;
  started(lease: number, ranges: Ranges): void;
  returned(lease: number, ranges: Ranges): void;
  /** A task waits for tasks of its own and has given its slot back. */
  suspended(lease: number, index: number): void;
  /** It could go on, and wants a slot. */
  ready(lease: number, index: number): void;
  said(lease: number, index: number, call: string, note: UpNote, bodies: Bodies | undefined): void;
  stray(stray: Stray): void;
  output(output: Output): void;
  /** So many of a run's tasks failed with their thread, and so many run again. */
  threadDied(news: { task: string; failed: number; again: number; cause: string }): void;
}

export interface PoolOptions extends RequestOptions, Site, ThreadOptions {
  readonly workers: number;
  readonly tasksPerWorker: number;
}

/** The worker threads of a node: one run per lease, at most as many with a slot as there are slots. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #listener: PoolListener;
  readonly #threads: Threads;
  readonly #runs = new Map<number, Run>();
  readonly #stopper = new Stopper();
  readonly #sleeping = new Sleeping();
  /** Codes of tasks that waited for their own when a neighbour ended their thread. */
  readonly #disturbed = new Lru<string, true>(MOST_CODES);
  readonly #restarts = new Restarts();
  /** Milliseconds that the last call of a code took. */
  readonly #paces = new Map<string, number>();
  readonly #look: NodeJS.Timeout;
  readonly #memory: MemoryWatch | undefined;

  constructor(options: PoolOptions, listener: PoolListener) {
    this.#options = options;
    this.#listener = listener;
    this.#threads = new Threads(options.workers, () => {
      return new Thread(
        (post) => this.#receive(post),
        (error) => listener.stray(nobodys(String(error))),
        options,
      );
    });
    const { node, workerMemory: limit } = options;
    if (limit !== undefined) this.#memory = new MemoryWatch({ node, limit, threads: this.#threads, runs: this.#runs });
    this.#look = setInterval(() => this.#reportStarted(), LOOK_INTERVAL).unref();
  }

  /**
   * Starts a run; its results come to the listener. `texts` is what its header names by hash. While that is
   * on its way the tasks can be cancelled and taken back; if they do not come, those that are left fail with the reason.
   */
  start(lease: number, head: BatchHeader, bodies: Bodies, texts: Texts | Promise<Texts>): void {
    const run = new Run(lease, head, bodies);
    this.#runs.set(lease, run);
    if (!(texts instanceof Promise)) return this.#begin(run, bodies, texts);
    void texts.then(
      (arrived) => this.#runs.has(lease) && this.#begin(run, bodies, arrived),
      (error) => this.#failWaiting(run, error),
    );
  }

  #begin(run: Run, bodies: Bodies, texts: Texts): void {
    // All was taken back or cancelled, and told to be, while the code was on its way.
    if (!run.waiting) return void this.#runs.delete(run.lease);
    this.#announce(run);
    const thread = this.#threads.pick();
    run.thread = thread;
    thread.active.add(run.lease);
    this.#stopper.watch(run);
    void this.#carryOut(run, thread, bodies, texts);
  }

  /** None of the tasks can begin. */
  #failWaiting(run: Run, error: unknown): void {
    if (!this.#runs.delete(run.lease)) return; // The pool was destroyed.
    const failed = run.takeBack();
    const failure = encodeFailure(error);
    for (let r = 0; r < failed.length; r += 2) {
      const [from, to] = [failed[r] as number, failed[r + 1] as number];
      this.#listener.results(run.lease, from, repeatBody(failure, to - from, Outcome.Failed));
    }
  }

  /**
   * The first task has as good as begun: told at once where it may take long, so that the loss of the node counts as
   * one of its attempts. Short tasks are over before anybody could make use of it.
   */
  #announce(run: Run): void {
    if (run.shared.marks[0] !== Mark.Waiting || (this.#paces.get(run.head.code) ?? LONG) < LONG) return;
    run.reported(1);
    this.#listener.started(run.lease, [0, 1]);
  }

  async #carryOut(run: Run, thread: Thread, bodies: Bodies, texts: Texts): Promise<void> {
    let reply: Done;
    try {
      reply = await request({ run, thread, bodies, texts }, this.#options);
      if (reply.said > run.said) await run.heard(reply.said);
    } catch (error) {
      return this.#threadDied(run, thread, error);
    }
    thread.failures = 0;
    // Before the run leaves it: a worn thread that nothing is on would be kept for others.
    if (reply.thread === "worn" && this.#runs.has(run.lease)) this.#threads.replace(thread);
    // Whatever was cancelled or taken back was told when it happened, so the run is over.
    if (!this.#leave(run, thread)) return;
    if (reply.last !== undefined) this.#deliver(run, reply.last);
    // Only a worn thread leaves something of a run.
    const rest = reply.thread === "worn" ? run.takeBack() : [];
    if (rest.length > 0) this.#listener.returned(run.lease, rest);
  }

  /** The run is over. @returns false if the pool was destroyed meanwhile */
  #leave(run: Run, thread: Thread): boolean {
    this.#stopper.forget(run);
    thread.active.delete(run.lease);
    thread.suspended.delete(run.lease);
    this.#threads.left(thread);
    return this.#runs.delete(run.lease);
  }

  /** The port is the thread's own: a task may post there whatever it likes, which must harm nobody. */
  #receive(post: Post | null): void {
    let carryOut: () => void;
    try {
      carryOut = this.#understand(post);
    } catch (error) {
      const message = `A task posted a message to its node, which was passed over: ${error}`;
      carryOut = () => this.#listener.stray(nobodys(message));
    }
    carryOut();
  }

  /** @throws if it is nothing that a worker says */
  #understand(post: Post | null): () => void {
    switch (post?.kind) {
      case "results": {
        // It comes through another port than the reply, so its run may be over.
        const { lease, from, bodies } = post;
        const unpacked = bodies instanceof Uint8Array ? unpackBodies(bodies) : bodies;
        return () => this.#deliver(this.#runs.get(lease), { lease, from, bodies: unpacked });
      }
      case "stray": {
        const { task, executor, message } = post;
        const stray = { task: String(task), executor: executor && String(executor), message: String(message) };
        return () => this.#listener.stray(stray);
      }
      case "output": {
        const output = outputOf(post);
        return () => {
          this.#listener.output(output);
          this.#runs.get(post.lease)?.heardOne();
        };
      }
      case "suspended":
        return () => this.#suspend(this.#runs.get(post.lease), post.index, post.seen);
      case "said": {
        const { lease, index, call, note, bodies } = post;
        const unpacked = bodies === undefined ? undefined : unpackBodies(bodies);
        return () => {
          const run = this.#runs.get(lease);
          if (run === undefined) return;
          // First: what it says may be answered at once.
          run.hear(index, call);
          this.#listener.said(lease, index, call, note, unpacked);
        };
      }
      default:
        throw new TypeError("results are returned, not posted");
    }
  }

  #deliver(run: Run | undefined, { lease, from, bodies: arrived }: Results): void {
    const bodies = arrived instanceof Uint8Array ? unpackBodies(arrived) : arrived;
    if (run !== undefined) {
      const to = from + countOf(bodies);
      run.told.fill(1, from, to);
      this.#stopper.settled(run, from, to);
      if (run.thread !== undefined) this.#sleeping.settled(run, run.thread, from, to);
      this.#paces.set(run.head.code, bodies.times?.[0] ?? 0);
      if (this.#paces.size > MOST_CODES) this.#paces.delete(this.#paces.keys().next().value as string);
    }
    this.#listener.results(lease, from, bodies);
  }

  /**
   * The thread is gone. Only who is to blame fails, by name; results that were not out yet, tasks that had not begun, and
   * neighbours run again, and nobody counts that against them (design decision 11).
   */
  #threadDied(run: Run, thread: Thread, error: unknown): void {
    if (!this.#runs.has(run.lease)) return; // The pool was destroyed.
    const standing = standingOf(run, thread, this.#runs);
    this.#leave(run, thread);
    const left = [...thread.active, ...thread.suspended];
    thread.forget(
      left.every((lease) => this.#runs.get(lease)?.fetching === true) ? "all heard" : "some have not heard",
    );
    const { begun, failures, again } = examine(run, standing, error, this.#options);
    if (begun > 0) thread.failures = 0;
    else if (standing === "suspect" && again.length > 0 && ++thread.failures >= MOST_FAILURES) {
      const failure = noThread(this.#options.node, error);
      eachIndex(again.splice(0), run.told.length, (index) => failures.push([index, failure]));
    }
    failures.push(...this.#restarts.tooMany(run, again, this.#options.node));
    for (const [index, failure] of failures) {
      this.#listener.results(run.lease, index, repeatBody(encodeFailure(failure), 1, Outcome.Failed, ranFor(run)));
    }
    const { name: task } = run.head;
    this.#listener.threadDied({ task, failed: failures.length, again: countIn(again), cause: messageOf(error) });
    if (standing === "innocent" && begun > 0) this.#disturbed.set(run.head.code, true);
    if (again.length > 0) this.#listener.returned(run.lease, again);
  }

  /** Tasks that have not begun never will, and are told at once; with `stop`, the one that runs is stopped. */
  cancel(lease: number, ranges: Ranges, stop: Stop | undefined): void {
    const run = this.#runs.get(lease);
    if (run === undefined) return;
    const caught = run.cancel(ranges);
    for (let r = 0; r < caught.length; r += 2) {
      const [from, to] = [caught[r] as number, caught[r + 1] as number];
      this.#listener.results(lease, from, emptyBodies(to - from, Outcome.Cancelled));
    }
    if (stop === undefined) return;
    const { running } = run.shared;
    if (running === undefined) return this.#stopper.stopLoading(run, stop.grace);
    eachIndex(ranges, run.told.length, (index) => {
      if (index !== running) return;
      this.#stopper.stop(run, index, stop);
      // It may end within its grace only if it hears what it waits for, whoever has the slots.
      if (run.thread !== undefined && run.state !== "running") this.#sleeping.wake(run, run.thread);
    });
  }

  /** Takes back up to `max` tasks that have not begun, from the ends of the runs that hold most. */
  recall(max: number): void {
    const waiting = [...this.#runs.values()]
      .map((run) => ({ run, left: run.countWaiting() }))
      .sort((a, b) => b.left - a.left);
    let wanted = max;
    for (const { run, left } of waiting) {
      if (wanted <= 0 || left === 0) return;
      const back = run.takeBack(wanted);
      for (let r = 0; r < back.length; r += 2) wanted -= (back[r + 1] as number) - (back[r] as number);
      if (back.length > 0) this.#listener.returned(run.lease, back);
    }
  }

  #suspend(run: Run | undefined, index: number, seen: number): void {
    if (run?.thread === undefined || !this.#sleeping.suspend(run, run.thread, index, seen)) return;
    this.#threads.setAside(run.thread, this.#disturbed.get(run.head.code) === true ? "kept" : "wanted");
    // Those behind it in its run have no reason to wait with it.
    const rest = run.takeBack();
    if (rest.length > 0) this.#listener.returned(run.lease, rest);
    this.#listener.suspended(run.lease, index);
  }

  /** A note for a running task. If the task has given its slot back, it gets the note with the next slot. */
  tell(lease: number, index: number, call: string, note: DownNote, bodies: Bodies | undefined): void {
    const run = this.#runs.get(lease);
    // What is for an execution that was lost must not be taken for this one's.
    if (run?.thread === undefined || run.told[index] !== 0 || run.speaker?.call !== call) return;
    const packed = { call, note, bodies: bodies === undefined ? undefined : packBodies(bodies) };
    if (this.#sleeping.tell(run, run.thread, packed)) this.#listener.ready(lease, index);
  }

  /** The task has a slot again. */
  resume(lease: number): void {
    const run = this.#runs.get(lease);
    if (run?.thread !== undefined && run.state === "ready") this.#sleeping.wake(run, run.thread);
  }

  #reportStarted(): void {
    for (const run of this.#runs.values()) {
      const begun = run.begun();
      if (begun.length > 0) this.#listener.started(run.lease, begun);
    }
  }

  /** Where a task is that was given to this pool. */
  find(lease: number, index: number): Place {
    return placeOf(this.#runs.get(lease), index);
  }

  dump() {
    return dumpOf(this.#threads, this.#runs);
  }

  /** Stops all threads now; nothing is told any more. */
  async destroy(): Promise<void> {
    clearInterval(this.#look);
    this.#memory?.close();
    for (const run of this.#runs.values()) this.#stopper.forget(run);
    this.#runs.clear();
    await this.#threads.destroy();
  }
}

function nobodys(message: string): Stray {
  return { task: "", executor: undefined, message };
}
