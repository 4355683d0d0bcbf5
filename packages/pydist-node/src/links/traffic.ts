import type { Carrier } from "./carrier.js";
import { Inbox } from "./inbox.js";
import { type Departure, Outbox, type OutboxLimits } from "./outbox.js";
import { encodeAck, encodeBatch, encodeClose, encodePartHead, encodeStamp, Kind, WireError } from "./wire.js";

/** What its link does with what comes and goes. */
export interface TrafficSink {
  onMessage(message: Uint8Array): void;
  onPong(stamp: number): void;
  /** The peer said goodbye. */
  onClose(detail: string): void;
  /** Our goodbye has been written; nothing follows it. */
  onParted(detail: string): void;
  /** `buffered` is low again. */
  onDrain(): void;
  /** Whether messages wait for a first listener: what nobody has listened to yet is not acknowledged. */
  isHolding(): boolean;
}

export interface TrafficLimits extends OutboxLimits {
  readonly maxMessageBytes: number;
  readonly lowWater: number;
}

/**
 * What goes over a link's sockets, one after the other: messages out of the outbox, into the inbox, and the counts by
 * which each side knows what the other has. It has no say in whether the link lives.
 */
export class Traffic {
  readonly #sink: TrafficSink;
  readonly #limits: TrafficLimits;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #carrier: Carrier | undefined;
  #pressure: "low" | "high" = "low";
  #flush: "none" | "due" = "none";
  #acknowledged = 0;
  #ackTimer: NodeJS.Immediate | undefined;
  bytesIn = 0;
  bytesOut = 0;

  constructor(sink: TrafficSink, limits: TrafficLimits) {
    this.#sink = sink;
    this.#limits = limits;
    this.#outbox = new Outbox(limits);
    this.#inbox = new Inbox(
      {
        onAck: (count) => this.#onAck(count),
        onMessage: (message) => sink.onMessage(message),
        onPing: (stamp) => this.#write(encodeStamp(Kind.pong, stamp, this.#ack())),
        onPong: (stamp) => sink.onPong(stamp),
        onClose: (detail) => sink.onClose(detail),
      },
      limits.maxMessageBytes,
    );
  }

  /** Batches and parts taken in so far, modulo 2^32. */
  get taken(): number {
    return this.#inbox.taken;
  }

  get buffered(): number {
    return this.#outbox.queuedBytes + (this.#carrier?.buffered ?? 0);
  }

  /** From now on it goes over this socket; over none, if there is none. */
  goOver(carrier: Carrier | undefined): void {
    this.#carrier = carrier;
  }

  /**
   * Goes on over another socket, with a peer that has taken in so much, and knows what this side has.
   * @throws WireError if the peer claims more than was sent
   */
  resume(taken: number): void {
    this.#inbox.restart();
    this.#acknowledged = this.#inbox.taken;
    if (!this.#outbox.rewind(taken)) throw unsent();
    this.#schedule();
  }

  send(message: Uint8Array): void {
    this.#outbox.push(message);
    this.#schedule();
  }

  latest(key: string, message: Uint8Array): void {
    this.#outbox.pushLatest(key, message);
    this.#schedule();
  }

  /** Somebody waits for `buffered` to be low. It may not have been looked at since it rose. */
  expectDrain(): void {
    this.#pressure = "high";
  }

  /** Says goodbye after all that is queued. */
  finish(detail: string): void {
    this.#outbox.finish(detail);
    this.#schedule();
  }

  /** Says goodbye now, for the peer does not keep to the protocol. */
  complain(detail: string): void {
    this.#write(encodeClose(`protocol error: this side received ${detail}`, this.#ack()));
    this.#carrier?.close();
  }

  ping(): void {
    this.#write(encodeStamp(Kind.ping, performance.now(), this.#ack()));
  }

  /** @throws WireError */
  receive(data: Buffer, isBinary: boolean): void {
    this.bytesIn += data.length;
    if (!isBinary) throw new WireError("a text message after the hello");
    this.#inbox.receive(new Uint8Array(data.buffer, data.byteOffset, data.length));
    this.scheduleAck();
  }

  /** Nothing leaves any more. */
  stop(): void {
    this.#carrier = undefined;
    if (this.#ackTimer !== undefined) clearImmediate(this.#ackTimer);
  }

  /** All that is sent in one tick leaves together. */
  #schedule(): void {
    if (this.#flush === "due") return;
    this.#flush = "due";
    queueMicrotask(() => {
      this.#flush = "none";
      this.#pump();
    });
  }

  /**
   * Acknowledgements wait for the end of this turn of the event loop, so that an answer sent meanwhile carries them and
   * so that the peer hears of them only after its messages were handled: that is what makes its frames grow under load.
   */
  scheduleAck(): void {
    if (this.#ackTimer !== undefined || this.#sink.isHolding() || this.#acknowledged === this.#inbox.taken) return;
    this.#ackTimer = setImmediate(() => {
      this.#ackTimer = undefined;
      if (this.#acknowledged !== this.#inbox.taken) this.#write(encodeAck(this.#ack()));
    });
  }

  readonly #pump = (): void => {
    const { lowWater } = this.#limits;
    if (this.buffered > lowWater) this.#pressure = "high";
    while (this.#carrier !== undefined) {
      const departure = this.#outbox.next(this.#carrier.buffered);
      if (departure === undefined) break;
      this.#depart(departure, this.#carrier);
    }
    if (this.#pressure === "high" && this.buffered <= lowWater) {
      this.#pressure = "low";
      this.#sink.onDrain();
    }
  };

  #depart(departure: Departure, carrier: Carrier): void {
    switch (departure.kind) {
      case "batch":
        this.#write(encodeBatch(departure.messages, departure.bytes, this.#ack()), this.#pump);
        break;
      case "part": {
        const { first, last, total, payload } = departure;
        this.#write(encodePartHead({ first, last, total, length: payload.length }, this.#ack()));
        this.#write(payload, this.#pump);
        break;
      }
      case "close":
        this.#sink.onParted(departure.reason);
        this.#write(encodeClose(departure.reason, this.#ack()));
        carrier.close();
        break;
    }
  }

  #write(bytes: Uint8Array, written?: () => void): void {
    if (this.#carrier === undefined) return;
    this.bytesOut += bytes.length;
    this.#carrier.write(bytes, written);
  }

  /** The count that goes into every header. */
  #ack(): number {
    if (!this.#sink.isHolding()) this.#acknowledged = this.#inbox.taken;
    return this.#acknowledged;
  }

  #onAck(count: number): void {
    if (!this.#outbox.acknowledge(count)) throw unsent();
    this.#schedule();
  }
}

function unsent(): WireError {
  return new WireError("an acknowledgement of what was never sent");
}
