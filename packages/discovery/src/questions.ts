/** Milliseconds before the second question, and the longest pause between two. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** Asks who is there: at once, then ever more seldom, for whoever comes says so by itself. */
export class Questions {
  readonly #ask: (pause: number) => void;
  #pause = FIRST_PAUSE;
  #timer: NodeJS.Timeout | undefined;

  /** @param ask is told after how many milliseconds it is called again */
  constructor(ask: (pause: number) => void) {
    this.#ask = ask;
  }

  start(): void {
    if (this.#timer === undefined) this.#next();
  }

  #next(): void {
    const pause = this.#pause;
    this.#pause = Math.min(2 * pause, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#next(), pause).unref();
    this.#ask(pause);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pause = FIRST_PAUSE;
  }
}
