import { AsyncLocalStorage } from "node:async_hooks";
import { availableParallelism } from "node:os";
import {
  type BatchHeader,
  type Bodies,
  bodyAt,
  CancelledError,
  decodeFailure,
  kindAt,
  packBodies,
  type UpNote,
  unpackBodies,
} from "@pydist/protocol";
import { type Bound, CONTEXT_PROVIDER, type TaskContext } from "@pydist/shipping/runtime";
import { overError, TaskChannel } from "./channel.js";
import { Context } from "./context.js";
import { overtimeOf } from "./faults.js";
import { type Gathering, post } from "./gathering.js";
import { type Control, clock, Mark, type SharedRun, wakes } from "./messages.js";
import type { NestedPort, TaskExecutor } from "./nested.js";
import { pollingController } from "./signal.js";

/** Loaded only for functions that can ask for it: it brings the parser of shipped functions. */
let nested: typeof import("./nested.js") | undefined;

/** Makes what a context holds available; a task asks for it without waiting. */
export async function loadContext(): Promise<void> {
  nested ??= await import("./nested.js");
}

/** Which call runs: known to everything that it started, also after an await. */
export const currentCall = new AsyncLocalStorage<Call>();
/** Calls that can be told something, by their leases. A run has one at a time. */
const calls = new Map<number, Call>();
let lastCall = 0;
/** No two threads of a cluster call an execution the same. */
const THREAD = globalThis.crypto.randomUUID();

Object.defineProperty(globalThis, CONTEXT_PROVIDER, {
  value: (): TaskContext | undefined => currentCall.getStore()?.context,
});

/** What a run knows of itself. */
export interface CallSite {
  readonly lease: number;
  readonly head: BatchHeader;
  readonly node: string;
  readonly shared: SharedRun;
  readonly results: Gathering;
  /** How often its calls have said something. */
  said: number;
}

/** One execution of a task that may ask for its context. */
export class Call {
  readonly site: CallSite;
  /** The function that runs, once it is made. */
  bound: Bound | undefined;
  readonly #index: number;
  /** How notes from and to this execution are told from those of another of the same task. */
  readonly #name = `${THREAD} ${++lastCall}`;
  #context: Context | undefined;
  #controller: AbortController | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #executor: TaskExecutor | undefined;
  #port: NestedPort | undefined;
  #channel: TaskChannel | undefined;
  /** In its synchronous part; after that, with a slot; or waiting for its own tasks, without one; and then over. */
  #state: "synchronous" | "running" | "suspended" | "over" = "synchronous";
  /** Notes that came and gave it a slot. */
  #seen = 0;
  #look: NodeJS.Immediate | undefined;

  constructor(site: CallSite, index: number) {
    this.site = site;
    this.#index = index;
    calls.set(site.lease, this);
  }

  get context(): TaskContext {
    this.#context ??= new Context(this);
    return this.#context;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = pollingController(() => this.#whyToStop());
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped.reason);
    }
    return this.#controller.signal;
  }

  /** Shared memory says that it is to stop before a message can. */
  #whyToStop(): unknown {
    const { shared, head } = this.site;
    if (this.#state === "over" || Atomics.load(shared.marks, this.#index) !== Mark.Stopping) return undefined;
    const { name, timeout = Number.POSITIVE_INFINITY } = head;
    if (clock() - (shared.began[0] as number) >= timeout) return this.#overtime();
    return new CancelledError(`Task "${name}" is to stop: it was aborted.`);
  }

  #overtime(): Error {
    const { head, node } = this.site;
    return overtimeOf(head.name, node, head.timeout ?? 0);
  }

  get executor(): TaskExecutor {
    if (this.#executor === undefined) {
      if (nested === undefined) throw new Error("a context was asked for that was not loaded");
      const { head } = this.site;
      this.#port = new nested.NestedPort({
        head,
        slots: availableParallelism(),
        say: (note, bodies) => this.say(note, bodies),
        openChanged: () => this.#mayWait(),
      });
      this.#executor = new nested.TaskExecutor(this.#port, head, this.bound?.types);
      if (this.#state === "over") this.#executor.close();
    }
    return this.#executor;
  }

  get channel(): TaskChannel {
    if (this.#channel === undefined) {
      this.#channel = new TaskChannel((note, bodies) => this.say(note, bodies), this.bound?.types);
      if (this.#state === "over") this.#channel.close(overError(this.site.head.name));
      else if (this.#stopped !== undefined) this.#channel.close(this.#stopped.reason);
    }
    return this.#channel;
  }

  say(note: UpNote, bodies?: Bodies): void {
    if (this.#state === "over") return;
    this.site.said++;
    const packed = bodies === undefined ? undefined : packBodies(bodies);
    const message = { kind: "said", lease: this.site.lease, index: this.#index, call: this.#name, note } as const;
    post({ ...message, bodies: packed }, packed === undefined ? [] : [packed.buffer]);
  }

  /** The function returned a promise: from now on the thread is free whenever the task waits. */
  becameAsynchronous(): void {
    this.#state = "running";
    this.#mayWait();
  }

  /**
   * A task that has submitted tasks, and lets the event loop turn before they are settled, waits for them, however it does
   * so: it gives its slot back.
   */
  #mayWait(): void {
    if (this.#state !== "running" || this.#look !== undefined || (this.#port?.queued ?? 0) === 0) return;
    this.#look = setImmediate(() => {
      this.#look = undefined;
      if (this.#state !== "running" || (this.#port?.queued ?? 0) === 0) return;
      this.#state = "suspended";
      const { lease, results } = this.site;
      results.flush(performance.now());
      post({ kind: "suspended", lease, index: this.#index, seen: this.#seen });
    });
  }

  over(): void {
    this.#executor?.close();
    this.#channel?.close(overError(this.site.head.name));
    this.#state = "over";
    clearImmediate(this.#look);
    if (calls.get(this.site.lease) === this) calls.delete(this.site.lease);
  }

  control(message: Control): void {
    if (message.index !== this.#index) return;
    if (message.kind === "stop") {
      this.#stopped = { reason: message.reason === undefined ? this.#overtime() : reasonIn(message.reason) };
      this.#controller?.abort(this.#stopped.reason);
      this.#channel?.close(this.#stopped.reason);
      return;
    }
    for (const { call, note, bodies } of message.notes) {
      if (wakes(note)) {
        this.#seen++;
        if (this.#state === "suspended") this.#state = "running";
      }
      if (call !== this.#name) continue;
      const unpacked = bodies === undefined ? undefined : unpackBodies(bodies);
      if (note.kind === "message" || note.kind === "taken") this.#channel?.told(note, unpacked);
      else this.#port?.told(note, unpacked);
    }
    this.#mayWait();
  }
}

function reasonIn(packed: Uint8Array): unknown {
  const bodies = unpackBodies(packed);
  return decodeFailure(kindAt(bodies, 0), bodyAt(bodies, 0));
}

/** Something for a call of this thread; for one that is over it comes too late. */
export function control(message: Control): void {
  calls.get(message.lease)?.control(message);
}
