import { LENGTH_BYTES } from "./wire.js";

/** What may leave now. The link writes it to the socket at once; the outbox then counts it as in flight. */
export type Departure =
  /** `bytes` includes the lengths between the messages. */
  | { readonly kind: "batch"; readonly messages: readonly Uint8Array[]; readonly bytes: number }
  | {
      readonly kind: "part";
      readonly payload: Uint8Array;
      readonly first: boolean;
      readonly last: boolean;
      readonly total: number;
    }
  | { readonly kind: "close"; readonly reason: string };

export interface OutboxLimits {
  /** Most bytes in one batch or part, at most 1 MiB: what peers accept in one ws message, and what a ping may wait for. */
  readonly frameBytes: number;
  /** Messages above this travel as parts, uncopied; those up to it share batches. */
  readonly largeBytes: number;
  /** Bytes that may be under way without having been acknowledged. */
  readonly windowBytes: number;
  /** Bytes that may wait in the socket's own buffer; beyond it the rest waits here, behind no heartbeat. */
  readonly socketBytes: number;
}

export const DEFAULT_OUTBOX_LIMITS: OutboxLimits = {
  frameBytes: 256 * 1024,
  largeBytes: 64 * 1024,
  windowBytes: 4 * 1024 * 1024,
  socketBytes: 512 * 1024,
};

interface Waiting {
  message: Uint8Array;
  readonly key: string | undefined;
}

/** What the peer has yet to acknowledge. It is kept whole, for it may have to be sent again. */
type InFlight = Exclude<Departure, { readonly kind: "close" }>;

/**
 * The order in which a link's messages leave (design decision 4, self-clocked frames). First in, first out, and:
 * - a batch that is not full leaves only when no earlier batch is unacknowledged, so batches grow while the peer is busy
 *   and never wait when it is idle (Nagle's rule);
 * - full batches and the parts of large messages leave as long as the byte window allows, or a slow link would starve.
 *
 * Pure: knows no socket and no clock. Someone calls {@link next} until it returns undefined: after a send, after an
 * acknowledgement, and when the socket has written something.
 */
export class Outbox {
  readonly #limits: OutboxLimits;
  /** Nothing before the head: what has left must not be kept because others wait. */
  #queue: (Waiting | undefined)[] = [];
  #head = 0;
  /** Bytes of the message at the head that left as parts already. */
  #sentOfHead = 0;
  #large = 0;
  readonly #byKey = new Map<string, Waiting>();
  #queuedBytes = 0;
  readonly #inFlight: InFlight[] = [];
  /** From here on, what is in flight has yet to be sent again. */
  #rewound = 0;
  #inFlightBytes = 0;
  #batchesInFlight = 0;
  /** Departures so far, modulo 2^32: what the peer's acknowledgements are compared with. */
  #departed = 0;
  #closing: string | undefined;

