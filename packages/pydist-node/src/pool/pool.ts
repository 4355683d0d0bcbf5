import { fileURLToPath } from "node:url";
import {
  type BatchHeader,
  type Bodies,
  countOf,
  emptyBodies,
  encodeFailure,
  Outcome,
  packBodies,
  type Ranges,
  repeatBody,
  unpackBodies,
  WorkerExitError,
  WorkerMemoryError,
} from "@pydist/protocol";
import { appendIndex, eachIndex } from "@pydist/scheduler";
import { Piscina } from "piscina";
import { type Flush, Mark, type Results, type RunReply, type RunRequest, type Stray } from "./messages.js";

/** How often, in milliseconds, a pool looks which tasks have begun meanwhile. */
const LOOK_INTERVAL = 50;
/** From this run time on, in milliseconds, it is worth telling at once that a task begins. */
const LONG = 20;
/** Most codes that a pool remembers anything of. */
const MOST_CODES = 1000;

/** What a pool tells its engine. All indices count from the first task of the run. */
export interface PoolListener {
  results(lease: number, from: number, bodies: Bodies): void;
  started(lease: number, ranges: Ranges): void;
  returned(lease: number, ranges: Ranges): void;
  stray(name: string, message: string): void;
}

export interface PoolOptions {
  /** Id of the node, for errors. */
  readonly node: string;
  readonly workers: number;
  readonly tasksPerWorker: number;
}

/** A batch, or part of one, that one worker goes through. */
interface Run {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly marks: Uint8Array<SharedArrayBuffer>;
  /** Tasks whose result, return or cancellation was told. */
  readonly told: Uint8Array;
  /** Tasks up to here were told to have begun. */
  reported: number;
}

