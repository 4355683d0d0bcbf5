import { inspect } from "node:util";
import { Collectives } from "./collectives.js";

/** Tells messages of one rank to another apart. */
export type Tag = number | string;

/** Which message is wanted; what is not told may be any. */
export interface From {
  /** The rank that sent it. */
  readonly from?: number;
  readonly tag?: Tag;
}

/** A message, and who sent it. */
export interface Received {
  readonly value: unknown;
  readonly from: number;
  readonly tag: Tag;
}

/**
 * What a rank has to do with the others. Values are those that may be arguments and results anywhere in pydist. Messages
 * of one rank to another arrive in the order in which they were sent; which of two ranks' messages comes first is open.
 */
export class Comm extends Collectives {
  /** From 0. */
  declare readonly rank: number;
  /** How many ranks there are. */
  declare readonly size: number;

  /**
   * Sends a value to a rank, which may be this one. Await it: it resolves when the value has left, with at most 1 MiB under
   * way to each rank that it has not read; a single larger value travels alone.
   * @param options.tag any number or string; default 0
   * @throws RangeError for a rank that there is not; SerializationError if the value cannot travel; InvalidStateError if
   *   the rank has returned; what the ranks are stopped with
   */
  async send(to: number, value: unknown, options: { readonly tag?: Tag } = {}): Promise<void> {
    this.#checkRank("send", "to", to);
    const { tag = 0 } = options;
    await this.wire.send(to, tagText("send", tag), value);
  }

  /**
   * The value of the next message that is wanted, of those that have arrived the one that came first.
   * @throws RangeError for a rank that there is not; InvalidStateError if nobody is left who could send it; what the ranks
   *   are stopped with
   */
  async recv(wanted: From = {}): Promise<unknown> {
    return (await this.receive(wanted)).value;
  }

  /** As `recv`, with who sent it and its tag. */
  async receive({ from, tag }: From = {}): Promise<Received> {
    if (from !== undefined) this.#checkRank("recv", "from", from);
    const text = tag === undefined ? undefined : tagText("recv", tag);
    const letter = await this.wire.take(from, text === undefined ? isOwnTag : (other) => other === text);
    return { value: this.wire.decode(letter.bytes), from: letter.from, tag: JSON.parse(letter.tag) as Tag };
  }

  #checkRank(call: string, name: string, rank: unknown): void {
    if (typeof rank !== "number")
      throw new TypeError(`${call}'s ${name} is ${inspect(rank)}; it must be a rank's number.`);
    if (Number.isSafeInteger(rank) && rank >= 0 && rank < this.size) return;
    throw new RangeError(`${call}'s ${name} is ${rank}; ranks are whole numbers from 0 to ${this.size - 1}.`);
  }
}

function tagText(call: string, tag: unknown): string {
  if (typeof tag === "string" || (typeof tag === "number" && Number.isFinite(tag))) return JSON.stringify(tag);
  throw new TypeError(`${call}'s tag is ${inspect(tag)}; it must be a string or a finite number.`);
}

/** Those of collectives are another matter. */
function isOwnTag(tag: string): boolean {
  return !tag.startsWith("*");
}