  constructor(limits: OutboxLimits = DEFAULT_OUTBOX_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes that have not been handed to the socket, lengths included: many empty messages are not nothing. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes handed to the socket and not acknowledged. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  push(message: Uint8Array): void {
    this.#append({ message, key: undefined });
  }

  /**
   * Queues a message that replaces an earlier one of the same key, if that still waits. It takes the other's place, so it
   * may arrive before messages that were queued in between; in exchange it cannot be starved by its own successors.
   */
  pushLatest(key: string, message: Uint8Array): void {
    const waiting = this.#byKey.get(key);
    if (waiting === undefined) {
      const entry = { message, key };
      this.#byKey.set(key, entry);
      this.#append(entry);
      return;
    }
    this.#queuedBytes += message.length - waiting.message.length;
    this.#large += Number(this.#isLarge(message)) - Number(this.#isLarge(waiting.message));
    waiting.message = message;
  }

  /** After what is queued now, the link closes. Nothing may be pushed any more. */
  finish(reason: string): void {
    this.#closing ??= reason;
  }

  /**
   * @param inSocket bytes that wait in the socket's own buffer
   */
  next(inSocket: number): Departure | undefined {
    if (this.#rewound < this.#inFlight.length) {
      return inSocket < this.#limits.socketBytes ? this.#inFlight[this.#rewound++] : undefined;
    }
    const head = this.#queue[this.#head];
    if (head === undefined) return this.#takeClose();
    const { windowBytes, socketBytes } = this.#limits;
    const windowOpen = this.#inFlightBytes < windowBytes && inSocket < socketBytes;
    if (this.#isLarge(head.message)) return windowOpen ? this.#takePart(head) : undefined;
    if (this.#batchesInFlight === 0) return this.#takeBatch();
    return windowOpen && this.#fullBatchWaits() ? this.#takeBatch() : undefined;
  }

  /**
   * @param count the peer's running count of batches and parts that it took in, modulo 2^32
   * @returns false if the peer acknowledged more than was sent
   */
  acknowledge(count: number): boolean {
    const left = (this.#departed - count) >>> 0;
    if (left > this.#inFlight.length) return false;
    // Few are under way at a time, and what has arrived must not be kept.
    const acknowledged = this.#inFlight.splice(0, this.#inFlight.length - left);
    for (const departed of acknowledged) {
      this.#inFlightBytes -= bytesOf(departed);
      if (departed.kind === "batch") this.#batchesInFlight--;
    }
    this.#rewound = Math.max(0, this.#rewound - acknowledged.length);
    return true;
  }

  /**
   * Another socket takes the place of one that was lost: all that the peer has not taken in leaves again, first of all.
   * @returns false if the peer claims more than was sent
   */
  rewind(taken: number): boolean {
    if (!this.acknowledge(taken)) return false;
    this.#rewound = 0;
    return true;
  }

  #append(entry: Waiting): void {
    if (this.#closing !== undefined) throw new Error("pydist: an outbox that was finished takes no more messages");
    this.#queue.push(entry);
    this.#queuedBytes += entry.message.length + LENGTH_BYTES;
    if (this.#isLarge(entry.message)) this.#large++;
  }

  #isLarge(message: Uint8Array): boolean {
    return message.length > this.#limits.largeBytes;
  }

  /** A large message behind the small ones counts as full: it may go by its window and must not wait for their turn. */
  #fullBatchWaits(): boolean {
    return this.#large > 0 || this.#queuedBytes >= this.#limits.frameBytes;
  }

  #takeBatch(): Departure {
    const messages: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const entry = this.#queue[this.#head];
      if (entry === undefined || this.#isLarge(entry.message)) break;
      const cost = entry.message.length + LENGTH_BYTES;
      if (messages.length > 0 && bytes + cost > this.#limits.frameBytes) break;
      messages.push(entry.message);
      bytes += cost;
      this.#shift(entry);
    }
    this.#queuedBytes -= bytes;
    return this.#depart({ kind: "batch", messages, bytes });
  }

  #takePart(head: Waiting): Departure {
    const { message } = head;
    const start = this.#sentOfHead;
    const end = Math.min(start + this.#limits.frameBytes, message.length);
    const last = end === message.length;
    // Once its first part has left, a message can no longer be replaced by a later one.
    if (head.key !== undefined && this.#byKey.get(head.key) === head) this.#byKey.delete(head.key);
    this.#sentOfHead = last ? 0 : end;
    if (last) {
      this.#shift(head);
      this.#large--;
      this.#queuedBytes -= LENGTH_BYTES;
    }
    this.#queuedBytes -= end - start;
    const payload = message.subarray(start, end);
    return this.#depart({ kind: "part", payload, first: start === 0, last, total: message.length });
  }

  #takeClose(): Departure | undefined {
    if (this.#closing === undefined) return undefined;
    const reason = this.#closing;
    this.#closing = undefined;
    return { kind: "close", reason };
  }

  #shift(head: Waiting): void {
    if (head.key !== undefined && this.#byKey.get(head.key) === head) this.#byKey.delete(head.key);
    this.#queue[this.#head++] = undefined;
    // Now and then, so that a queue that never runs empty does not grow and shifting stays cheap.
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  #depart(departure: InFlight): Departure {
    this.#inFlight.push(departure);
    this.#rewound = this.#inFlight.length;
    this.#inFlightBytes += bytesOf(departure);
    if (departure.kind === "batch") this.#batchesInFlight++;
    this.#departed = (this.#departed + 1) >>> 0;
    return departure;
  }
}

function bytesOf(departure: InFlight): number {
  return departure.kind === "batch" ? departure.bytes : departure.payload.length;
}
