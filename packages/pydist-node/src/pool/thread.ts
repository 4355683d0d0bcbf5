import { fileURLToPath } from "node:url";
import type { HeapInfo } from "node:v8";
import type { Worker } from "node:worker_threads";
import { Piscina } from "piscina";
import { Known } from "./known.js";
import type { Weight } from "./memory-watch.js";
import type { Control, Post, RunReply, RunRequest } from "./messages.js";

/** More runs than could ever be on one thread: who goes where is the pool's decision. */
const NO_LIMIT = 1_000_000;

const MIB = 1024 * 1024;
/**
 * What Node 20 gives a thread for young objects. With more, as newer versions give, all that survives at once can be more
 * than V8 lends a thread that is at its limit, and then it ends the whole process.
 */
const YOUNG = 48;

type Statistics = Pick<HeapInfo, "used_heap_size" | "external_memory">;
/** Since Node 22.16. */
type Weighable = Worker & { getHeapStatistics?(): Promise<Statistics> };

export interface ThreadOptions {
  /** Most MiB of its heap. Default: what Node gives it. */
  readonly workerMemory?: number | undefined;
  /** Whether tasks that run programs for others find that they may. Default: they may not. */
  readonly allowExec?: boolean | undefined;
  /** "low": others on the machine go first. Default: as others. */
  readonly priority?: "low" | undefined;
}

/**
 * One worker thread: a piscina of one, which starts the thread, replaces it when it ended, and feeds it. Which thread gets
 * a run is decided by the pool, because a task that waits for its own stays on its thread while others run there.
 */
export class Thread {
  /** Leases of the runs on it that hold a slot, and of those that do not. */
  readonly active = new Set<number>();
  readonly suspended = new Set<number>();
  /** Times in a row that the thread ended before it had done anything. */
  failures = 0;
  /** Leases of runs that are known to have ended the thread, until all on it have heard. */
  readonly culprits = new Set<number>();
  readonly known = new Known();
  readonly #onPost: (post: Post) => void;
  readonly #onError: (error: Error) => void;
  /** Rejects the runs that piscina has not answered. */
  readonly #unanswered = new Set<(error: unknown) => void>();
  readonly #options: ThreadOptions;
  #piscina: Piscina;
  /** What is being weighed: it may take its time, and end meanwhile. */
  #weighing: Worker | undefined;
  #lastError: unknown;
  #state: "serving" | "destroyed" = "serving";

  constructor(onPost: (post: Post) => void, onError: (error: Error) => void, options: ThreadOptions = {}) {
    this.#options = options;
    this.#onPost = onPost;
    this.#onError = onError;
    this.#piscina = this.#start();
  }

  #start(): Piscina {
    const { workerMemory: memory, allowExec, priority } = this.#options;
    const piscina = new Piscina({
      filename: fileURLToPath(new URL("./entry.cjs", import.meta.url)),
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: NO_LIMIT,
      idleTimeout: Number.POSITIVE_INFINITY,
      // With "sync", a thread between tasks hears no timer, and an error left behind hits the next task.
      atomics: "disabled",
      workerData: { allowExec, priority },
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG,
        ...(memory === undefined ? {} : { maxOldGenerationSizeMb: memory }),
      },
    });
    piscina.on("message", this.#onPost);
    piscina.on("error", (error) => {
      this.#lastError = error;
      this.#onError(error);
    });
    // Whether there is another thread is seen when piscina has done with this one.
    piscina.on("workerDestroy", () => queueMicrotask(() => this.#checkAlive()));
    return piscina;
  }

  /** piscina gives up on a thread that ends before it is ready, and keeps what is queued for it without a word. */
  #checkAlive(): void {
    if (this.#state === "destroyed" || this.#piscina.threads.length > 0) return;
    void this.#piscina.destroy();
    this.#piscina = this.#start();
    // Not made before it is needed: an error keeps what called it, here the thread before this one, which has its own.
    const error = this.#lastError ?? new Error("it ended before it could do anything");
    for (const reject of [...this.#unanswered]) reject(error);
  }

  /** Node's number of the thread that there is now; undefined between one and the next. */
  get number(): number | undefined {
    return this.#piscina.threads[0]?.threadId;
  }

  /** Runs on it in all. */
  get load(): number {
    return this.active.size + this.suspended.size;
  }

  /**
   * It ended; the thread in its place knows nothing, and has done nothing. Who is to blame is remembered until all that
   * were on it have heard; those whose files are on their way were not on it, and never hear.
   */
  forget(news: "all heard" | "some have not heard"): void {
    this.known.clear();
    if (news === "all heard") this.culprits.clear();
  }

  /** Rejects when the thread ended before the run did. */
  run(request: RunRequest): Promise<RunReply> {
    return new Promise((resolve, reject) => {
      this.#unanswered.add(reject);
      void this.#piscina
        .run(request, { name: "run", transferList: [request.bodies.buffer] })
        .then(resolve as (reply: unknown) => void, reject)
        .then(() => this.#unanswered.delete(reject));
    });
  }

  /** Reaches the thread as soon as it turns to its event loop; a thread that ended needs no telling. */
  control(message: Control): void {
    this.#piscina.run(message, { name: "control" }).catch(() => {});
  }

  /**
   * What it uses. Newer versions of Node look into a thread while it computes; in older ones it has to turn to its event
   * loop. Undefined if it ended, or is still being weighed.
   */
  async weigh(): Promise<Weight | undefined> {
    const worker: Weighable | undefined = this.#piscina.threads[0];
    if (worker === undefined || worker === this.#weighing) return undefined;
    this.#weighing = worker;
    try {
      const look =
        worker.getHeapStatistics?.() ?? (this.#piscina.run(undefined, { name: "weigh" }) as Promise<Statistics>);
      const { used_heap_size, external_memory } = await look;
      return { heap: used_heap_size / MIB, outside: external_memory / MIB };
    } catch {
      return undefined;
    } finally {
      if (this.#weighing === worker) this.#weighing = undefined;
    }
  }

  /** Ends the thread now; another takes its place. */
  kill(): void {
    for (const worker of this.#piscina.threads) void worker.terminate();
  }

  /** Ends it for good. */
  async destroy(): Promise<void> {
    this.#state = "destroyed";
    await this.#piscina.destroy();
    // The port to a thread closes a turn later than the thread ends, now and then.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
