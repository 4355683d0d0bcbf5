import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { plainHost } from "./address.js";
import type { CloseReason } from "./link-like.js";

/** What a carrier tells the link that it carries. */
export interface CarrierSink {
  onData(data: Buffer, isBinary: boolean): void;
  /** Once, last: the socket is closed. `reason` is what the socket knows of it. */
  onEnd(reason: CloseReason): void;
}

const ORDERLY = 1000;

/** One WebSocket under a link, on which both hellos have been exchanged. A link outlives its carriers. */
export class Carrier {
  readonly remoteAddress: string;
  /** This machine's address on the way to the peer. */
  readonly localHost: string;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  #sink: CarrierSink | undefined;
  #reason: CloseReason | undefined;

  constructor(ws: WebSocket, socket: Socket, remoteAddress: string) {
    this.#ws = ws;
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
    this.localHost = plainHost(socket.localAddress ?? "");
  }

  /** Bytes in the socket's own buffer. */
  get buffered(): number {
    return this.#ws.bufferedAmount;
  }

  /** The socket's own count: bytes of a message that has not arrived whole are a sign of life, too. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  carry(sink: CarrierSink): void {
    this.#sink = sink;
    this.#ws.on("message", (data, isBinary) => this.#sink?.onData(data as Buffer, isBinary));
    this.#ws.on("error", (error: Error & { code?: string }) => {
      // ws names what it refused itself (too long, malformed); all other codes are the socket's.
      const kind = error.code?.startsWith("WS_ERR_") ? "protocol-error" : "socket-closed";
      this.#reason ??= { kind, detail: error.message };
      this.#ws.terminate();
    });
    this.#ws.on("close", () =>
      this.#sink?.onEnd(this.#reason ?? { kind: "socket-closed", detail: "the socket ended without a word" }),
    );
  }

  write(bytes: Uint8Array, written?: () => void): void {
    // Failures to write arrive as the socket's own error and close.
    this.#ws.send(bytes, { binary: true, compress: false }, written);
  }

  unref(): void {
    this.#socket.unref();
  }

  /** Closes after what was written, by the handshake of RFC 6455. */
  close(): void {
    this.#ws.close(ORDERLY);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /** Terminates it, and nothing is heard of it any more. */
  drop(): void {
    this.#sink = undefined;
    this.#ws.terminate();
  }
}
