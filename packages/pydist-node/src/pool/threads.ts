import type { Thread } from "./thread.js";

/** The threads of a pool: as many as it has workers, and those that were replaced and have not ended yet. */
export class Threads {
  readonly #make: () => Thread;
  #current: Thread[];
  /** Replaced; tasks that began there end there. */
  readonly #worn = new Set<Thread>();

  constructor(count: number, make: () => Thread) {
    this.#make = make;
    this.#current = Array.from({ length: count }, make);
  }

  /** The least busy one, and of several that where the fewest tasks wait: they will want to go on there. */
  pick(): Thread {
    return this.#current.reduce((best, each) => (isBetter(each, best) ? each : best));
  }

  /** Another takes its place; a thread has run as many tasks as it may. */
  replace(thread: Thread): void {
    if (!this.#current.includes(thread)) return;
    this.#current = [...this.#current.filter((each) => each !== thread), this.#make()];
    this.#worn.add(thread);
    this.left(thread);
  }

  /** A run on it is over. */
  left(thread: Thread): void {
    if (thread.load > 0 || !this.#worn.delete(thread)) return;
    void thread.destroy();
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#current, ...this.#worn].map((thread) => thread.destroy()));
  }
}

function isBetter(thread: Thread, than: Thread): boolean {
  return thread.active.size < than.active.size || (thread.active.size === than.active.size && thread.load < than.load);
}
