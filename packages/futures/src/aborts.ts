import { rangesOf } from "./ranges.js";
import type { Route } from "./sink.js";

/** Aborts of one tick and one reason travel together: a signal may abort thousands at once. */
export class Aborts {
  readonly #route: Route;
  #gathered: { readonly reason: unknown; readonly indices: number[] }[] = [];

  constructor(route: Route) {
    this.#route = route;
  }

  add(index: number, reason: unknown): void {
    const last = this.#gathered.at(-1);
    if (last !== undefined && Object.is(last.reason, reason)) {
      last.indices.push(index);
      return;
    }
    if (last === undefined) queueMicrotask(() => this.#leave());
    this.#gathered.push({ reason, indices: [index] });
  }

  #leave(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const { reason, indices } of gathered) this.#route.abortAt(rangesOf(indices), reason);
  }
}
