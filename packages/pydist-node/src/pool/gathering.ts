import { parentPort } from "node:worker_threads";
import { BodiesBuilder, type EncodedValue, packBodies } from "@pydist/protocol";
import type { Post, Results } from "./messages.js";

/** Results wait at most for this much work, in milliseconds, before they leave the thread. */
const FLUSH_INTERVAL = 5;
/** Results of this many bytes are moved and not packed. */
const LARGE = 64 * 1024;
/** Flushed earlier when they weigh this much. */
const FLUSH_BYTES = 1024 * 1024;

/** To the node's own thread, while a run goes on. */
export function post(message: Post, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

/** Gathers consecutive results of a run and lets them go in time. */
export class Gathering {
  readonly #lease: number;
  #builder = new BodiesBuilder();
  #from = 0;
  #since = performance.now();

  constructor(lease: number) {
    this.#lease = lease;
  }

  get empty(): boolean {
    return this.#builder.count === 0;
  }

  add(index: number, encoded: EncodedValue, flags: number, milliseconds: number, now: number): void {
    if (index !== this.#from + this.#builder.count) this.flush(now);
    if (this.#builder.count === 0) this.#from = index;
    this.#builder.add(encoded, flags, milliseconds);
    if (now - this.#since >= FLUSH_INTERVAL || this.#builder.byteLength >= FLUSH_BYTES) this.flush(now);
  }

  flush(now: number): void {
    const last = this.take();
    this.#since = now;
    if (last !== undefined) post({ kind: "results", ...last }, [bufferOf(last)]);
  }

  take(): Results | undefined {
    if (this.#builder.count === 0) return undefined;
    const bodies = this.#builder.build(true);
    this.#builder = new BodiesBuilder();
    const large = bodies.bytes.length >= LARGE;
    return { lease: this.#lease, from: this.#from, bodies: large ? bodies : packBodies(bodies) };
  }
}

/** What moves along with results. */
export function bufferOf({ bodies }: Results): ArrayBuffer {
  return (bodies instanceof Uint8Array ? bodies : bodies.bytes).buffer as ArrayBuffer;
}
