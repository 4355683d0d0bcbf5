import { EventEmitter } from "eventemitter3";
import type { Hello } from "./hello.js";

/** Why a link ended, as this side knows it. `detail` is for people. */
export interface CloseReason {
  readonly kind:
    | "local" // this side called close or terminate
    | "closed-by-peer" // the other side called close; detail is what it said
    | "silent" // no byte arrived for sessionGrace: cable, machine or process stopped
    | "socket-closed" // the socket ended without a word: the peer's process died, or the network between
    | "protocol-error"; // the peer sent what no correct peer sends
  readonly detail: string;
}

export interface LinkEvents {
  /** A whole message, in the order of sending. It owns its memory, so it may be kept or transferred. */
  message: (message: Uint8Array) => void;
  /** The socket is gone; the peer has `grace` milliseconds to come back with another. What is sent meanwhile waits. */
  away: (reason: CloseReason, grace: number) => void;
  /** The peer came back, and nothing is lost. */
  back: () => void;
  /** Once, last. Who listens after the end hears of it all the same. */
  close: (reason: CloseReason) => void;
  /** `buffered` had been above the low-water mark and is not any more: time to send on, for who waits with that. */
  drain: () => void;
}

export type LinkState = "open" | "away" | "closing" | "closed";

/** What a link looks like to the layers above, whatever carries it. */
export interface LinkLike extends EventEmitter<LinkEvents> {
  /** What the peer said of itself. */
  readonly peer: Hello;
  /** The peer's socket address, for logs. */
  readonly remoteAddress: string;
  /** This machine's address, without a port, by which the two reach each other; "" if there is none. */
  readonly localHost: string;
  /** Who dialled. It says nothing about who is upstream. */
  readonly direction: "dialed" | "accepted";
  /** Version of the link protocol that both speak. */
  readonly protocol: number;
  readonly state: LinkState;
  /** Undefined until `state` is "closed". */
  readonly closeReason: CloseReason | undefined;
  /** Resolves with the reason when the link has closed; never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Bytes accepted by `send` that have not left this process. */
  readonly buffered: number;
  /** Milliseconds there and back, smoothed; undefined before the first measurement. */
  readonly rtt: number | undefined;
  /** Milliseconds since something arrived, known to a second or so. A peer that lives is heard every second. */
  readonly quiet: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /**
   * Queues a message. It belongs to the link from now on: whoever changes its bytes changes what is sent.
   *
   * @returns false if the link is no longer open and the message was dropped
   * @throws RangeError if the message is longer than a peer accepts
   */
  send(message: Uint8Array): boolean;
  /**
   * Queues a message of which only the newest of its key matters: it replaces, in its place, one that still waits.
   * So it may arrive before messages that were sent between the two.
   */
  latest(key: string, message: Uint8Array): boolean;
  /**
   * Resolves when no more is `buffered` than the low-water mark, or the link has ended. Who has much to send waits for it
   * now and then, and so need not hold all of it.
   */
  drained(): Promise<void>;
  /** From now on the link does not keep the process running. */
  unref(): void;
  /** Sends what is queued, tells the peer the reason and closes; after a bounded time, closes anyhow. */
  close(detail?: string): Promise<CloseReason>;
  /** Closes now; what is queued is lost. */
  terminate(detail?: string): void;
}

/** What links of any kind have in common: their end, and messages that arrive before anyone listens. */
export abstract class BaseLink extends EventEmitter<LinkEvents> {
  readonly closed: Promise<CloseReason>;
  #resolveClosed!: (reason: CloseReason) => void;
  #closeReason: CloseReason | undefined;
  #held: Uint8Array[] = [];

  constructor() {
    super();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get closeReason(): CloseReason | undefined {
    return this.#closeReason;
  }

  /** Whether messages wait for a first listener. */
  protected get holding(): boolean {
    return this.#held.length > 0;
  }

  /**
   * A peer may speak in the same packet as its hello, before whoever asked for the link has seen it:
   * messages are held until the first listener is there.
   */
  override on<T extends EventEmitter.EventNames<LinkEvents>>(
    event: T,
    listener: EventEmitter.EventListener<LinkEvents, T>,
    context?: unknown,
  ): this {
    if (this.#tellLate(event, listener, context)) return this;
    super.on(event, listener, context);
    if (this.holding) queueMicrotask(() => this.#release());
    return this;
  }

  override once<T extends EventEmitter.EventNames<LinkEvents>>(
    event: T,
    listener: EventEmitter.EventListener<LinkEvents, T>,
    context?: unknown,
  ): this {
    if (this.#tellLate(event, listener, context)) return this;
    super.once(event, listener, context);
    if (this.holding) queueMicrotask(() => this.#release());
    return this;
  }

  protected deliver(message: Uint8Array): void {
    if (this.holding || this.listenerCount("message") === 0) this.#held.push(message);
    else this.emit("message", message);
  }

  /** The next "drain", or the end. */
  protected nextDrain(): Promise<void> {
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

  /** Called when nothing is held any more. */
  protected abstract onReleased(): void;

  /** @returns false if the link had ended before */
  protected end(reason: CloseReason): boolean {
    if (this.#closeReason !== undefined) return false;
    this.#closeReason = reason;
    this.#resolveClosed(reason);
    this.emit("close", reason);
    return true;
  }

  #tellLate<T extends EventEmitter.EventNames<LinkEvents>>(
    event: T,
    listener: EventEmitter.EventListener<LinkEvents, T>,
    context: unknown,
  ): boolean {
    const reason = this.#closeReason;
    if (event !== "close" || reason === undefined) return false;
    queueMicrotask(() => (listener as LinkEvents["close"]).call(context, reason));
    return true;
  }

  #release(): void {
    if (!this.holding) return;
    // A listener for one message leaves the next ones waiting.
    let released = 0;
    while (released < this.#held.length && this.listenerCount("message") > 0) {
      this.emit("message", this.#held[released++] as Uint8Array);
    }
    this.#held = this.#held.slice(released);
    if (!this.holding) this.onReleased();
  }
}
