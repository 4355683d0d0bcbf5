import {
  type Bodies,
  BodiesBuilder,
  type ChannelNote,
  Outcome,
  outcomeAt,
  type Ranges,
  type ResultInfo,
} from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { Aborts } from "./aborts.js";
import { cancelledError } from "./cancelled.js";
import type { Hearer, MessageListener, Way } from "./channel.js";
import { decodeResults, type KnownErrors } from "./decoding.js";
import { type Found, Future, type FutureOwner } from "./future.js";
import { rangesOf } from "./ranges.js";
import type { Ending, Finding, Sink } from "./sink.js";

/** The futures of one batch of submits. */
export class FutureSink implements Sink, FutureOwner {
  readonly #hearer: Hearer;
  readonly #builder = new BodiesBuilder();
  readonly #futures: (Future<unknown> | undefined)[] = [];
  /** Indices, in the order of cancelling. */
  readonly #cancelled: number[] = [];
  #route: Finding | undefined;
  #aborts: Aborts | undefined;

  /** @param code what the calls have in common */
  constructor({ types }: Pick<ShippedCode, "types">, listener?: MessageListener) {
    this.#hearer = { types, listener };
  }

  get count(): number {
    return this.#futures.length;
  }

  get byteLength(): number {
    return this.#builder.byteLength;
  }

  /**
   * Encodes the arguments now, so that what the caller does with them later changes nothing.
   * @param code the function as this call shipped it
   * @param future one that was given out already
   * @throws SerializationError naming the value that cannot travel.
   */
  add(code: ShippedCode, args: readonly unknown[], future?: Future<unknown>): Future<unknown> {
    this.#builder.add(code.encodeArguments(args));
    const index = this.#futures.length;
    future?.adopt(this, index);
    const added = future ?? Future.of<unknown>(this, index);
    this.#futures.push(added);
    return added;
  }

  /** What leaves: the arguments, and which tasks were cancelled meanwhile. */
  seal(): { readonly bodies: Bodies; readonly cancelled: Ranges } {
    return { bodies: this.#builder.build(), cancelled: rangesOf(this.#cancelled) };
  }

  /** From now on cancelling is the tree's business. */
  sent(route: Finding): void {
    this.#route = route;
  }

  findTask(index: number): Found {
    return this.#route === undefined ? { is: "gathering" } : { is: "sent", ...this.#route.find(index) };
  }

  cancelTask(index: number): void {
    this.#futures[index] = undefined;
    this.#tellCancelled([index]);
  }

  abortTask(index: number, reason: unknown): void {
    if (this.#futures[index]?.state === "pending") this.#futures[index] = undefined;
    if (this.#route === undefined) return this.#tellCancelled([index]);
    this.#aborts ??= new Aborts(this.#route);
    this.#aborts.add(index, reason);
  }

  /**
   * A batch that has not left takes the news along. Of one that has, a task may have begun although nobody here knows yet:
   * its future is cancelled, so it is stopped.
   */
  #tellCancelled(indices: readonly number[]): void {
    if (this.#route === undefined) for (const index of indices) this.#cancelled.push(index);
    else if (indices.length > 0) this.#route.abortAt(rangesOf(indices), undefined);
  }

  report(from: number, bodies: Bodies, info: ResultInfo, known?: KnownErrors): void {
    const { values, errors } = decodeResults(bodies, info.node, { from, known, types: this.#hearer.types });
    for (let i = 0; i < values.length; i++) {
      const future = this.#futures[from + i];
      this.#futures[from + i] = undefined;
      if (future === undefined || future.done()) continue;
      const duration = bodies.times?.[i] ?? 0;
      if (errors === undefined || !errors.has(i)) future.finish({ value: values[i] }, info, duration);
      else if (outcomeAt(bodies, i) & Outcome.Cancelled) future.abandon(errors.get(i));
      else future.finish({ error: errors.get(i) }, info, duration);
    }
  }

  heard(index: number, note: ChannelNote, bodies: Bodies | undefined, way: Way): void {
    this.#futures[index]?.heard(note, bodies, way, this.#hearer);
  }

  started(ranges: Ranges): void {
    for (let r = 0; r < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) this.#futures[i]?.markRunning();
    }
  }

  waiting(ranges: Ranges): void {
    for (let r = 0; r < ranges.length; r += 2) {
      for (let i = ranges[r] as number; i < (ranges[r + 1] as number); i++) this.#futures[i]?.markPending();
    }
  }

  abandon(ending: Ending, from = 0, to = this.count): void {
    for (let i = from; i < to; i++) {
      const future = this.#futures[i];
      this.#futures[i] = undefined;
      if (future !== undefined && !future.done()) future.abandon(ending(future.running() ? "running" : "pending"));
    }
  }

  /** All in one message: a future's own `cancel` sends one each. */
  cancel(): void {
    const indices: number[] = [];
    for (let i = 0; i < this.#futures.length; i++) {
      const future = this.#futures[i];
      if (future?.state !== "pending") continue;
      this.#futures[i] = undefined;
      future.abandon(cancelledError());
      indices.push(i);
    }
    this.#tellCancelled(indices);
  }
}
