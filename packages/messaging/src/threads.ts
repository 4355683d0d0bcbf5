import workers from "node:worker_threads";

/** A port from one rank of a gang to another. */
interface Knock {
  readonly gang: string;
  readonly from: number;
  readonly to: number;
  readonly port: workers.MessagePort;
}

/** Whether threads of this process reach each other. Node has it since 20.19, and of 22 since 22.5. */
export const reachesThreads = typeof workers.postMessageToThread === "function";

/** How ranks in one process find each other: who has something to send opens a port to the thread of the other. */
export class Threads {
  readonly #gang: string;
  readonly #rank: number;
  readonly #hear: (message: unknown) => void;

  /** @param opened another rank has opened a port to this one */
  constructor(gang: string, rank: number, opened: (from: number, port: workers.MessagePort) => void) {
    this.#gang = gang;
    this.#rank = rank;
    // Whatever a task posts arrives here, too.
    this.#hear = (message) => {
      const knock = Object(message) as Partial<Knock>;
      if (knock.gang !== gang || knock.to !== rank || knock.from === undefined || knock.port === undefined) return;
      opened(knock.from, knock.port);
    };
    process.on("workerMessage", this.#hear);
  }

  /** Resolves when the other rank has the other end. Rejects if its thread is gone. */
  async open(to: number, thread: number): Promise<workers.MessagePort> {
    const { port1, port2 } = new workers.MessageChannel();
    const knock: Knock = { gang: this.#gang, from: this.#rank, to, port: port2 };
    // A thread can run several tasks at a time, and posts nothing to itself.
    if (thread === workers.threadId) process.emit("workerMessage", knock, thread);
    else await workers.postMessageToThread(thread, knock, [port2]);
    return port1;
  }

  close(): void {
    process.off("workerMessage", this.#hear);
  }
}
