/** What a rank says to the program that started it. `to` is another rank, which is told the same with `from`. */
export type FromRank =
  | { readonly is: "ready"; readonly seat: Seat }
  | ({ readonly is: "letter"; readonly to: number } & Letter)
  | { readonly is: "taken"; readonly to: number; readonly weight: number };

/** What the program says to a rank. */
export type ToRank =
  /** All are there: who sits where. */
  | { readonly is: "begin"; readonly seats: readonly Seat[] }
  | ({ readonly is: "letter"; readonly from: number } & Letter)
  /** That rank has taken letters of so much weight. */
  | { readonly is: "taken"; readonly from: number; readonly weight: number }
  /** That rank has returned. */
  | { readonly is: "over"; readonly rank: number };

/** Where a rank runs. */
export interface Seat {
  readonly node: string;
  /** Node's number of the thread, in the node's process. */
  readonly thread: number;
}

/** A value from one rank to another: only the two of them look inside. */
export interface Letter {
  /** As `tagOf` writes it. */
  readonly tag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a letter counts towards what a pair of ranks may have under way. */
export function weightOf({ bytes }: Letter): number {
  return bytes.length + 256;
}
