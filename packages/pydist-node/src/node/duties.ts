import { ShutdownError } from "@pydist/protocol";
import type { Engine } from "../engine/engine.js";
import type { Logger } from "../logger.js";
import { Idleness, readClocks } from "./idleness.js";

/** How often, in milliseconds, a node that leaves says for how many tasks it still waits. */
const TELL_INTERVAL = 5000;
/** How often, in milliseconds, a node that works only on an idle machine looks whether it is one. */
const LOOK_INTERVAL = 2000;

/** Why a node rests: it was told to, or the machine is busy with something else. Each reason has an end of its own. */
type Rest = "ordered" | "busy machine";

/** Whether a node works, rests, or is about to leave the tree. */
export class Duties {
  readonly #engine: Engine;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #rests = new Set<Rest>();
  readonly #looking: NodeJS.Timeout | undefined;
  #state: "staying" | "leaving" = "staying";
  /** Of whoever waits until the node is drained. */
  #over: () => void = () => {};

  /** @param when "idle": it works only while others leave the machine alone */
  constructor(engine: Engine, name: string, logger: Logger, when: "always" | "idle") {
    this.#engine = engine;
    this.#name = name;
    this.#logger = logger;
    engine.on("drained", () => {
      if (this.#state === "staying") logger.info({}, "Drained: nothing runs here any more");
      this.#over();
    });
    if (when === "idle") this.#looking = this.#look();
  }

  #look(): NodeJS.Timeout {
    const idleness = new Idleness(readClocks());
    const look = (): void => {
      if (this.#state === "leaving") return;
      if (idleness.look(readClocks(), performance.now()) === "idle") {
        if (this.#rests.delete("busy machine") && this.#rests.size === 0) this.#work();
      } else if (this.#rests.size === 0) void this.#rest("busy machine");
      // It rests already, and whoever ordered that waits for its end.
      else this.#rests.add("busy machine");
    };
    return setInterval(look, LOOK_INTERVAL).unref();
  }

  /** Resolves when what runs on this node's own slots is over, or when it is told something else meanwhile. */
  drain(): Promise<void> {
    this.#expectStaying("drained");
    return this.#rest("ordered");
  }

  /** It works again, unless it rests for another reason as well. */
  resume(): void {
    this.#expectStaying("resumed");
    this.#rests.delete("ordered");
    if (this.#rests.size === 0) this.#work();
  }

  #rest(why: Rest): Promise<void> {
    this.#rests.add(why);
    this.#logger.info({ running: this.#running, why }, "Draining: no new tasks run here");
    return this.#take("drained");
  }

  #work(): void {
    this.#logger.info({}, "Resumed: tasks run here again");
    void this.#take("working");
  }

  /** Resolves when the node holds nothing any more, or after `grace` milliseconds. */
  async leave(grace: number): Promise<void> {
    this.#leaving();
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
    this.#leaving();
    this.#over();
  }

  get standing(): "staying" | "leaving" {
    return this.#state;
  }

  #leaving(): void {
    this.#state = "leaving";
    clearInterval(this.#looking);
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
