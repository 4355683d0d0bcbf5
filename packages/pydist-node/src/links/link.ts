import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { Heartbeat } from "./heartbeat.js";
import type { Hello } from "./hello.js";
import { Inbox } from "./inbox.js";
import { BaseLink, type CloseReason, type LinkLike, type LinkState } from "./link-like.js";
import type { LinkOptions } from "./link-options.js";
import { DEFAULT_OUTBOX_LIMITS, type Departure, Outbox } from "./outbox.js";
import {
  encodeAck,
  encodeBatch,
  encodeClose,
  encodePartHead,
  encodeStamp,
  HEADER_BYTES,
  Kind,
  WireError,
} from "./wire.js";

/** Who is at the other end, as found out by the handshake. */
export interface LinkEnds {
  readonly peer: Hello;
  readonly remoteAddress: string;
  readonly direction: "dialed" | "accepted";
  readonly protocol: number;
}

interface Settings {
  readonly heartbeatInterval: number;
  readonly sessionGrace: number;
  readonly closeTimeout: number;
  readonly maxMessageBytes: number;
  readonly lowWater: number;
}

const DEFAULTS: Settings = {
  heartbeatInterval: 1000,
  sessionGrace: 10_000,
  closeTimeout: 2000,
  maxMessageBytes: 2 * 1024 ** 3,
  lowWater: 1024 ** 2,
};

/**
 * Longest ws message that either side takes, from the first byte on: ws cannot change it after the hello, and a peer that
 * sends a hello has proved that it holds the secret. (Hellos have a limit of their own, of 64 KiB.)
 */
export const MAX_WS_PAYLOAD = 1024 * 1024 + HEADER_BYTES;

const ORDERLY = 1000;

/**
 * A link between two authenticated peers over one WebSocket. Here is only the I/O: what leaves when is the outbox's
 * business, what comes in the inbox's, and whether the peer lives the heartbeat's.
 */
export class Link extends BaseLink implements LinkLike {
  readonly peer: Hello;
  readonly remoteAddress: string;
  readonly direction: "dialed" | "accepted";
  readonly protocol: number;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #heartbeat: Heartbeat;
  readonly #options: Settings;
  readonly #beat: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #state: LinkState = "open";
  #reason: CloseReason | undefined;
  #pressure: "low" | "high" = "low";
  #flush: "none" | "due" = "none";
  #acknowledged = 0;
  #ackTimer: NodeJS.Immediate | undefined;
  #bytesIn = 0;
  #bytesOut = 0;

