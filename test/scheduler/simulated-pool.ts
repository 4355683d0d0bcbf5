import {
  type BatchHeader,
  type Bodies,
  BodiesBuilder,
  countOf,
  Outcome,
  type Stop,
  sliceBodies,
} from "@pydist/protocol";
import { eachIndex, InvariantError, POOL, type SchedulerAction, type SchedulerEvent } from "@pydist/scheduler";
import type { Clock } from "./clock.js";

type ActionOf<T extends SchedulerAction["type"]> = Extract<SchedulerAction, { type: T }>;

/** How tasks submit tasks of their own. Chances are per task that may. */
export interface Spawning {
  /** Tasks of this depth and deeper submit none. */
  readonly depth: number;
  readonly chance: number;
  readonly fanOut: (draw: () => number) => number;
  /** ... that one that has resumed does it once more. */
  readonly again: number;
  /** ... that one returns without waiting for its own. */
  readonly leaves: number;
  /** ... that one never ends, unless it is stopped. */
  readonly endless: number;
}

/** What happened, so that a test can tell that it did. */
export interface Tally {
  suspended: number;
  resumed: number;
  /** Tasks whose thread was ended because they did not stop. */
  killed: number;
  /** Tasks that were told something that only an earlier execution waited for. */
  misled: number;
}

/** All that a pool needs of the world around it. */
export interface Surroundings {
  readonly node: string;
  readonly slots: number;
  readonly agenda: Clock;
  readonly draw: () => number;
  readonly duration: (draw: () => number) => number;
  readonly spawning: Spawning | undefined;
  readonly tally: Tally;
  alive(): boolean;
  handle(event: SchedulerEvent): void;
  /** A task began that never ends by itself. */
  endless(head: BatchHeader, index: number): void;
}

/** A task that has the worker for itself, because it may submit others. */
interface Execution {
  readonly call: string;
  readonly index: number;
  readonly since: number;
  state: "running" | "suspended" | "ready";
  /** The batch that it submitted last, and how many of its tasks it still waits for. */
  batch: number;
  left: number;
}

interface Run {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly bodies: Bodies;
  next: number;
  end: number;
  readonly cancelled: Set<number>;
  execution: Execution | undefined;
}

