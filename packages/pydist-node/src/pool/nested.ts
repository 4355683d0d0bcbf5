import {
  type Content,
  Dispatcher,
  Executor,
  type Port,
  Statistics,
  type Submitter,
  UNTOLD_HOPS,
} from "@pydist/futures";
import {
  type BatchHeader,
  type Bodies,
  type ChannelNote,
  countOf,
  type DownNote,
  type NestedHeader,
  type Ranges,
  ShutdownError,
  type Stop,
  type Types,
  type UpNote,
} from "@pydist/protocol";
import { Belongings } from "./belongings.js";

/** What a port inside a task needs of the task. */
export interface NestedHost {
  readonly head: BatchHeader;
  /** Cores of this machine, as a first guess of how much to have under way. */
  readonly slots: number;
  /** To the executor that owns the task. */
  say(note: UpNote, bodies: Bodies | undefined): void;
  /** How many tasks it waits for has changed. */
  openChanged(): void;
}

/**
 * The way of a running task to the executor that owns it: batches go up as notes, and their results come down as such.
 * There they are dispatched as any others, so they reach the whole tree (design decision 14).
 */
export class NestedPort implements Port {
  readonly executor: string;
  readonly depth: number;
  readonly #host: NestedHost;
  /** Tasks by batch that are not settled. */
  readonly #open = new Map<number, number>();
  readonly #belongings = new Belongings((note, bodies) => this.#host.say(note, bodies));
  #submitter: Submitter | undefined;
  #queued = 0;

  constructor(host: NestedHost) {
    this.#host = host;
    this.executor = host.head.executor;
    this.depth = host.head.depth + 1;
  }

  get queued(): number {
    return this.#queued;
  }

  attach(submitter: Submitter): void {
    this.#submitter = submitter;
    submitter.granted({ slots: [this.#host.slots], busyElsewhere: 0, window: 0, bytes: 0 });
  }

  keep(content: Content): void {
    this.#belongings.keep(content);
  }

  letGo(hash: string): void {
    this.#belongings.letGo(hash);
  }

  submit(batch: number, head: BatchHeader, bodies: Bodies, cancelled: Ranges = []): void {
    const { code, captured, name, node, hops, priority, attempts, attempt, depth, timeout, grace } = head;
    const nested: NestedHeader = {
      ...{ code, name, hops, priority, attempts, attempt, depth, grace },
      ...(captured === undefined ? {} : { captured }),
      ...(node === undefined ? {} : { node }),
      ...(timeout === undefined ? {} : { timeout }),
    };
    const count = countOf(bodies);
    this.#open.set(batch, count);
    this.#queued += count;
    if (captured !== undefined && captured.inline === undefined) this.#belongings.bring(captured.hash);
    this.#host.say({ kind: "submit", batch, head: nested, text: this.#belongings.textOf(code) }, bodies);
    if (cancelled.length > 0) this.cancel(batch, cancelled);
    this.#host.openChanged();
  }

  cancel(batch: number, ranges: Ranges, stop?: Stop): void {
    if (stop === undefined) this.#host.say({ kind: "cancel", batch, ranges }, undefined);
    else this.#host.say({ kind: "cancel", batch, ranges, grace: stop.grace }, stop.reason);
  }

  /** Whatever a task submits is the executor's, not the task's: there is nothing else to tell those who submit more. */
  tell(batch: number, index: number, call: string, note: DownNote, bodies: Bodies | undefined): void {
    if (note.kind === "message" || note.kind === "taken") {
      this.#host.say({ kind: "reply", batch, index, call, note }, bodies);
    }
  }

  told(note: Exclude<DownNote, ChannelNote>, bodies: Bodies | undefined): void {
    const submitter = this.#submitter;
    if (note.kind === "started") return submitter?.started(note.batch, note.ranges);
    if (note.kind === "waiting") return submitter?.waiting(note.batch, note.ranges);
    if (note.kind === "heard") return submitter?.said(note.batch, note.index, note.call, note.note, bodies);
    const open = this.#open.get(note.batch);
    if (open === undefined || bodies === undefined) return;
    const count = countOf(bodies);
    if (open > count) this.#open.set(note.batch, open - count);
    else this.#open.delete(note.batch);
    this.#queued -= count;
    submitter?.report(note.batch, note.from, bodies, note);
    this.#host.openChanged();
  }
}

/** What `task.context().executor` is: submits to the tree that its task came from, as long as the task runs. */
export class TaskExecutor extends Executor {
  protected override readonly dispatcher: Dispatcher;
  protected override readonly types: Types | undefined;
  #state: "open" | "over" = "open";

  /** @param types what the task itself was sent with */
  constructor(port: NestedPort, { attempts, grace }: BatchHeader, types: Types | undefined) {
    super();
    this.types = types;
    this.dispatcher = new Dispatcher(port, {
      // Whoever owns the task knows how far its tasks may travel.
      hopLimit: UNTOLD_HOPS,
      attempts,
      abortGrace: grace,
      statistics: new Statistics(),
      onSettled: () => undefined,
      onNote: () => {},
    });
  }

  protected override checkOpen(): void {
    if (this.#state === "open") return;
    throw new ShutdownError("The task that this executor belongs to is over; it cannot schedule new futures.");
  }

  /** The task is over: what it did not wait for leaves, and will not be told to anyone. */
  close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    if (this.dispatcher.leave() === "idle") return;
    this.dispatcher.abandonAll(
      new ShutdownError("The task that submitted this is over, so nobody is told what came of it."),
    );
  }
}
