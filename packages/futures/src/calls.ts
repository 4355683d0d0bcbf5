import { type Bodies, type Ranges, SerializationError } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import type { Waiter } from "./dependents.js";
import { type Found, Future } from "./future.js";
import { Gatherer, type Gathering } from "./gathering.js";
import { nameOf } from "./header.js";
import { type Held, hold } from "./held.js";
import type { SubmitOptions } from "./options.js";
import { follow } from "./signals.js";
import { abortedError } from "./sink.js";
import type { FutureSink } from "./submissions.js";

/** Calls of one tick that share code and options travel together, up to this many and about this many bytes. */
const BATCH = 4096;
const BATCH_BYTES = 1024 * 1024;

/** Whoever sends the batches. */
export interface CallsHost {
  /** One more call is open. */
  came(): void;
  send(gathering: Gathering, bodies: Bodies, cancelled: Ranges): void;
  hold(name: string, held: Held, waiter: Waiter): { drop(): void };
  /** A call that its signal aborted before it was made. */
  stillborn(name: string): void;
}

/** From a call of `submit` to a batch that leaves. */
export class Calls {
  readonly #host: CallsHost;
  readonly #gatherer: Gatherer;

  constructor(host: CallsHost) {
    this.#host = host;
    this.#gatherer = new Gatherer((gathering) => this.#leave(gathering));
  }

  /** Batches that have not left yet. */
  get gathering(): number {
    return this.#gatherer.size;
  }

  /** @throws SerializationError */
  submit(code: ShippedCode, args: readonly unknown[], options: SubmitOptions | undefined): Future<unknown> {
    const signal = options?.signal;
    if (signal?.aborted === true) {
      const future = Future.of<unknown>();
      future.abandon(abortedError(signal.reason));
      this.#host.stillborn(nameOf(code, options));
      return future;
    }
    const future = this.#join(code, args, options);
    if (signal !== undefined) future.addDoneCallback(follow(signal, future));
    return future;
  }

  #join(code: ShippedCode, args: readonly unknown[], options: SubmitOptions | undefined): Future<unknown> {
    try {
      return this.#gather(code, args, options);
    } catch (error) {
      // Looked for only here, so that calls without futures do not pay for it.
      const held = error instanceof SerializationError ? hold(args, code) : undefined;
      if (held === undefined) throw error;
      return this.#gatherLater(code, held, options && { ...options });
    }
  }

  /** Joins the call to the others of this tick. */
  #gather(
    code: ShippedCode,
    args: readonly unknown[],
    options: SubmitOptions | undefined,
    given?: Future<unknown>,
  ): Future<unknown> {
    const gathering = this.#gatherer.of(code, options);
    const { sink } = gathering;
    const future = sink.add(code, args, given);
    this.#host.came();
    if (sink.count >= BATCH || sink.byteLength >= BATCH_BYTES) this.#gatherer.leaveNow(gathering);
    return future;
  }

  #gatherLater(code: ShippedCode, held: Held, options: SubmitOptions | undefined): Future<unknown> {
    const future = Future.of<unknown>();
    let dependent: { drop(): void } | undefined;
    const drop = (): void => dependent?.drop();
    const name = nameOf(code, options);
    const findTask = (): Found => ({ is: "held", name, missing: held.missing });
    future.adopt({ findTask, cancelTask: drop, abortTask: drop }, 0);
    dependent = this.#host.hold(name, held, {
      ready: (args) => void this.#gather(code, args, options, future),
      failed: (error) => future.abandon(error),
    });
    return future;
  }

  leaveAll(): void {
    this.#gatherer.leaveAll();
  }

  #leave(gathering: Gathering): void {
    const sink: FutureSink = gathering.sink;
    if (sink.count === 0) return;
    const { bodies, cancelled } = sink.seal();
    this.#host.send(gathering, bodies, cancelled);
  }
}
