import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** The sockets of a listener that are no links yet. */
type Connection =
  | { readonly stage: "handshake"; readonly socket: Socket; readonly since: number }
  | { readonly stage: "greeting"; readonly socket: TLSSocket; readonly timer: NodeJS.Timeout };

/** A handshake takes milliseconds; who takes longer than this gives its place to a newcomer when there are too many. */
const STALE = 1000;

/**
 * Bounds what peers that have not proved themselves can hold: how many sockets, and for how long. A TLS socket and the
 * TCP socket under it are recognised as one by the remote address, since Node links them by private fields only.
 */
export class Connections {
  readonly #connections = new Map<string, Connection>();
  readonly #maxHandshakes: number;
  readonly #greetingTimeout: number;
  #handshakes = 0;
  #state: "open" | "closed" = "open";

  /** @param greetingTimeout milliseconds from the proof of the secret to the link */
  constructor(maxHandshakes: number, greetingTimeout: number) {
    this.#maxHandshakes = maxHandshakes;
    this.#greetingTimeout = greetingTimeout;
  }

  connected(socket: Socket, now: number): void {
    const name = nameOf(socket);
    // Already gone, or accepted by the kernel while the listener closed.
    if (name === undefined || this.#state === "closed" || !this.#makeRoom(now)) {
      socket.destroy();
      return;
    }
    this.#connections.set(name, { stage: "handshake", socket, since: now });
    this.#handshakes++;
    socket.once("close", () => {
      const connection = this.#connections.get(name);
      if (connection?.stage === "handshake" && connection.socket === socket) this.#remove(name, connection);
    });
  }

  authenticated(socket: TLSSocket): void {
    const name = nameOf(socket);
    const before = name === undefined ? undefined : this.#connections.get(name);
    if (name === undefined || before?.stage !== "handshake") {
      socket.destroy();
      return;
    }
    this.#remove(name, before);
    const timer = setTimeout(() => socket.destroy(), this.#greetingTimeout);
    const connection: Connection = { stage: "greeting", socket, timer };
    this.#connections.set(name, connection);
    socket.once("close", () => {
      if (this.#connections.get(name) === connection) this.#remove(name, connection);
    });
  }

  linked(socket: TLSSocket): void {
    const name = nameOf(socket);
    const connection = name === undefined ? undefined : this.#connections.get(name);
    if (name !== undefined && connection?.socket === socket) this.#remove(name, connection);
  }

  /** Destroys all that are left, and resolves when they have closed. */
  async close(): Promise<void> {
    this.#state = "closed";
    const left = [...this.#connections.values()];
    await Promise.all(
      left.map(
        ({ socket }) =>
          new Promise<void>((resolve) => {
            socket.once("close", () => resolve());
            socket.destroy();
          }),
      ),
    );
  }

  #makeRoom(now: number): boolean {
    if (this.#handshakes < this.#maxHandshakes) return true;
    for (const connection of this.#connections.values()) {
      if (connection.stage !== "handshake") continue;
      // The first is the oldest: if it is young, this is a rush of honest peers, who come again after a pause.
      if (now - connection.since < STALE) return false;
      connection.socket.destroy();
      return true;
    }
    return true;
  }

  #remove(name: string, connection: Connection): void {
    this.#connections.delete(name);
    if (connection.stage === "handshake") this.#handshakes--;
    else clearTimeout(connection.timer);
  }
}

function nameOf(socket: Socket): string | undefined {
  return socket.remotePort === undefined ? undefined : `${socket.remoteAddress} ${socket.remotePort}`;
}
