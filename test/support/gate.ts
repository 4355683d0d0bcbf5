import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type ClusterExecutor, type Future, task } from "pydist";
import { afterEach } from "vitest";
import type * as tasks from "../fixtures/gate.mjs";

/*
 * A gate at which tasks of any node stop until the test lets them pass. So a test knows that a task runs, and for how
 * long, without a clock.
 */

const fixtures = new URL("../fixtures/gate.mjs", import.meta.url).href;
export const hold = task<typeof tasks.hold>(fixtures, "hold");
export const holdThenThrow = task<typeof tasks.holdThenThrow>(fixtures, "holdThenThrow");
export const holdThenExit = task<typeof tasks.holdThenExit>(fixtures, "holdThenExit");
export const holdThenKill = task<typeof tasks.holdThenKill>(fixtures, "holdThenKill");
export const holdAndTellWhere = task<typeof tasks.holdAndTellWhere>(fixtures, "holdAndTellWhere");

const open = new Set<Gate>();

/** Opens every gate of this test: whoever stands there passes. */
export function openGates(): void {
  for (const gate of open) gate.close();
  open.clear();
}
afterEach(openGates);

export class Gate {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  readonly #changed = new Set<() => void>();
  #state: "closed" | "open" = "closed";
  /** What the tasks that came here called themselves, in the order of their coming. */
  readonly names: unknown[] = [];
  /** Most that stood here at the same time. */
  most = 0;

  /** A gate for this test. */
  static async make(): Promise<Gate> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const gate = new Gate(server);
    open.add(gate);
    return gate;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#come(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many stand here. */
  get inside(): number {
    return this.#waiting.length;
  }

  #come(socket: Socket): void {
    let text = "";
    socket.on("error", () => {}); // Its thread was ended.
    socket.once("close", () => this.#leave(socket));
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
      if (!text.endsWith("\n")) return;
      this.names.push(JSON.parse(text));
      this.most = Math.max(this.most, this.#waiting.push(socket));
      this.#tell();
      if (this.#state === "open") this.pass();
    });
  }

  #leave(socket: Socket): void {
    const at = this.#waiting.indexOf(socket);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#tell();
  }

  #tell(): void {
    for (const look of this.#changed) look();
  }

  /** Resolves when so many have come in all, those who have passed included. */
  entered(count: number): Promise<void> {
    return this.#until(() => this.names.length >= count);
  }

  /** Resolves when so many stand here. */
  holds(count: number): Promise<void> {
    return this.#until(() => this.#waiting.length === count);
  }

  /** Resolves when nobody stands here any more. */
  left(): Promise<void> {
    return this.#until(() => this.#waiting.length === 0);
  }

  #until(enough: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!enough()) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }

  /** Lets those pass that have stood here longest, by default all. Those who come later wait. */
  pass(count = this.#waiting.length): void {
    for (const socket of this.#waiting.splice(0, count)) socket.end();
  }

  /** Lets everybody pass, now and later; who comes is still counted. */
  open(): void {
    this.#state = "open";
    this.pass();
  }

  /** Who finds no gate goes on, too. */
  close(): void {
    this.#server.close();
    this.open();
  }
}

export async function slotsOf(executor: ClusterExecutor): Promise<number> {
  return (await executor.nodes()).reduce((sum, { slots }) => sum + slots, 0);
}

/** Keeps every slot of the executor busy at a gate; what is submitted from now on waits. */
export async function occupy(executor: ClusterExecutor, gate: Gate): Promise<Future<number>[]> {
  const slots = await slotsOf(executor);
  const before = gate.names.length;
  const held = Array.from({ length: slots }, (_, i) => executor.submit(hold, [gate.port, i]));
  await gate.entered(before + slots);
  return held as Future<number>[];
}

/** Resolves when the future is known to run: nodes tell within about 50 ms. */
export async function known(future: Future<unknown>): Promise<void> {
  while (future.state === "pending") await new Promise((resolve) => setImmediate(resolve));
}
