import { agreedProtocol, type Hello, type HelloInput, makeHello } from "./hello.js";
import { BaseLink, type CloseReason, type LinkLike, type LinkState } from "./link-like.js";

interface Waiting {
  message: Uint8Array;
  readonly key: string | undefined;
}

/**
 * One end of a link without a socket: what is sent in one tick arrives after it, in order, as copies. For tests of the
 * layers above; sizes, windows, heartbeats and handshakes are the real link's own.
 */
class MemoryLink extends BaseLink implements LinkLike {
  readonly peer: Hello;
  readonly direction: "dialed" | "accepted";
  readonly protocol: number;
  readonly remoteAddress = "memory";
  readonly localHost = "";
  readonly rtt = 0;
  readonly quiet = 0;
  #other: MemoryLink | undefined;
  #state: LinkState = "open";
  #waiting: Waiting[] = [];
  #flush: "none" | "due" = "none";
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(peer: Hello, direction: "dialed" | "accepted", protocol: number) {
    super();
    this.peer = peer;
    this.direction = direction;
    this.protocol = protocol;
  }

  join(other: MemoryLink): void {
    this.#other = other;
  }

  get state(): LinkState {
    return this.#state;
  }

  get buffered(): number {
    return this.#waiting.reduce((sum, { message }) => sum + message.length, 0);
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  send(message: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    this.#waiting.push({ message, key: undefined });
    this.#schedule();
    return true;
  }

  latest(key: string, message: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    const waiting = this.#waiting.find((entry) => entry.key === key);
    if (waiting !== undefined) waiting.message = message;
    else this.#waiting.push({ message, key });
    this.#schedule();
    return true;
  }

  /** What was sent has arrived when whoever awaits this goes on. */
  async drained(): Promise<void> {}

  /** Nothing of it ever keeps a process running. */
  unref(): void {}

  close(detail = ""): Promise<CloseReason> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#finish({ kind: "local", detail }, { kind: "closed-by-peer", detail });
    }
    return this.closed;
  }

  terminate(detail = ""): void {
    if (this.#state === "closed") return;
    this.#waiting = [];
    this.#state = "closing";
    this.#finish({ kind: "local", detail }, { kind: "socket-closed", detail: "the peer's end is gone" });
  }

  protected override onReleased(): void {}

  #finish(ours: CloseReason, theirs: CloseReason): void {
    queueMicrotask(() => {
      this.#deliverAll();
      this.#end(ours);
      if (this.#other !== undefined) this.#other.#end(theirs);
    });
  }

  #end(reason: CloseReason): void {
    this.#state = "closed";
    this.end(reason);
  }

  #schedule(): void {
    if (this.#flush === "due") return;
    this.#flush = "due";
    queueMicrotask(() => {
      this.#flush = "none";
      this.#deliverAll();
    });
  }

  #deliverAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { message } of waiting) {
      if (this.#other === undefined || this.#other.#state === "closed") return;
      this.#bytesOut += message.length;
      this.#other.#bytesIn += message.length;
      this.#other.deliver(new Uint8Array(message));
    }
  }
}

/** Two linked ends in this process: the dialer's and the acceptor's, each with the other's hello as its peer. */
export function memoryLinks(dialer: HelloInput, acceptor: HelloInput): [dialed: LinkLike, accepted: LinkLike] {
  const hellos = [makeHello(dialer, "memory"), makeHello(acceptor, "memory")] as const;
  const protocol = agreedProtocol(hellos[0].protocol, hellos[1].protocol);
  const dialed = new MemoryLink(hellos[1], "dialed", protocol);
  const accepted = new MemoryLink(hellos[0], "accepted", protocol);
  dialed.join(accepted);
  accepted.join(dialed);
  return [dialed, accepted];
}
