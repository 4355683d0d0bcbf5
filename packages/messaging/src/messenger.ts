import type { MessagePort } from "node:worker_threads";
import { Intake, InvalidStateError, Outflow } from "@pydist/protocol";
import { Mailbox, overError } from "./mailbox.js";
import { type FromRank, type Letter, type Seat, type ToRank, weightOf } from "./messages.js";
import { reachesThreads, Threads } from "./threads.js";

/** Bytes that one rank may have under way to another until that one reads them. */
const PAIR_WINDOW = 1024 * 1024;

/** One way to another rank. */
interface Way {
  readonly out: Outflow;
  post: (letter: Letter) => void;
}

/**
 * Brings letters from rank to rank: between threads of one node by ports, and else by way of the program that started
 * them, which passes them on as they are. To each other rank there is one way, so they arrive in order.
 */
export class Messenger {
  readonly rank: number;
  readonly mailbox: Mailbox;
  readonly #say: (message: FromRank) => Promise<void>;
  readonly #threads: Threads;
  readonly #ways = new Map<number, Way>();
  readonly #ports: MessagePort[] = [];
  /** What was taken of letters that the program brought, by their senders. */
  readonly #intakes = new Map<number, Intake>();
  /** Ports of others to this rank that are open. */
  readonly #incoming = new Map<number, MessagePort>();
  readonly #over = new Set<number>();
  /** What is sent and has not left. */
  readonly #leaving = new Set<Promise<void>>();
  #seats: readonly Seat[] = [];
  #end: { readonly error: unknown } | undefined;

  constructor(gang: string, rank: number, size: number, say: (message: FromRank) => Promise<void>) {
    this.rank = rank;
    this.#say = say;
    this.mailbox = new Mailbox(Array.from({ length: size }, (_, other) => other).filter((other) => other !== rank));
    this.#threads = new Threads(gang, rank, (from, port) => this.#opened(from, port));
  }

  begin(seats: readonly Seat[]): void {
    this.#seats = seats;
  }

  /** Resolves when the letter has left. @throws InvalidStateError if the other rank has returned */
  send(to: number, letter: Letter): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#end.error);
    if (to === this.rank) {
      this.mailbox.put({ ...letter, from: to, took: () => {} });
      return Promise.resolve();
    }
    const way = this.#wayTo(to);
    return this.#leave(way.out.send(weightOf(letter), () => way.post(letter)));
  }

  #leave(sent: Promise<void>): Promise<void> {
    this.#leaving.add(sent);
    const gone = (): void => void this.#leaving.delete(sent);
    sent.then(gone, gone);
    return sent;
  }

  /** Resolves when everything that was sent has left. */
  async flushed(): Promise<void> {
    while (this.#leaving.size > 0) await Promise.allSettled([...this.#leaving]);
  }

  #wayTo(to: number): Way {
    const known = this.#ways.get(to);
    if (known !== undefined) return known;
    const out = new Outflow(0);
    const way: Way = { out, post: ({ tag, bytes }) => this.#tell({ is: "letter", to, tag, bytes }) };
    this.#ways.set(to, way);
    const [here, there] = [this.#seats[this.rank], this.#seats[to]];
    if (this.#over.has(to)) out.close(overError(to));
    else if (!reachesThreads || there === undefined || here?.node !== there.node) out.open(PAIR_WINDOW);
    else void this.#openPort(way, to, there.thread);
    return way;
  }

  async #openPort(way: Way, to: number, thread: number): Promise<void> {
    try {
      const port = await this.#threads.open(to, thread);
      if (this.#end !== undefined) return port.close();
      this.#ports.push(port);
      port.on("message", (weight: number) => way.out.taken(weight));
      way.post = ({ tag, bytes }) => port.postMessage({ tag, bytes }, [bytes.buffer]);
    } catch {
      // The thread is gone, which the program is about to tell; meanwhile it knows better where the rank is.
    }
    way.out.open(PAIR_WINDOW);
  }

  #opened(from: number, port: MessagePort): void {
    this.#incoming.set(from, port);
    const intake = new Intake(PAIR_WINDOW, (weight) => port.postMessage(weight));
    port.on("message", (letter: Letter) => {
      this.mailbox.put({ ...letter, from, took: () => intake.took(weightOf(letter)) });
    });
    port.on("close", () => {
      this.#incoming.delete(from);
      // What it sent by this port may have arrived later than the news that it has returned.
      if (this.#over.has(from)) this.mailbox.over(from);
    });
  }

  /** The program says something. */
  heard(message: Exclude<ToRank, { readonly is: "begin" }>): void {
    if (message.is === "letter") {
      const { from, tag, bytes } = message;
      const letter = { from, tag, bytes };
      this.mailbox.put({ ...letter, took: () => this.#intakeOf(from).took(weightOf(letter)) });
    } else if (message.is === "taken") this.#ways.get(message.from)?.out.taken(message.weight);
    else {
      this.#over.add(message.rank);
      this.#ways.get(message.rank)?.out.close(overError(message.rank));
      if (!this.#incoming.has(message.rank)) this.mailbox.over(message.rank);
    }
  }

  #intakeOf(from: number): Intake {
    const known = this.#intakes.get(from);
    if (known !== undefined) return known;
    const intake = new Intake(PAIR_WINDOW, (weight) => this.#tell({ is: "taken", to: from, weight }));
    this.#intakes.set(from, intake);
    return intake;
  }

  /** How much leaves this way is bounded by the windows of the pairs. */
  #tell(message: FromRank): void {
    this.#leave(this.#say(message)).catch(() => {});
  }

  close(
    error: unknown = new InvalidStateError("This rank has returned, so it sends and receives nothing more."),
  ): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#threads.close();
    for (const { out } of this.#ways.values()) out.close(error);
    for (const port of [...this.#ports, ...this.#incoming.values()]) port.close();
    this.mailbox.close(error);
  }
}
