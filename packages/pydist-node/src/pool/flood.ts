/** Most lines in a second that anybody writes. */
export const MOST_LINES = 100;

/** Who writes without end must not flood the tree. */
export class Flood {
  #windowEnds = 0;
  #lines = 0;

  /** What is to become of one more line: "last" is the first that is left out, and the place to say so. */
  next(): "written" | "last" | "left out" {
    const now = performance.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + 1000;
      this.#lines = 0;
    }
    this.#lines++;
    if (this.#lines <= MOST_LINES) return "written";
    return this.#lines === MOST_LINES + 1 ? "last" : "left out";
  }
}
