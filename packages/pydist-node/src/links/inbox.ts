import { HEADER_BYTES, isKind, Kind, LENGTH_BYTES, type PartHead, readPartHead, readStamp, WireError } from "./wire.js";

/** What came in, in the order of its arrival. */
export interface InboxSink {
  /** `count`: the peer's running count of what it took in. */
  onAck(count: number): void;
  /** The message owns its memory alone: offset 0 of an ArrayBuffer of just its size. */
  onMessage(message: Uint8Array): void;
  onPing(stamp: number): void;
  onPong(stamp: number): void;
  onClose(reason: string): void;
}

/**
 * The opposite of the outbox: takes ws messages apart and puts the parts of large ones together.
 *
 * ws hands out views of a chunk that it shares between small messages; a message may be kept for long (a leased body)
 * or transferred to a worker, so whatever is delivered has been copied out of anything shared.
 */
export class Inbox {
  readonly #sink: InboxSink;
  readonly #maxMessageBytes: number;
  #expected: PartHead | undefined;
  #whole: { readonly bytes: Uint8Array; filled: number } | undefined;
  #taken = 0;

  constructor(sink: InboxSink, maxMessageBytes: number) {
    this.#sink = sink;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Batches and parts taken in so far, modulo 2^32. */
  get taken(): number {
    return this.#taken;
  }

  /** The peer goes on over another socket, after what was taken in: the head of a part that did not follow is void. */
  restart(): void {
    this.#expected = undefined;
  }

  /** @throws WireError */
  receive(data: Uint8Array): void {
    const expected = this.#expected;
    if (expected !== undefined) {
      this.#expected = undefined;
      this.#part(expected, data);
      this.#took();
      return;
    }
    if (data.length < HEADER_BYTES) throw new WireError(`a message of ${data.length} bytes`);
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (!isKind(data[0])) throw new WireError(`a message of unknown kind ${data[0]}`);
    this.#sink.onAck(view.getUint32(4, true));
    switch (data[0]) {
      case Kind.batch:
        this.#batch(data, view);
        this.#took();
        break;
      case Kind.part:
        this.#expect(readPartHead(view));
        break;
      case Kind.ack:
        break;
      case Kind.ping:
        this.#sink.onPing(readStamp(view));
        break;
      case Kind.pong:
        this.#sink.onPong(readStamp(view));
        break;
      case Kind.close:
        this.#sink.onClose(new TextDecoder().decode(data.subarray(HEADER_BYTES)));
        break;
    }
  }

  #took(): void {
    this.#taken = (this.#taken + 1) >>> 0;
  }

  #batch(data: Uint8Array, view: DataView): void {
    if (this.#whole !== undefined) throw new WireError("a batch between the parts of a message");
    let at = HEADER_BYTES;
    while (at < data.length) {
      const start = at + LENGTH_BYTES;
      const end = start <= data.length ? start + view.getUint32(at, true) : Number.POSITIVE_INFINITY;
      if (end > data.length) throw new WireError("a batch that ends within a message");
      this.#sink.onMessage(data.slice(start, end));
      at = end;
    }
  }

  #expect(head: PartHead): void {
    if (head.first !== (this.#whole === undefined)) throw new WireError("a part out of order");
    if (head.first) {
      if (!Number.isSafeInteger(head.total) || head.total < 0) throw new WireError(`a message of ${head.total} bytes`);
      if (head.total > this.#maxMessageBytes) {
        throw new WireError(`a message of ${head.total} bytes, where the limit is ${this.#maxMessageBytes}`);
      }
    }
    const filled = this.#whole?.filled ?? 0;
    const total = this.#whole?.bytes.length ?? head.total;
    if (head.total !== total || filled + head.length > total || head.last !== (filled + head.length === total)) {
      throw new WireError("parts that do not add up to their message");
    }
    this.#expected = head;
  }

  #part(head: PartHead, data: Uint8Array): void {
    if (data.length !== head.length) throw new WireError(`a part of ${data.length} bytes announced as ${head.length}`);
    if (head.first && head.last) {
      this.#sink.onMessage(owned(data));
      return;
    }
    // allocUnsafeSlow: memory of its own, untouched until a part is written to it.
    this.#whole ??= { bytes: new Uint8Array(Buffer.allocUnsafeSlow(head.total).buffer), filled: 0 };
    this.#whole.bytes.set(data, this.#whole.filled);
    this.#whole.filled += data.length;
    if (!head.last) return;
    const { bytes } = this.#whole;
    this.#whole = undefined;
    this.#sink.onMessage(bytes);
  }
}

function owned(data: Uint8Array): Uint8Array {
  return data.buffer.byteLength === data.length ? data : data.slice();
}
