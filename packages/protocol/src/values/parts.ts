import type { Parts } from "./extension.js";
import { OWN, type Planned } from "./plan.js";

/** Gives the value at a place, for part `i`; of a part that is not there, the place is undefined. */
export type PartOf = (place: number | undefined, i: number) => unknown;

/** The parts of a node that are found, and made, when they are asked for. */
export class PlannedParts implements Parts {
  note: unknown;
  readonly length: number;
  readonly #data: readonly unknown[];
  readonly #places: readonly number[];
  readonly #partOf: PartOf;

  constructor({ data, places }: Planned, partOf: PartOf) {
    this.#data = data as readonly unknown[];
    this.#places = places;
    this.#partOf = partOf;
    this.length = places.length;
  }

  get(i: number): unknown {
    const place = Number.isInteger(i) ? this.#places[i] : undefined;
    return place === OWN ? this.#data[i] : this.#partOf(place, i);
  }
}