/** The worker threads of a node: one piscina run per lease, at most as many at once as there are slots. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #listener: PoolListener;
  readonly #piscina: Piscina;
  readonly #runs = new Map<number, Run>();
  /** Threads known to hold a code: once it is all of them, its text stays at home. */
  readonly #holders = new Map<string, Set<number>>();
  /** Milliseconds that the last call of a code took. */
  readonly #paces = new Map<string, number>();
  readonly #look: NodeJS.Timeout;

  constructor(options: PoolOptions, listener: PoolListener) {
    this.#options = options;
    this.#listener = listener;
    this.#piscina = new Piscina({
      filename: fileURLToPath(new URL("./entry.cjs", import.meta.url)),
      name: "run",
      minThreads: options.workers,
      maxThreads: options.workers,
      concurrentTasksPerWorker: options.tasksPerWorker,
      idleTimeout: Number.POSITIVE_INFINITY,
      // With "sync", a thread between tasks hears no timer, and an error left behind hits the next task.
      atomics: "disabled",
    });
    this.#piscina.on("message", (message: unknown) => this.#receive(message));
    this.#piscina.on("error", (error) => listener.stray("", String(error)));
    this.#look = setInterval(() => this.#reportStarted(), LOOK_INTERVAL).unref();
  }

  /**
   * Starts a run; its results come to the listener. `text` is the code of its function. While that is on its way the
   * tasks can be cancelled and taken back; if it does not come, those that are left fail with the reason.
   */
  start(lease: number, head: BatchHeader, bodies: Bodies, text: string | Promise<string>): void {
    const count = countOf(bodies);
    const run: Run = {
      lease,
      head,
      marks: new Uint8Array(new SharedArrayBuffer(count)),
      told: new Uint8Array(count),
      reported: 0,
    };
    this.#runs.set(lease, run);
    if (typeof text === "string") return this.#begin(run, bodies, text);
    void text.then(
      (arrived) => this.#runs.has(lease) && this.#begin(run, bodies, arrived),
      (error) => this.#failWaiting(run, error),
    );
  }

  #begin(run: Run, bodies: Bodies, text: string): void {
    // All was taken back or cancelled, and told to be, while the code was on its way.
    if (!run.marks.includes(Mark.Waiting)) return void this.#runs.delete(run.lease);
    this.#announce(run);
    void this.#carryOut(run, bodies, text);
  }

  /** None of the tasks can begin. */
  #failWaiting(run: Run, error: unknown): void {
    if (!this.#runs.delete(run.lease)) return; // The pool was destroyed.
    const failed: number[] = [];
    run.marks.forEach((mark, index) => {
      if (mark === Mark.Waiting) appendIndex(failed, index);
    });
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
    if (run.marks[0] !== Mark.Waiting || (this.#paces.get(run.head.code) ?? LONG) < LONG) return;
    run.reported = 1;
    this.#listener.started(run.lease, [0, 1]);
  }

  async #carryOut(run: Run, bodies: Bodies, text: string): Promise<void> {
    let reply: Extract<RunReply, { kind: "done" }>;
    try {
      reply = await this.#request(run, bodies, text);
    } catch (error) {
      return this.#threadDied(run, error);
    }
    this.#noteHolder(run.head.code, reply.thread);
    // Whatever was cancelled or taken back was told when it happened, so the run is over.
    this.#runs.delete(run.lease);
    if (reply.last !== undefined) this.#deliver(run, reply.last);
  }

  async #request(run: Run, bodies: Bodies, text: string): Promise<Extract<RunReply, { kind: "done" }>> {
    const { code, name } = run.head;
    const request = (withText: boolean): Promise<RunReply> => {
      const packed = packBodies(bodies);
      const message: RunRequest = {
        lease: run.lease,
        code,
        text: withText ? text : undefined,
        name,
        node: this.#options.node,
        bodies: packed,
        marks: run.marks,
      };
      return this.#piscina.run(message, { transferList: [packed.buffer] }) as Promise<RunReply>;
    };
    const allHaveIt = (this.#holders.get(code)?.size ?? 0) >= this.#options.workers;
    let reply = await request(!allHaveIt);
    // A thread that was replaced meanwhile has nothing; it says so.
    if (reply.kind === "needCode") reply = await request(true);
    if (reply.kind === "needCode") throw new Error("a worker asked twice for the same code");
    return reply;
  }

  #noteHolder(code: string, thread: number): void {
    const holders = this.#holders.get(code) ?? new Set();
    this.#holders.set(code, holders.add(thread));
    if (this.#holders.size > MOST_CODES) this.#holders.delete(this.#holders.keys().next().value as string);
  }

  /** The port is the thread's own: a task may post there whatever it likes, which must harm nobody. */
  #receive(posted: unknown): void {
    const message = posted as Partial<Flush | Stray> | null;
    if (message?.kind === "stray") return this.#listener.stray(String(message.name), String(message.message));
    try {
      if (message?.kind !== "flush") throw new TypeError("results are returned, not posted");
      // It comes through another port than the reply, so its run may be over.
      this.#deliver(this.#runs.get((message as Flush).lease), message as Flush);
    } catch (error) {
      this.#listener.stray("", `A task posted a message to its node, which was passed over: ${String(error)}`);
    }
  }

  #deliver(run: Run | undefined, { lease, from, bodies: arrived }: Results): void {
    const bodies = arrived instanceof Uint8Array ? unpackBodies(arrived) : arrived;
    if (run !== undefined) {
      run.told.fill(1, from, from + countOf(bodies));
      this.#paces.set(run.head.code, bodies.times?.[0] ?? 0);
      if (this.#paces.size > MOST_CODES) this.#paces.delete(this.#paces.keys().next().value as string);
    }
    this.#listener.results(lease, from, bodies);
  }

  /**
   * The thread is gone. The task that ran last on it is to blame and fails by name; results that were not out yet and
   * tasks that had not begun run again, and nobody counts that against them (design decision 11).
   */
  #threadDied(run: Run, error: unknown): void {
    if (!this.#runs.delete(run.lease)) return; // The pool was destroyed.
    const { marks, told } = run;
    let culprit = -1;
    const again: number[] = [];
    for (let i = 0; i < marks.length; i++) {
      if (told[i] === 1) continue;
      if (Atomics.compareExchange(marks, i, Mark.Waiting, Mark.Recalled) !== Mark.Waiting) culprit = i;
    }
    for (let i = 0; i < marks.length; i++) if (told[i] !== 1 && i !== culprit) appendIndex(again, i);
    if (culprit >= 0) {
      const failure = encodeFailure(this.#causeOf(run.head.name, error));
      this.#listener.results(run.lease, culprit, repeatBody(failure, 1, Outcome.Failed));
    }
    if (again.length > 0) this.#listener.returned(run.lease, again);
  }

  #causeOf(name: string, error: unknown): Error {
    const { node } = this.#options;
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === "ERR_WORKER_OUT_OF_MEMORY") {
      return new WorkerMemoryError(
        `Task "${name}" used up the heap of its worker thread on node ${node}. Give it smaller pieces, or start Node ` +
          `with a larger --max-old-space-size.`,
      );
    }
    const exit = /exited with code: (-?\d+)/.exec(String(message));
    if (exit !== null) {
      const exitCode = Number(exit[1]);
      return new WorkerExitError(
        `Task "${name}" ended its worker thread on node ${node} with exit code ${exitCode}. ` +
          `A task returns or throws; it must not call process.exit().`,
        { exitCode },
      );
    }
    return new WorkerExitError(`The worker thread of task "${name}" on node ${node} ended: ${String(message)}.`, {
      exitCode: 1,
      cause: error,
    });
  }

  /** Tasks that have not begun never will; the listener hears of each that this still caught. */
  cancel(lease: number, ranges: Ranges): void {
    const run = this.#runs.get(lease);
    if (run === undefined) return;
    const caught: number[] = [];
    eachIndex(ranges, run.marks.length, (index) => {
      if (Atomics.compareExchange(run.marks, index, Mark.Waiting, Mark.Cancelled) !== Mark.Waiting) return;
      run.told[index] = 1;
      appendIndex(caught, index);
    });
    for (let r = 0; r < caught.length; r += 2) {
      const [from, to] = [caught[r] as number, caught[r + 1] as number];
      this.#listener.results(lease, from, emptyBodies(to - from, Outcome.Cancelled));
    }
  }

  /** Takes back up to `max` tasks that have not begun, from the ends of the runs that hold most. */
  recall(max: number): void {
    const waiting = [...this.#runs.values()]
      .map((run) => ({ run, left: run.marks.filter((mark) => mark === Mark.Waiting).length }))
      .sort((a, b) => b.left - a.left);
    let wanted = max;
    for (const { run, left } of waiting) {
      const back: number[] = [];
      let taken = 0;
      for (let i = run.marks.length - 1; i >= 0 && taken < Math.min(wanted, left); i--) {
        if (Atomics.compareExchange(run.marks, i, Mark.Waiting, Mark.Recalled) !== Mark.Waiting) continue;
        run.told[i] = 1;
        back.push(i);
        taken++;
      }
      wanted -= taken;
      const ranges: number[] = [];
      for (const index of back.reverse()) appendIndex(ranges, index);
      if (ranges.length > 0) this.#listener.returned(run.lease, ranges);
    }
  }

  #reportStarted(): void {
    for (const run of this.#runs.values()) {
      let i = run.reported;
      while (i < run.marks.length && Atomics.load(run.marks, i) !== Mark.Waiting) i++;
      const begun: number[] = [];
      for (let each = run.reported; each < i; each++) {
        if (run.told[each] !== 1 && run.marks[each] === Mark.Started) appendIndex(begun, each);
      }
      run.reported = i;
      if (begun.length > 0) this.#listener.started(run.lease, begun);
    }
  }

  /** Stops all threads now; nothing is told any more. */
  async destroy(): Promise<void> {
    clearInterval(this.#look);
    this.#runs.clear();
    await this.#piscina.destroy();
  }
}
