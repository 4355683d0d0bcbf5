import { Countdown } from "../countdown.js";
import type { Carrier } from "./carrier.js";
import { graceAfter, Heartbeat, PATIENT_PART } from "./heartbeat.js";
import type { Hello } from "./hello.js";
import { BaseLink, type CloseReason, type LinkLike, type LinkState } from "./link-like.js";
import type { LinkOptions } from "./link-options.js";
import { DEFAULT_OUTBOX_LIMITS } from "./outbox.js";
import { comeBack, type Redial } from "./session.js";
import { Traffic } from "./traffic.js";
import { HEADER_BYTES, WireError } from "./wire.js";

/** Who is at the other end, as found out by the handshake. */
export interface LinkEnds {
  readonly peer: Hello;
  readonly protocol: number;
  /** How the side that dialled comes back; the other one waits for it. */
  readonly redial?: Redial;
}

interface Settings {
  readonly heartbeatInterval: number;
  readonly reconnectGrace: number;
  readonly sessionGrace: number;
  readonly closeTimeout: number;
  readonly maxMessageBytes: number;
  readonly lowWater: number;
}

const DEFAULTS: Settings = {
  heartbeatInterval: 1000,
  reconnectGrace: 1000,
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

/**
 * A link between two authenticated peers: a session over one socket after the other (design decision 6). When a socket
 * is lost, the side that dialled comes back with another within a grace, both tell how much they had taken in, and each
 * sends again what the other lacks. So those above see every message once and in order, or the end of the link.
 *
 * Here is what a link is at any moment, and over which socket. What goes over it is the traffic's business, and whether
 * the peer lives the heartbeat's.
 */
export class Link extends BaseLink implements LinkLike {
  readonly peer: Hello;
  readonly protocol: number;
  readonly #redial: Redial | undefined;
  readonly #traffic: Traffic;
  readonly #options: Settings;
  #carrier: Carrier | undefined;
  /** The last carrier there was: it says where the two ends are. */
  #latest: Carrier;
  #state: LinkState = "open";
  /** Why the link ends, once that is certain. */
  #reason: CloseReason | undefined;
  /** While a socket that was lost has no successor. */
  #away: { readonly reason: CloseReason; readonly grace: Countdown; readonly over: AbortController } | undefined;
  #heartbeat: Heartbeat;
  #beat: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #hold: "process" | "none" = "process";

  constructor(carrier: Carrier, ends: LinkEnds, options: LinkOptions = {}) {
    super();
    this.peer = ends.peer;
    this.protocol = ends.protocol;
    this.#redial = ends.redial;
    this.#latest = carrier;
    this.#options = {
      heartbeatInterval: options.heartbeatInterval ?? DEFAULTS.heartbeatInterval,
      reconnectGrace: options.reconnectGrace ?? DEFAULTS.reconnectGrace,
      sessionGrace: options.sessionGrace ?? DEFAULTS.sessionGrace,
      closeTimeout: options.closeTimeout ?? DEFAULTS.closeTimeout,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      lowWater: options.lowWater ?? DEFAULTS.lowWater,
    };
    this.#traffic = new Traffic(
      {
        onMessage: (message) => this.deliver(message),
        onPong: (stamp) => this.#heartbeat.answered(performance.now(), stamp),
        onClose: (detail) => this.#parting({ kind: "closed-by-peer", detail }),
        onParted: (detail) => this.#parting({ kind: "local", detail }),
        onDrain: () => {
          if (this.#state === "open" || this.#state === "away") this.emit("drain");
        },
        isHolding: () => this.holding,
      },
      { ...DEFAULT_OUTBOX_LIMITS, ...options.outbox, ...this.#options },
    );
    this.#heartbeat = this.#newHeartbeat();
    this.#carryOn(carrier);
    this.#traffic.ping();
  }

  get direction(): "dialed" | "accepted" {
    return this.#redial === undefined ? "accepted" : "dialed";
  }

  get remoteAddress(): string {
    return this.#latest.remoteAddress;
  }

  get localHost(): string {
    return this.#latest.localHost;
  }

  get state(): LinkState {
    return this.#state;
  }

  get buffered(): number {
    return this.#traffic.buffered;
  }

  get rtt(): number | undefined {
    return this.#heartbeat.rtt;
  }

  get quiet(): number {
    return this.#heartbeat.silence(performance.now());
  }

  get bytesIn(): number {
    return this.#traffic.bytesIn;
  }

  get bytesOut(): number {
    return this.#traffic.bytesOut;
  }

  // ---- for those above

  send(message: Uint8Array): boolean {
    if (!this.#mayQueue(message)) return false;
    this.#traffic.send(message);
    return true;
  }

  latest(key: string, message: Uint8Array): boolean {
    if (!this.#mayQueue(message)) return false;
    this.#traffic.latest(key, message);
    return true;
  }

  drained(): Promise<void> {
    if (this.#state === "closed" || this.buffered <= this.#options.lowWater) return Promise.resolve();
    this.#traffic.expectDrain();
    return this.nextDrain();
  }

  unref(): void {
    this.#hold = "none";
    this.#carrier?.unref();
    this.#beat?.unref();
    this.#away?.grace.unref();
  }

  close(detail = ""): Promise<CloseReason> {
    if (this.#state === "open" || this.#state === "away") {
      this.#state = "closing";
      this.#traffic.finish(detail);
      this.#deadline = setTimeout(() => this.#stop({ kind: "local", detail }), this.#options.closeTimeout);
    }
    return this.closed;
  }

  terminate(detail = ""): void {
    this.#stop({ kind: "local", detail });
  }

  protected override onReleased(): void {
    this.#traffic.scheduleAck();
  }

  #mayQueue(message: Uint8Array): boolean {
    if (message.length > this.#options.maxMessageBytes) {
      throw new RangeError(
        `A message of ${message.length} bytes was to be sent to ${this.peer.name} at ${this.remoteAddress}; ` +
          `the limit is ${this.#options.maxMessageBytes}. Split the data over several tasks.`,
      );
    }
    return this.#state === "open" || this.#state === "away";
  }

  // ---- one socket after the other

  /** Goes on over this socket, from the first or from where the last one ended. */
  #carryOn(carrier: Carrier): void {
    this.#carrier = carrier;
    this.#traffic.goOver(carrier);
    this.#latest = carrier;
    this.#heartbeat = this.#newHeartbeat();
    this.#beat = setInterval(() => this.#tick(carrier), this.#options.heartbeatInterval);
    carrier.carry({
      onData: (data, isBinary) => this.#receive(data, isBinary),
      onEnd: (reason) => this.#lost(reason),
    });
    if (this.#hold === "none") this.unref();
  }

  /** The socket is gone. Whether the link is, too, shows when the grace is over. */
  #lost(reason: CloseReason): void {
    this.#leave();
    if (this.#reason !== undefined) return this.#finish(this.#reason);
    if (reason.kind === "protocol-error") return this.#finish(reason);
    this.#wait(reason, graceAfter(this.quiet, this.#options));
  }

  #leave(): void {
    this.#carrier = undefined;
    this.#traffic.goOver(undefined);
    clearInterval(this.#beat);
  }

  #wait(reason: CloseReason, milliseconds: number): void {
    const over = new AbortController();
    const grace = new Countdown(milliseconds, () => this.#finish(reason));
    this.#away = { reason, grace, over };
    if (this.#hold === "none") grace.unref();
    if (this.#state === "open") this.#state = "away";
    this.emit("away", reason, milliseconds);
    const redial = this.#redial;
    if (redial === undefined) return;
    const { signal } = over;
    const goOn = (carrier: Carrier, taken: number) => {
      if (signal.aborted) carrier.drop();
      else this.resume(carrier, taken);
    };
    const attempt = () => redial(this.#traffic.taken, signal, goOn);
    void comeBack(attempt, signal).then((outcome) => {
      if (outcome === "over" && !signal.aborted) this.#finish(reason);
    });
  }

  #waitNoMore(): void {
    this.#away?.grace.stop();
    this.#away?.over.abort();
    this.#away = undefined;
  }

  /** Whether a peer may go on with it. */
  get resumable(): boolean {
    return this.#state !== "closed" && this.#reason === undefined;
  }

  /**
   * The peer is about to go on over another socket: nothing that is still on its way on an earlier one counts.
   * @returns what this side has taken in
   */
  prepare(): number {
    this.#carrier?.drop();
    this.#leave();
    return this.#traffic.taken;
  }

  /** Goes on over another socket, with a peer that has taken in so much. */
  resume(carrier: Carrier, taken: number): void {
    const away = this.#away;
    this.#waitNoMore();
    if (this.#state === "away") this.#state = "open";
    this.#carryOn(carrier);
    this.#guarded(() => this.#traffic.resume(taken));
    this.#traffic.ping();
    if (away !== undefined) this.emit("back");
  }

  /** Ends a link that waits for its peer: it is known not to come back. */
  giveUp(): void {
    if (this.#away !== undefined) this.#finish(this.#away.reason);
  }

  #stop(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#state = "closing";
    this.#reason ??= reason;
    if (this.#carrier === undefined) this.#finish(this.#reason);
    else this.#carrier.terminate();
  }

  #finish(reason: CloseReason): void {
    this.#state = "closed";
    this.#waitNoMore();
    clearTimeout(this.#deadline);
    this.#traffic.stop();
    this.end(this.#reason ?? reason);
  }

  /** The last word has been said, by one side or the other. */
  #parting(reason: CloseReason): void {
    this.#reason ??= reason;
    this.#state = "closing";
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#reason !== undefined && this.#reason.kind !== "local") return;
    this.#guarded(() => this.#traffic.receive(data, isBinary));
  }

  /** Ends the link if the peer does not keep to the protocol. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#traffic.complain(error.message);
      this.#parting({ kind: "protocol-error", detail: `the peer sent ${error.message}` });
      this.#deadline ??= setTimeout(() => this.#carrier?.terminate(), this.#options.closeTimeout);
    }
  }

  // ---- whether the peer lives

  #newHeartbeat(): Heartbeat {
    const { heartbeatInterval, sessionGrace } = this.#options;
    const patience = this.#redial === undefined ? sessionGrace : sessionGrace * PATIENT_PART;
    return new Heartbeat(heartbeatInterval, patience, performance.now());
  }

  #tick(carrier: Carrier): void {
    switch (this.#heartbeat.tick(performance.now(), carrier.bytesRead)) {
      case "ping":
        this.#traffic.ping();
        break;
      case "silent":
        this.#silent(carrier);
        break;
      case "quiet":
        break;
    }
  }

  #silent(carrier: Carrier): void {
    const { sessionGrace } = this.#options;
    const reason: CloseReason = { kind: "silent", detail: `nothing arrived for ${sessionGrace} ms` };
    if (this.#redial === undefined || this.#state !== "open") return this.#stop(reason);
    carrier.drop();
    this.#leave();
    this.#wait(reason, sessionGrace * (1 - PATIENT_PART));
  }
}
