/** From so many milliseconds on, a timer that goes off late says that this process stood still. */
const LATE = 50;
/** What setTimeout can wait for; for anything longer it fires at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * A time limit for others: a peer, a thread, another machine. What they have done in time may not have been read yet when it
 * is over, so it is read first. If this process itself stood still (a long task on the event loop, a stopped process), they
 * are given as much time again, up to once the whole limit.
 */
export class Countdown {
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;
  #holds: "process" | "nothing" = "process";

  /** @param milliseconds any number; more than 24 days are for ever */
  constructor(milliseconds: number, onOver: () => void) {
    this.#onOver = onOver;
    if (milliseconds > LONGEST) return;
    const due = performance.now() + milliseconds;
    this.#wait(milliseconds, () => {
      const late = performance.now() - due;
      if (late < LATE) this.#end();
      else this.#wait(Math.min(late, milliseconds), () => this.#end());
    });
  }

  #wait(milliseconds: number, then: () => void): void {
    this.#timer = setTimeout(then, milliseconds);
    if (this.#holds === "nothing") this.#timer.unref();
  }

  /** The sockets and the other threads are looked at between timers and immediates. */
  #end(): void {
    this.#look = setImmediate(this.#onOver);
  }

  /** The process may end while it runs. */
  unref(): this {
    this.#holds = "nothing";
    this.#timer?.unref();
    return this;
  }

  /** Nothing comes of it any more. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#look);
  }
}
