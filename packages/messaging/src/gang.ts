import { BrokenExecutorError, CancelledError, NodeLostError } from "@pydist/protocol";
import type { ClusterExecutor, Future } from "pydist";
import type { FromRank, Seat, ToRank } from "./messages.js";
import { type RankFunction, takePart } from "./rank.js";

/** What befell a rank. */
export interface Failure {
  readonly rank: number;
  readonly error: unknown;
}

/** How waiting for all ranks ended. */
export type Gathered = "all here" | "not in time" | Failure;

/** Ranks of one call of `spmd`, from the first try to have them all run at once until all are settled. */
export class Gang {
  readonly #size: number;
  readonly #futures: Future<unknown>[];
  readonly #seats: (Seat | undefined)[];
  /** Ranks that have come. */
  #here = 0;
  #failure: Failure | undefined;
  /** Called at every arrival, and when a rank fails. */
  #onNews: () => void = () => {};

  /** @throws what `submit` throws */
  constructor(executor: ClusterExecutor, fn: RankFunction, args: readonly unknown[], size: number) {
    const gang = crypto.randomUUID();
    this.#size = size;
    this.#seats = new Array<Seat | undefined>(size);
    const part = (rank: number): Promise<unknown> => takePart({ gang, rank, size }, fn, args);
    const name = `spmd ${fn.name}`.slice(0, 200);
    this.#futures = Array.from({ length: size }, (_, rank) =>
      // A rank cannot begin anew, for the others have heard it.
      executor.submit(part, [rank], { name, attempts: 1, onMessage: (said) => this.#heard(rank, said as FromRank) }),
    );
    for (const [rank, future] of this.#futures.entries()) {
      future.addDoneCallback(() => void this.#ended(rank, future));
    }
  }

  get here(): number {
    return this.#here;
  }

  /** Waits for all to come, for so many milliseconds after the last one that came, but no longer than `until`. */
  gathered(patience: number, until: number, signal: AbortSignal | undefined): Promise<Gathered> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (how: Gathered): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", look);
        this.#onNews = () => {};
        resolve(how);
      };
      const look = (): void => {
        clearTimeout(timer);
        if (this.#failure !== undefined) return end(this.#failure);
        if (this.#here === this.#size) return end("all here");
        const left = Math.min(patience, until - performance.now());
        if (left <= 0 || signal?.aborted === true) return end("not in time");
        timer = setTimeout(() => end("not in time"), left);
      };
      this.#onNews = look;
      signal?.addEventListener("abort", look);
      look();
    });
  }

  /** All are there: only now anything is called. */
  begin(): void {
    for (const rank of this.#futures.keys()) this.#tell(rank, { is: "begin", seats: this.#seats as Seat[] });
  }

  /** What the ranks return, or what befell the first that failed; the others are stopped. */
  async results(signal: AbortSignal | undefined): Promise<unknown[] | Failure | "aborted"> {
    const failed = new Promise<Failure | "aborted">((resolve) => {
      this.#onNews = () => {
        if (this.#failure !== undefined) resolve(this.#failure);
        else if (signal?.aborted === true) resolve("aborted");
      };
      signal?.addEventListener("abort", this.#onNews);
      this.#onNews();
    });
    const outcome = await Promise.race([Promise.all(this.#futures).catch(() => failed), failed]);
    signal?.removeEventListener("abort", this.#onNews);
    return outcome;
  }

  /** Stops all that run, and resolves when none holds a slot any more. */
  async disband(reason: unknown): Promise<void> {
    this.#failure ??= { rank: 0, error: reason };
    for (const future of this.#futures) future.abort(reason);
    await Promise.allSettled(this.#futures);
  }

  #heard(rank: number, said: FromRank): void {
    switch (said.is) {
      case "ready":
        // A neighbour ended its thread; what it had said to others is not undone.
        if (this.#seats[rank] !== undefined) return this.#fail(rank, threadLost());
        this.#seats[rank] = said.seat;
        this.#here++;
        return this.#onNews();
      case "letter":
        return this.#tell(said.to, { is: "letter", from: rank, tag: said.tag, bytes: said.bytes });
      case "taken":
        return this.#tell(said.to, { is: "taken", from: rank, weight: said.weight });
    }
  }

  /** What is for a rank that is over is dropped: its sender is about to be told. */
  #tell(rank: number, message: ToRank): void {
    const future = this.#futures[rank];
    future?.send(message).catch(() => {
      if (!future.done()) this.#fail(rank, threadLost());
    });
  }

  async #ended(rank: number, future: Future<unknown>): Promise<void> {
    try {
      await future;
    } catch (error) {
      return this.#fail(rank, error);
    }
    for (const [other, each] of this.#futures.entries()) if (!each.done()) this.#tell(other, { is: "over", rank });
  }

  #fail(rank: number, error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { rank, error };
    this.#onNews();
  }
}

function threadLost(): BrokenExecutorError {
  return new BrokenExecutorError(
    "The rank's thread was ended because of another task on it, and a rank cannot begin anew. Look for what that task did, or give each task a thread of its own (tasksPerWorker: 1).",
  );
}

/** Whether it may go better the next time: nothing was called yet. */
export function isPassing({ error }: Failure): boolean {
  return error instanceof NodeLostError || error instanceof CancelledError;
}
