import type { TaskContext } from "pydist";
import type { Arrived } from "./mailbox.js";
import type { Messenger } from "./messenger.js";

/** What both single messages and collectives are made of: values as bytes, from rank to rank. */
export class Wire {
  readonly rank: number;
  readonly size: number;
  readonly #messenger: Messenger;
  readonly #context: TaskContext;

  constructor(messenger: Messenger, size: number, context: TaskContext) {
    this.rank = messenger.rank;
    this.size = size;
    this.#messenger = messenger;
    this.#context = context;
  }

  encode(value: unknown): Uint8Array<ArrayBuffer> {
    return this.#context.encode(value);
  }

  decode(bytes: Uint8Array): unknown {
    return this.#context.decode(bytes);
  }

  send(to: number, tag: string, value: unknown): Promise<void> {
    return this.#messenger.send(to, { tag, bytes: this.encode(value) });
  }

  /** Bytes that go on to others, too: who sends them by a port loses them. */
  sendCopy(to: number, tag: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#messenger.send(to, { tag, bytes: bytes.slice() });
  }

  take(from: number | undefined, fits: (tag: string) => boolean): Promise<Arrived> {
    return this.#messenger.mailbox.take({ from, fits });
  }
}