/** The worker threads of one node, in virtual time. */
export class SimulatedPool {
  readonly runs = new Map<number, Run>();
  readonly #world: Surroundings;
  /** Tasks run. */
  ran = 0;
  #calls = 0;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  #takeSlot(): void {
    let busy = 0;
    for (const { execution } of this.runs.values()) if ((execution?.state ?? "running") === "running") busy++;
    const { node, slots } = this.#world;
    if (busy >= slots) throw new InvariantError("I4", `${node} runs more than ${slots} tasks`);
  }

  start({ lease, head, bodies }: ActionOf<"dispatch">): void {
    this.#takeSlot();
    const none = { cancelled: new Set<number>(), execution: undefined };
    const run: Run = { lease, head, bodies, next: 0, end: countOf(bodies), ...none };
    this.runs.set(lease, run);
    this.#world.agenda.after(0, () => {
      if (!this.#maySpawn(run)) this.#handle({ type: "started", receiver: POOL, lease, ranges: [0, 1] });
      this.#continue(run);
    });
  }

  #handle(event: SchedulerEvent): void {
    this.#world.handle(event);
  }

  #maySpawn({ head }: Run): boolean {
    return head.depth < (this.#world.spawning?.depth ?? 0);
  }

  /** Runs tasks for about five milliseconds, then hands out their results, as a worker does. */
  #continue(run: Run): void {
    const { agenda, draw, duration } = this.#world;
    if (!this.#world.alive()) return;
    if (run.next < run.end && this.#maySpawn(run) && !run.cancelled.has(run.next)) return this.#begin(run);
    const from = run.next;
    let spent = 0;
    const times: number[] = [];
    const flags: number[] = [];
    while (run.next < run.end && spent < 5) {
      const index = run.next++;
      const cancelled = run.cancelled.has(index);
      const time = cancelled ? 0 : duration(draw);
      if (!cancelled) this.ran++;
      times.push(time);
      flags.push(cancelled ? Outcome.Cancelled : 0);
      spent += time;
    }
    if (from === run.next) {
      this.runs.delete(run.lease);
      return;
    }
    const to = run.next;
    agenda.after(spent, () => {
      if (!this.#world.alive()) return;
      if (run.next === run.end && to === run.next) this.runs.delete(run.lease);
      this.#results(run, from, flags, times);
      if (this.runs.get(run.lease) === run) this.#continue(run);
    });
  }

  /** A result is what the task was given. */
  #results({ lease, head, bodies: given }: Run, from: number, flags: number[], times: number[]): void {
    const part = sliceBodies(given, from, from + flags.length);
    const kinds = part.kinds.map((kind, i) => kind | (flags[i] as number));
    const bodies = { ...part, kinds, times: Float32Array.from(times) };
    const info = { node: this.#world.node, hops: head.travelled, attempt: head.attempt };
    this.#handle({ type: "results", receiver: POOL, lease, from, bodies, ...info });
  }

  #begin(run: Run): void {
    const { agenda, draw, node, spawning } = this.#world;
    const index = run.next++;
    const call = `${node} ${++this.#calls}`;
    const execution: Execution = { call, index, since: agenda.now, state: "running", batch: 0, left: 0 };
    run.execution = execution;
    this.ran++;
    // Often it is only known by what the task does that it has begun.
    if (draw() < 0.5) this.#handle({ type: "started", receiver: POOL, lease: run.lease, ranges: [index, index + 1] });
    if (spawning !== undefined && draw() < spawning.endless) this.#world.endless(run.head, index);
    else this.#work(run, execution, spawning?.chance ?? 0);
  }

  #work(run: Run, execution: Execution, chance: number): void {
    const { agenda, draw, duration } = this.#world;
    const spawns = draw() < chance;
    agenda.after(duration(draw), () => {
      if (!this.#isAt(run, execution)) return;
      if (spawns) this.#spawn(run, execution);
      else this.#finish(run, execution, 0);
    });
  }

  #isAt(run: Run, execution: Execution): boolean {
    return this.#world.alive() && this.runs.get(run.lease) === run && run.execution === execution;
  }

  #spawn(run: Run, execution: Execution): void {
    const { draw, tally } = this.#world;
    const spawning = this.#world.spawning as Spawning;
    const { lease } = run;
    const { call, index } = execution;
    const count = spawning.fanOut(draw);
    const batch = ++execution.batch;
    const builder = new BodiesBuilder();
    for (let i = 0; i < count; i++) builder.add({ kind: 0, text: `["${call}",${batch},${i}]`, bytes: undefined });
    const head = { ...run.head, depth: run.head.depth + 1, priority: Math.floor(draw() * 3) };
    const note = { kind: "submit", batch, head, text: "" } as const;
    this.#handle({ type: "said", receiver: POOL, lease, index, call, note, bodies: builder.build() });
    if (draw() < spawning.leaves) return this.#finish(run, execution, 0);
    execution.left = count;
    execution.state = "suspended";
    tally.suspended++;
    const rest = [index + 1, run.end];
    run.end = index + 1;
    const giveBack = (): void => {
      if (rest[0] !== rest[1]) this.#handle({ type: "returned", receiver: POOL, lease, ranges: rest });
    };
    const early = draw() < 0.5;
    if (early) giveBack();
    this.#handle({ type: "suspended", receiver: POOL, lease, ranges: [index, index + 1] });
    if (!early) giveBack();
  }

  tell({ lease, index, call, note, bodies }: ActionOf<"tell">): void {
    const { agenda, draw, tally } = this.#world;
    const run = this.runs.get(lease);
    const execution = run?.execution;
    if (run === undefined || execution === undefined || execution.index !== index || note.kind !== "results") return;
    if (execution.call !== call) {
      tally.misled++;
      return;
    }
    if (execution.batch !== note.batch || bodies === undefined) return;
    execution.left -= countOf(bodies);
    if (execution.left < 0) throw new InvariantError("I1", `task ${call} was told more results than it waits for`);
    if (execution.left > 0 || execution.state !== "suspended") return;
    execution.state = "ready";
    agenda.after(draw(), () => {
      if (this.#isAt(run, execution)) this.#handle({ type: "ready", lease, index });
    });
  }

  resume({ lease, index }: ActionOf<"resumeAt">): void {
    const { node, spawning, tally } = this.#world;
    const run = this.runs.get(lease);
    const execution = run?.execution;
    if (run === undefined || execution?.state !== "ready" || execution.index !== index) {
      throw new InvariantError("I4", `${node} resumes a task that is not ready`);
    }
    this.#takeSlot();
    execution.state = "running";
    tally.resumed++;
    this.#work(run, execution, spawning?.again ?? 0);
  }

  #finish(run: Run, execution: Execution, flags: number): void {
    run.execution = undefined;
    if (run.next === run.end) this.runs.delete(run.lease);
    this.#results(run, execution.index, [flags], [this.#world.agenda.now - execution.since]);
    if (this.runs.get(run.lease) === run) this.#continue(run);
  }

  cancel({ lease, ranges, stop }: ActionOf<"cancelAt">): void {
    const run = this.runs.get(lease);
    if (run === undefined) return;
    eachIndex(ranges, Number.MAX_SAFE_INTEGER, (index) => {
      if (index >= run.next) run.cancelled.add(index);
      else if (run.execution?.index === index && stop !== undefined) this.#stop(run, run.execution, stop);
    });
  }

  /** It ends when it is asked to, or its thread is ended, with which others may be lost. */
  #stop(run: Run, execution: Execution, { grace }: Stop): void {
    const { agenda, draw, tally } = this.#world;
    agenda.after(draw() * grace, () => {
      if (!this.#isAt(run, execution)) return;
      if (draw() < 0.5) return this.#finish(run, execution, Outcome.Failed);
      tally.killed++;
      this.runs.delete(run.lease);
      this.#results(run, execution.index, [Outcome.Failed], [agenda.now - execution.since]);
      this.#giveBack(run, run.next);
      for (const other of [...this.runs.values()]) {
        if (other.execution === undefined || draw() < 0.8) continue;
        this.runs.delete(other.lease);
        this.#giveBack(other, other.execution.index);
      }
    });
  }

  #giveBack({ lease, end }: Run, from: number): void {
    if (from < end) this.#handle({ type: "returned", receiver: POOL, lease, ranges: [from, end] });
  }

  recall(max: number): void {
    const { agenda } = this.#world;
    let left = max;
    for (const run of this.runs.values()) {
      const take = Math.min(left, run.end - run.next);
      if (take <= 0) continue;
      left -= take;
      run.end -= take;
      const ranges = [run.end, run.end + take];
      agenda.after(0, () => this.#handle({ type: "returned", receiver: POOL, lease: run.lease, ranges }));
    }
    agenda.after(0, () => this.#handle({ type: "recalled", receiver: POOL }));
  }
}
