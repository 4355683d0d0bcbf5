/** What a tick found: nothing to do, a ping is due, or the peer counts as gone. */
export type Pulse = "quiet" | "ping" | "silent";

/** After this part of the grace in silence, the side that dialled tries another socket: this one may be dead. */
export const PATIENT_PART = 1 / 3;

interface Graces {
  readonly reconnectGrace: number;
  readonly sessionGrace: number;
}

/** A peer that spoke until its socket was closed has died; after a silence it is the network that fails. In milliseconds. */
export function graceAfter(silence: number, { reconnectGrace, sessionGrace }: Graces): number {
  if (silence < sessionGrace * PATIENT_PART) return reconnectGrace;
  return Math.max(reconnectGrace, sessionGrace - silence);
}

/**
 * Tells from the bytes that arrive whether the peer still lives. Pure: the owner calls {@link tick} once per interval.
 *
 * Time by which a tick came late is not counted against the peer: then it was this process that stood still (a long task
 * on the event loop, a stopped process, a sleeping laptop), and what the peer sent meanwhile has not been read yet.
 */
export class Heartbeat {
  readonly #interval: number;
  readonly #grace: number;
  #lastTick: number;
  #lastHeard: number;
  #bytes = 0;
  #measured = Number.NEGATIVE_INFINITY;
  #rtt: number | undefined;

  /**
   * @param interval milliseconds between ticks, and of idleness before a ping
   * @param grace milliseconds without a byte after which the peer is silent
   */
  constructor(interval: number, grace: number, now: number) {
    this.#interval = interval;
    this.#grace = grace;
    this.#lastTick = now;
    this.#lastHeard = now;
  }

  /** Milliseconds there and back, smoothed; undefined before the first answer. */
  get rtt(): number | undefined {
    return this.#rtt;
  }

  /** Milliseconds since something was heard, as far as the last tick knew. */
  silence(now: number): number {
    return now - this.#lastHeard - this.#lateness(now);
  }

  /** @param bytes all bytes that ever arrived: any of them is a sign of life */
  tick(now: number, bytes: number): Pulse {
    this.#lastHeard = Math.min(now, this.#lastHeard + this.#lateness(now));
    this.#lastTick = now;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#lastHeard = now;
      // A busy link needs no ping to prove itself, but its round trip should not be a memory of quieter times.
      return now - this.#measured >= 5 * this.#interval ? "ping" : "quiet";
    }
    return now - this.#lastHeard >= this.#grace ? "silent" : "ping";
  }

  #lateness(now: number): number {
    return Math.max(0, now - this.#lastTick - this.#interval);
  }

  /** @param stamp when the ping that was answered had been sent */
  answered(now: number, stamp: number): void {
    const sample = Math.max(0, now - stamp);
    this.#measured = now;
    // The weights of TCP's smoothed round trip (RFC 6298).
    this.#rtt = this.#rtt === undefined ? sample : this.#rtt + (sample - this.#rtt) / 8;
  }
}