  /** Takes over a WebSocket on which both hellos have been exchanged. */
  constructor(ws: WebSocket, socket: Socket, ends: LinkEnds, options: LinkOptions = {}) {
    super();
    this.peer = ends.peer;
    this.remoteAddress = ends.remoteAddress;
    this.direction = ends.direction;
    this.protocol = ends.protocol;
    this.#ws = ws;
    this.#socket = socket;
    this.#options = {
      heartbeatInterval: options.heartbeatInterval ?? DEFAULTS.heartbeatInterval,
      sessionGrace: options.sessionGrace ?? DEFAULTS.sessionGrace,
      closeTimeout: options.closeTimeout ?? DEFAULTS.closeTimeout,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      lowWater: options.lowWater ?? DEFAULTS.lowWater,
    };
    this.#outbox = new Outbox({ ...DEFAULT_OUTBOX_LIMITS, ...options.outbox });
    this.#inbox = new Inbox(
      {
        onAck: (count) => this.#onAck(count),
        onMessage: (message) => this.deliver(message),
        onPing: (stamp) => this.#write(encodeStamp(Kind.pong, stamp, this.#ack())),
        onPong: (stamp) => this.#heartbeat.answered(performance.now(), stamp),
        onClose: (detail) => {
          this.#reason ??= { kind: "closed-by-peer", detail };
          this.#state = "closing";
        },
      },
      this.#options.maxMessageBytes,
    );
    const { heartbeatInterval, sessionGrace } = this.#options;
    this.#heartbeat = new Heartbeat(heartbeatInterval, sessionGrace, performance.now());
    this.#beat = setInterval(() => this.#tick(), heartbeatInterval);
    ws.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on("error", (error) => this.#onError(error));
    ws.on("close", () => this.#onClose());
    this.#ping();
  }

  get state(): LinkState {
    return this.#state;
  }

  get buffered(): number {
    return this.#outbox.queuedBytes + this.#ws.bufferedAmount;
  }

  get rtt(): number | undefined {
    return this.#heartbeat.rtt;
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  send(message: Uint8Array): boolean {
    if (!this.#mayQueue(message)) return false;
    this.#outbox.push(message);
    this.#schedule();
    return true;
  }

  latest(key: string, message: Uint8Array): boolean {
    if (!this.#mayQueue(message)) return false;
    this.#outbox.pushLatest(key, message);
    this.#schedule();
    return true;
  }

  drained(): Promise<void> {
    if (this.#state === "closed" || this.buffered <= this.#options.lowWater) return Promise.resolve();
    // It may not have been looked at since it rose.
    this.#pressure = "high";
    return new Promise((resolve) => {
      const done = (): void => {
        this.off("drain", done);
        this.off("close", done);
        resolve();
      };
      this.on("drain", done);
      this.on("close", done);
    });
  }

  unref(): void {
    this.#socket.unref();
    this.#beat.unref();
  }

  close(detail = ""): Promise<CloseReason> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#reason ??= { kind: "local", detail };
      this.#outbox.finish(detail);
      this.#deadline = setTimeout(() => this.#ws.terminate(), this.#options.closeTimeout);
      this.#schedule();
    }
    return this.closed;
  }

  terminate(detail = ""): void {
    this.#stop({ kind: "local", detail });
  }

  protected override onReleased(): void {
    this.#scheduleAck();
  }

  #mayQueue(message: Uint8Array): boolean {
    if (message.length > this.#options.maxMessageBytes) {
      throw new RangeError(
        `A message of ${message.length} bytes was to be sent to ${this.peer.name} at ${this.remoteAddress}; ` +
          `the limit is ${this.#options.maxMessageBytes}. Split the data over several tasks.`,
      );
    }
    return this.#state === "open";
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

  readonly #pump = (): void => {
    if (this.#state === "closed") return;
    const { lowWater } = this.#options;
    if (this.buffered > lowWater) this.#pressure = "high";
    for (;;) {
      const departure = this.#outbox.next(this.#ws.bufferedAmount);
      if (departure === undefined) break;
      this.#depart(departure);
    }
    if (this.#pressure === "high" && this.buffered <= lowWater) {
      this.#pressure = "low";
      if (this.#state === "open") this.emit("drain");
    }
  };

  #depart(departure: Departure): void {
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
        this.#write(encodeClose(departure.reason, this.#ack()));
        this.#ws.close(ORDERLY);
        break;
    }
  }

  #write(bytes: Uint8Array, written?: () => void): void {
    this.#bytesOut += bytes.length;
    // Failures to write arrive as the socket's own error and close.
    this.#ws.send(bytes, { binary: true, compress: false }, written);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#reason !== undefined && this.#reason.kind !== "local") return;
    this.#bytesIn += data.length;
    try {
      if (!isBinary) throw new WireError("a text message after the hello");
      this.#inbox.receive(new Uint8Array(data.buffer, data.byteOffset, data.length));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#violation(error.message);
      return;
    }
    this.#scheduleAck();
  }

  /**
   * Acknowledgements wait for the end of this turn of the event loop, so that an answer sent meanwhile carries them and
   * so that the peer hears of them only after its messages were handled: that is what makes its frames grow under load.
   */
  #scheduleAck(): void {
    if (this.#ackTimer !== undefined || this.holding || this.#acknowledged === this.#inbox.taken) return;
    this.#ackTimer = setImmediate(() => {
      this.#ackTimer = undefined;
      if (this.#state !== "closed" && this.#acknowledged !== this.#inbox.taken) this.#write(encodeAck(this.#ack()));
    });
  }

  /** The count that goes into every header. What nobody has listened to yet is not acknowledged. */
  #ack(): number {
    if (!this.holding) this.#acknowledged = this.#inbox.taken;
    return this.#acknowledged;
  }

  #onAck(count: number): void {
    if (!this.#outbox.acknowledge(count)) throw new WireError("an acknowledgement of what was never sent");
    this.#schedule();
  }

  #ping(): void {
    this.#write(encodeStamp(Kind.ping, performance.now(), this.#ack()));
  }

  #tick(): void {
    // The socket's own count: bytes of a part that has not arrived whole are a sign of life, too.
    switch (this.#heartbeat.tick(performance.now(), this.#socket.bytesRead)) {
      case "ping":
        this.#ping();
        break;
      case "silent":
        this.#stop({ kind: "silent", detail: `nothing arrived for ${this.#options.sessionGrace} ms` });
        break;
      case "quiet":
        break;
    }
  }

  #violation(detail: string): void {
    this.#reason ??= { kind: "protocol-error", detail: `the peer sent ${detail}` };
    this.#write(encodeClose(`protocol error: this side received ${detail}`, this.#ack()));
    this.#ws.close(ORDERLY);
    this.#state = "closing";
    this.#deadline ??= setTimeout(() => this.#ws.terminate(), this.#options.closeTimeout);
  }

  #stop(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#state = "closing";
    this.#reason ??= reason;
    this.#ws.terminate();
  }

  #onError(error: Error & { code?: string }): void {
    // ws names what it refused itself (too long, malformed); all other codes are the socket's.
    const kind = error.code?.startsWith("WS_ERR_") ? "protocol-error" : "socket-closed";
    this.#reason ??= { kind, detail: error.message };
    this.#ws.terminate();
  }

  #onClose(): void {
    this.#state = "closed";
    clearInterval(this.#beat);
    clearTimeout(this.#deadline);
    if (this.#ackTimer !== undefined) clearImmediate(this.#ackTimer);
    this.end(this.#reason ?? { kind: "socket-closed", detail: "the socket ended without a word" });
  }
}
