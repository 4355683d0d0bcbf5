/** Where the lines of a text begin, to get from offsets to lines and columns and back; both count from 0. */
export class Lines {
  readonly #starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (const { index, 0: end } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(index + end.length);
    this.#starts = starts;
  }

  /** Undefined for a line that there is not. */
  offsetOf(line: number, column: number): number | undefined {
    const start = this.#starts[line];
    return start === undefined ? undefined : start + column;
  }

  placeOf(offset: number): { readonly line: number; readonly column: number } {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: offset - (this.#starts[low] as number) };
  }
}
