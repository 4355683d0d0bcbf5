/** Longer than any program waits; what counts is that the timer is there. */
const FAR = 2 ** 30;

/** Keeps the process running while something is awaited, and not a moment longer. */
export class KeepAlive {
  #timer: NodeJS.Timeout | undefined;
  #reasons = 0;

  add(count: number): void {
    this.#reasons += count;
    if (this.#reasons > 0) this.#timer ??= setInterval(() => {}, FAR);
  }

  remove(count: number): void {
    this.#reasons -= count;
    if (this.#reasons > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
