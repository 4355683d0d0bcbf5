import type { Thread } from "./thread.js";

/** Most threads that are set aside where a neighbour is known to end them: each costs some 10 MB. */
const MOST_ASIDE = 32;

/**
 * The threads of a pool: as many as it has workers, on which runs begin, and those on which nothing begins any more. Of
 * these some were replaced for good, and others are set aside while tasks wait there for their own.
 */
export class Threads {
  readonly #make: () => Thread;
  readonly #count: number;
  #current: Thread[];
  /** Replaced; tasks that began there end there. */
  readonly #worn = new Set<Thread>();
  readonly #aside = new Set<Thread>();
  /** Were set aside, and have nothing to do. */
  readonly #spare: Thread[] = [];

  constructor(count: number, make: () => Thread) {
    this.#make = make;
    this.#count = count;
    this.#current = Array.from({ length: count }, make);
  }

  /** Those on which runs begin or are. */
  get inUse(): Thread[] {
    return [...this.#current, ...this.#worn, ...this.#aside];
  }

  /** The least busy one, and of several that where the fewest tasks wait: they will want to go on there. */
  pick(): Thread {
    return this.#current.reduce((best, each) => (isBetter(each, best) ? each : best));
  }

  /** Another takes its place; a thread has run as many tasks as it may, or is too heavy. */
  replace(thread: Thread): void {
    if (this.#current.includes(thread)) this.#substitute(thread);
    this.#aside.delete(thread);
    this.#worn.add(thread);
    this.left(thread);
  }

  /**
   * A task there waits for its own: what it waits for had better run elsewhere, where it can neither hold up its timers nor
   * end its thread. Only so many threads are kept for that; tasks beyond share theirs.
   * @param peace "kept" if such a task has lost its thread before
   */
  setAside(thread: Thread, peace: "wanted" | "kept"): void {
    if (this.#aside.size >= (peace === "kept" ? MOST_ASIDE : this.#count) || !this.#current.includes(thread)) return;
    this.#substitute(thread);
    this.#aside.add(thread);
  }

  #substitute(thread: Thread): void {
    this.#current = [...this.#current.filter((each) => each !== thread), this.#spare.pop() ?? this.#make()];
  }

  /** A run on it is over. */
  left(thread: Thread): void {
    if (thread.load > 0) return;
    if (this.#aside.delete(thread)) {
      if (this.#spare.length < this.#count) this.#spare.push(thread);
      else void thread.destroy();
    } else if (this.#worn.delete(thread)) void thread.destroy();
  }

  get all(): { readonly use: string; readonly thread: Thread }[] {
    const used = (use: string, threads: Iterable<Thread>) => Array.from(threads, (thread) => ({ use, thread }));
    return [
      ...used("current", this.#current),
      ...used("worn", this.#worn),
      ...used("aside", this.#aside),
      ...used("spare", this.#spare),
    ];
  }

  async destroy(): Promise<void> {
    await Promise.all(this.all.map(({ thread }) => thread.destroy()));
  }
}

function isBetter(thread: Thread, than: Thread): boolean {
  return thread.active.size < than.active.size || (thread.active.size === than.active.size && thread.load < than.load);
}
