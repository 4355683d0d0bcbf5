import { ShutdownError } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import type { Logger } from "../logger.js";

/** How often, in milliseconds, a node that leaves says for how many tasks it still waits. */
const TELL_INTERVAL = 5000;

/** Whether a node works, rests, or is about to leave the tree. */
export class Duties {
  readonly #engine: Engine;
  readonly #name: string;
  readonly #logger: Logger;
  #state: "staying" | "leaving" = "staying";
  /** Of whoever waits until the node is drained. */
  #over: () => void = () => {};

  constructor(engine: Engine, name: string, logger: Logger) {
    this.#engine = engine;
    this.#name = name;
    this.#logger = logger;
    engine.on("drained", () => {
      if (this.#state === "staying") logger.info({}, "Drained: nothing runs here any more");
      this.#over();
    });
  }

  /** Resolves when what runs on this node's own slots is over, or when it is told something else meanwhile. */
  drain(): Promise<void> {
    this.#expectStaying("drained");
    this.#logger.info({ running: this.#running }, "Draining: no new tasks run here");
    return this.#take("drained");
  }

  resume(): void {
    this.#expectStaying("resumed");
    this.#logger.info({}, "Resumed: tasks run here again");
    void this.#take("working");
  }

  /** Resolves when the node holds nothing any more, or after `grace` milliseconds. */
  async leave(grace: number): Promise<void> {
    this.#state = "leaving";
    this.#logger.info({ tasks: this.#engine.lent, grace }, "Leaving: no new tasks come here");
    const empty = this.#take("leaving");
    const tell = () => this.#logger.info({ tasks: this.#engine.lent, grace }, "Waiting for tasks that are under way");
    if (this.#engine.lent > 0) tell();
    const telling = setInterval(tell, TELL_INTERVAL);
    let late: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      late = setTimeout(resolve, grace);
    });
    await Promise.race([empty, patience]);
    clearInterval(telling);
    clearTimeout(late);
    const left = this.#engine.lent;
    if (left > 0) this.#logger.warn({ tasks: left, grace }, "Not waiting any longer; they run again elsewhere");
  }

  /** Nobody need wait any more. */
  close(): void {
    this.#state = "leaving";
    this.#over();
  }

  #take(duty: "working" | "drained" | "leaving"): Promise<void> {
    this.#over();
    return new Promise((resolve) => {
      this.#over = resolve;
      this.#engine.take(duty);
    });
  }

  get #running(): number {
    const { running, suspended } = this.#engine.load;
    return running + suspended;
  }

  #expectStaying(what: string): void {
    if (this.#state === "staying") return;
    throw new ShutdownError(
      `Node ${this.#name} cannot be ${what}: it is leaving the tree. Start it again once it has left.`,
    );
  }
}
