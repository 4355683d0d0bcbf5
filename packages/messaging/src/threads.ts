import workers from "node:worker_threads";

/** A port from one rank of a gang to another. */
interface Knock {
  readonly gang: string;
  readonly from: number;
  readonly to: number;
  readonly port: workers.MessagePort;
}

type Opened = (from: number, port: workers.MessagePort) => void;

/** Property of `globalThis` of a thread: the ranks on it, each with what is told of a port to it. */
const RANKS = Symbol.for("pydist.messaging.ranks");

/** One for the thread, whichever copies of this code run there; and it listens once, however many ranks there are. */
function ranksHere(): Map<string, Opened> {
  const known = Reflect.get(globalThis, RANKS) as Map<string, Opened> | undefined;
  if (known !== undefined) return known;
  const ranks = new Map<string, Opened>();
  Reflect.set(globalThis, RANKS, ranks);
  process.on("workerMessage", (message: unknown) => {
    // Whatever a task posts arrives here, too.
    const { gang, from, to, port } = Object(message) as Partial<Knock>;
    if (from !== undefined && port !== undefined) ranks.get(`${gang} ${to}`)?.(from, port);
  });
  return ranks;
}

/** Whether threads of this process reach each other. Node has it since 20.19, and of 22 since 22.5. */
export const reachesThreads = typeof workers.postMessageToThread === "function";

/** How ranks in one process find each other: who has something to send opens a port to the thread of the other. */
export class Threads {
  readonly #gang: string;
  readonly #rank: number;

  /** @param opened another rank has opened a port to this one */
  constructor(gang: string, rank: number, opened: Opened) {
    this.#gang = gang;
    this.#rank = rank;
    if (reachesThreads) ranksHere().set(`${gang} ${rank}`, opened);
  }

  /** Resolves when the other rank has the other end. Rejects if its thread is gone. */
  async open(to: number, thread: number): Promise<workers.MessagePort> {
    const { port1, port2 } = new workers.MessageChannel();
    const [gang, from] = [this.#gang, this.#rank];
    // A thread can run several tasks at a time, and posts nothing to itself.
    if (thread === workers.threadId) ranksHere().get(`${gang} ${to}`)?.(from, port2);
    else await workers.postMessageToThread(thread, { gang, from, to, port: port2 } satisfies Knock, [port2]);
    return port1;
  }

  close(): void {
    if (reachesThreads) ranksHere().delete(`${this.#gang} ${this.#rank}`);
  }
}
