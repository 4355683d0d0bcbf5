import { InvalidStateError } from "@pydist/protocol";
import type { Letter } from "./messages.js";

/** A letter that has arrived. */
export interface Arrived extends Letter {
  readonly from: number;
  /** Makes room for another one of its sender. */
  readonly took: () => void;
}

/** Which letters a reader takes; undefined for any. */
interface Wish {
  readonly from: number | undefined;
  /** Whether a tag is meant. */
  readonly fits: (tag: string) => boolean;
}

interface Reader extends Wish {
  readonly resolve: (letter: Arrived) => void;
  readonly reject: (error: unknown) => void;
}

/** What has arrived for a rank and was not read, in the order of arrival, and who waits for what has not. */
export class Mailbox {
  readonly #others: readonly number[];
  readonly #letters: Arrived[] = [];
  readonly #readers: Reader[] = [];
  readonly #over = new Set<number>();
  #end: { readonly error: unknown } | undefined;

  /** @param others all other ranks */
  constructor(others: readonly number[]) {
    this.#others = others;
  }

  put(letter: Arrived): void {
    const at = this.#readers.findIndex((reader) => matches(reader, letter));
    const [reader] = at < 0 ? [] : this.#readers.splice(at, 1);
    if (reader === undefined) return void this.#letters.push(letter);
    letter.took();
    reader.resolve(letter);
  }

  /** @throws what it was closed with; InvalidStateError if nobody is left who could send such a letter */
  take(wish: Wish): Promise<Arrived> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end.error);
      const at = this.#letters.findIndex((letter) => matches(wish, letter));
      const [letter] = at < 0 ? [] : this.#letters.splice(at, 1);
      if (letter !== undefined) {
        letter.took();
        return resolve(letter);
      }
      if (this.#isHopeless(wish)) return reject(overError(wish.from));
      this.#readers.push({ ...wish, resolve, reject });
    });
  }

  /** All that a rank sent has arrived, and nothing more will come of it. */
  over(rank: number): void {
    this.#over.add(rank);
    const hopeless = this.#readers.filter((reader) => this.#isHopeless(reader));
    for (const reader of hopeless) {
      this.#readers.splice(this.#readers.indexOf(reader), 1);
      reader.reject(overError(reader.from));
    }
  }

  #isHopeless({ from }: Wish): boolean {
    // A rank may send to itself, as long as it runs.
    return from === undefined
      ? this.#others.length > 0 && this.#others.every((rank) => this.#over.has(rank))
      : this.#over.has(from);
  }

  close(error: unknown): void {
    this.#end ??= { error };
    for (const { reject } of this.#readers.splice(0)) reject(error);
  }
}

function matches({ from, fits }: Wish, letter: Arrived): boolean {
  return (from === undefined || from === letter.from) && fits(letter.tag);
}

export function overError(rank: number | undefined): InvalidStateError {
  return new InvalidStateError(
    rank === undefined
      ? "All other ranks have returned, so nobody is left who could send what recv waits for."
      : `Rank ${rank} has returned: it takes nothing more and sends nothing more. Let ranks return after what they have to do with each other.`,
  );
}
