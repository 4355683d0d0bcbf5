import { ShippingError } from "@pydist/protocol";

/** Most bytes of code that a process keeps. Code that was dropped is asked for again. */
const MOST_BYTES = 64 * 1024 * 1024;

type Answer = { readonly text: string } | { readonly why: string };

interface Waiting {
  /** The upstream that was asked. */
  readonly source: number;
  readonly resolve: (answer: Answer) => void;
}

/** Shipped functions by their hash. Whoever lacks one asks the sender of the task, once (design decision 8). */
export class CodeStore {
  readonly #texts = new Map<string, string>();
  readonly #waiting = new Map<string, Waiting[]>();
  #bytes = 0;

  get(hash: string): string | undefined {
    return this.#texts.get(hash);
  }

  add(hash: string, text: string): void {
    if (!this.#texts.has(hash)) {
      this.#texts.set(hash, text);
      this.#bytes += text.length;
      for (const [old, oldText] of this.#texts) {
        if (this.#bytes <= MOST_BYTES || old === hash) break;
        this.#texts.delete(old);
        this.#bytes -= oldText.length;
      }
    }
    this.#answer(hash, { text }, () => true);
  }

  /** That source does not have it. */
  missing(hash: string, source: number, why: string): void {
    this.#answer(hash, { why }, (waiting) => waiting.source === source);
  }

  /** That source is gone and will answer nothing any more. */
  sourceLost(source: number): void {
    for (const hash of [...this.#waiting.keys()]) this.missing(hash, source, "the link to its sender was lost");
  }

  /**
   * The text of a code, asked for by `ask` if it is not here and the source was not asked before.
   * @throws ShippingError when the source does not have it either.
   */
  async obtain(hash: string, name: string, source: number, ask: () => void): Promise<string> {
    const here = this.#texts.get(hash);
    if (here !== undefined) return here;
    const answer = await new Promise<Answer>((resolve) => {
      const others = this.#waiting.get(hash) ?? [];
      this.#waiting.set(hash, [...others, { source, resolve }]);
      if (!others.some((waiting) => waiting.source === source)) ask();
    });
    if ("text" in answer) return answer.text;
    throw new ShippingError(`The code of "${name}" could not be had: ${answer.why}. Submit the task again.`, {});
  }

  #answer(hash: string, answer: Answer, whom: (waiting: Waiting) => boolean): void {
    const waiting = this.#waiting.get(hash);
    if (waiting === undefined) return;
    const rest = waiting.filter((each) => !whom(each));
    if (rest.length > 0) this.#waiting.set(hash, rest);
    else this.#waiting.delete(hash);
    for (const each of waiting) if (whom(each)) each.resolve(answer);
  }
}
