import { overweightOf } from "./faults.js";
import { Mark } from "./messages.js";
import type { Run } from "./run.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";

/** How often, in milliseconds, the threads are weighed. */
const INTERVAL = 50;

export interface MemoryWatchOptions {
  /** Id of the node, for errors. */
  readonly node: string;
  /** Most MiB that a thread may have outside its heap. */
  readonly limit: number;
  readonly threads: Threads;
  readonly runs: ReadonlyMap<number, Run>;
}

/**
 * Stops tasks whose thread has too much outside its heap, in buffers and the like: V8 limits the heap alone. Weighed from
 * the node's own thread, because a task may block its own.
 */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  /** Threads with something to do, until they are weighed once more after it. */
  readonly #busy = new WeakSet<Thread>();
  /** Were too heavy when they were weighed last. What is garbage may be gone by the next time. */
  readonly #heavy = new WeakSet<Thread>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  #look(): void {
    for (const thread of this.#options.threads.inUse) {
      if (thread.load > 0) this.#busy.add(thread);
      else if (!this.#busy.has(thread)) continue;
      void this.#weigh(thread);
    }
  }

  async #weigh(thread: Thread): Promise<void> {
    const weight = await thread.weigh();
    if (weight === undefined) return;
    if (weight.outside <= this.#options.limit) {
      this.#heavy.delete(thread);
      if (thread.load === 0) this.#busy.delete(thread);
    } else if (this.#heavy.delete(thread)) this.#relieve(thread, weight);
    else this.#heavy.add(thread);
  }

  /** What nobody uses any more goes with its thread; otherwise those who run there are to blame, or else those who wait. */
  #relieve(thread: Thread, weight: Weight): void {
    if (thread.load === 0) {
      this.#busy.delete(thread);
      return this.#options.threads.replace(thread);
    }
    const blamed = [thread.active, thread.suspended].some((leases) => {
      const stopped = [...leases].filter((lease) => this.#blame(this.#options.runs.get(lease), weight));
      return stopped.length > 0;
    });
    if (blamed) thread.kill();
  }

  /** @returns false if none of the run's tasks is under way */
  #blame(run: Run | undefined, weight: Weight): boolean {
    const index = run?.shared.running;
    if (run === undefined || index === undefined) return false;
    if (!run.shared.change(index, Mark.Killed, Mark.Started, Mark.Stopping)) return false;
    run.overweight = overweightOf(run.head.name, this.#options.node, weight, this.#options.limit);
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** What a thread uses, in MiB. */
export interface Weight {
  readonly heap: number;
  readonly outside: number;
}
