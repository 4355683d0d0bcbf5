import { createConnection, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export async function listenOnAnyPort(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

/** One direction of one connection through a cable. */
interface Strand {
  readonly from: Socket;
  readonly to: Socket;
}

/** A TCP proxy: what lies between two machines, under the test's control. */
export class Cable {
  readonly #strands = new Set<Strand>();
  #server: Server | undefined;
  #state: "whole" | "frozen" | "unplugged" = "whole";
  #corrupt = 0;
  /** Connections that ever went through it. */
  connections = 0;

  /** Milliseconds that everything is under way, in each direction. */
  readonly #delay: number;

  constructor({ delay = 0 } = {}) {
    this.#delay = delay;
  }

  /** @param bytesPerSecond limit of each direction */
  async listen(target: number, bytesPerSecond = Number.POSITIVE_INFINITY): Promise<number> {
    this.#server = createServer((near) => {
      if (this.#state === "unplugged") return void near.resetAndDestroy();
      this.connections++;
      const far = createConnection(target, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        const strand = { from, to };
        this.#strands.add(strand);
        if (this.#state === "frozen") from.pause();
        from.on("error", () => {});
        from.on("close", () => {
          this.#strands.delete(strand);
          // A cable that carries nothing does not carry an end, either.
          if (this.#state !== "frozen") this.#later(() => to.destroy());
        });
        from.on("data", (chunk) => {
          this.#later(() => to.write(this.#corrupted(chunk)));
          if (bytesPerSecond === Number.POSITIVE_INFINITY) return;
          from.pause();
          setTimeout(() => from.resume(), (chunk.length / bytesPerSecond) * 1000);
        });
      }
    });
    return listenOnAnyPort(this.#server);
  }

  /** What was sent first arrives first: timers of one length go off in the order in which they were set. */
  #later(arrive: () => void): void {
    if (this.#delay === 0) arrive();
    else setTimeout(arrive, this.#delay);
  }

  #corrupted(chunk: Buffer): Buffer {
    if (this.#corrupt === 0) return chunk;
    this.#corrupt--;
    const changed = Buffer.from(chunk);
    changed[changed.length >> 1] = ~(changed[changed.length >> 1] as number);
    return changed;
  }

  /** Of the next chunk that passes, in whichever direction, a byte is another one. */
  corrupt(): void {
    this.#corrupt++;
  }

  /** A cable pulled out: nothing passes, and nobody is told. */
  freeze(): void {
    this.#state = "frozen";
    for (const { from } of this.#strands) from.pause();
  }

  /** What was frozen flows again; who had given up has gone. */
  thaw(): void {
    this.#state = "whole";
    for (const { from, to } of this.#strands) {
      if (to.destroyed) from.destroy();
      else from.resume();
    }
  }

  /** Both ends hear of it; a new connection can be made at once. */
  cut(): void {
    for (const { from } of this.#strands) from.resetAndDestroy();
  }

  /** Cut, and no new connection comes about until `plug`. */
  unplug(): void {
    this.#state = "unplugged";
    this.cut();
  }

  plug(): void {
    this.#state = "whole";
  }
}
