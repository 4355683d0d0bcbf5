import { randomUUID } from "node:crypto";
import { type ClusterExecutor, type Future, InvalidStateError, NodeLostError } from "pydist";
import { type Block, Crew, type Member } from "./crew.js";
import { checkJob, type JobNodeClass, type JobOptions, type JobServer } from "./job.js";
import { type Answer, makeRunners, type Runners } from "./runners.js";

/** After this time, in milliseconds, a node that took no blocks is asked again. */
const REST = 1000;
/** Nothing else may hold the process while no node is there. */
const LONG = 2 ** 30;

/**
 * Runs a job on all nodes of an executor, on those that join later too, until `isDone` says that it is over.
 *
 * Of an error that one of the server's methods throws, the job ends with it. What `process` throws ends the job when the block
 * failed again.
 * @throws TypeError or RangeError for a wrong argument; what a method of the server or the node threw; NodeLostError for a block with which too many nodes were lost;
 *   InvalidStateError if the job is not done, but there is nothing left to do; why the executor ended, if it did
 */
export async function runJob<Init, Data, Result>(
  executor: ClusterExecutor,
  server: JobServer<Init, Data, Result>,
  NodeClass: JobNodeClass<Init, Data, Result>,
  options: JobOptions = {},
): Promise<void> {
  checkJob(server, NodeClass, options);
  const job = new Job(executor, server, makeRunners(NodeClass), options);
  await job.run();
}

class Job<Init, Data, Result> {
  readonly #id = randomUUID();
  readonly #executor: ClusterExecutor;
  readonly #server: JobServer<Init, Data, Result>;
  readonly #runners: Runners<Init, Data, Result>;
  readonly #ahead: number;
  readonly #retries: number;
  readonly #attempts: number;
  readonly #crew = new Crew<Init, Data>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #over: Promise<void>;
  #end!: (error?: unknown) => void;
  #state: "running" | "over" = "running";
  /** Turns that are still to come: no two of the server's methods run at the same time. */
  #waiting = 0;
  #turns: Promise<void> = Promise.resolve();

  constructor(
    executor: ClusterExecutor,
    server: JobServer<Init, Data, Result>,
    runners: Runners<Init, Data, Result>,
    { ahead = 1, retries = 1, attempts = 3 }: JobOptions,
  ) {
    this.#executor = executor;
    this.#server = server;
    this.#runners = runners;
    this.#ahead = ahead;
    this.#retries = retries;
    this.#attempts = attempts;
    this.#over = new Promise((resolve, reject) => {
      this.#end = (...error) => {
        this.#state = "over";
        if (error.length > 0) reject(error[0]);
        else resolve();
      };
    });
    this.#over.catch(() => {});
  }

  async run(): Promise<void> {
    const joined = (node: { readonly id: string; readonly slots: number }): void => this.#joined(node.id, node.slots);
    const lost = ({ id }: { readonly id: string }, cause: string): void => this.#lost(id, cause);
    this.#executor.on("nodeJoined", joined);
    this.#executor.on("nodeLost", lost);
    this.#executor.on("ended", this.#end);
    const alive = setInterval(() => {}, LONG);
    try {
      this.#turn(() => {});
      for (const node of await this.#executor.nodes()) joined(node);
      await this.#over;
    } finally {
      this.#state = "over";
      clearInterval(alive);
      for (const timer of this.#timers) clearTimeout(timer);
      this.#executor.off("nodeJoined", joined);
      this.#executor.off("nodeLost", lost);
      this.#executor.off("ended", this.#end);
      for (const { future } of this.#crew.out) future?.abort("the job is over");
    }
  }

  get #isOver(): boolean {
    return this.#state === "over";
  }

  /** What one event asks of the server, and then what there is to hand out. */
  #turn(work: () => void | Promise<void>): void {
    this.#waiting++;
    this.#turns = this.#turns.then(async () => {
      this.#waiting--;
      if (this.#isOver) return;
      try {
        await work();
        if (!this.#isOver) await this.#deal();
      } catch (error) {
        this.#end(error);
      }
    });
  }

  #joined(id: string, slots: number): void {
    if (slots === 0) return;
    const member = this.#crew.join(id, slots);
    if (member === undefined) return;
    this.#turn(async () => {
      if (member.state === "gone") return;
      member.state = "told";
      member.init = await this.#server.initData(id);
      // It may have gone meanwhile.
      if (member.state === "told") member.state = "working";
    });
  }

  #lost(id: string, cause: string): void {
    const gone = this.#crew.leave(id);
    if (gone === undefined) return;
    for (const [at, block] of gone.blocks.entries()) {
      const { future } = block;
      // A block may end its node before anybody hears that it began: those that came first are taken to have been at work.
      if (at < gone.slots || future?.running() === true) block.losses.push({ node: id, cause });
      // Should the node be heard of again, nobody wants its answer any more.
      future?.abort("its node was lost");
    }
    // At once, or it would go to the next node.
    const deadly = gone.blocks.find(({ losses }) => losses.length >= this.#attempts);
    if (deadly !== undefined) return this.#end(lostTooOften(deadly));
    if (gone.state === "expected") return;
    this.#turn(async () => {
      await this.#server.nodeLost(id);
    });
  }

  /** First a block for every slot, and only then what is ahead. */
  async #deal(): Promise<void> {
    if (await this.#server.isDone()) return this.#end();
    const dry = new Set<Member<Init, Data>>();
    for (let level = 1; level <= 1 + this.#ahead; level++) {
      for (const member of this.#crew.working) {
        while (member.state === "working" && !dry.has(member) && member.blocks.size < member.slots * level) {
          const block = this.#crew.returned.shift() ?? (await this.#next(member));
          if (this.#isOver) return;
          if (block === undefined) dry.add(member);
          // While the server made it, its node may have gone.
          else if (member.state !== "working") this.#crew.returned.unshift(block);
          else this.#send(block, member);
        }
      }
    }
    const { working, out, members } = this.#crew;
    const idle = working.length > 0 && working.length === members.size && out.length === 0;
    if (!idle || this.#waiting > 0 || dry.size < working.length) return;
    throw new InvalidStateError(
      "The job is not done, but nextData has no block for any node and no result is awaited, so nothing would ever " +
        "change. Have isDone() say that it is over, or nextData() await what it needs.",
    );
  }

  async #next(member: Member<Init, Data>): Promise<Block<Data> | undefined> {
    const data = await this.#server.nextData(member.id);
    return data === undefined ? undefined : { data, losses: [], holder: undefined, future: undefined };
  }

  /** As many as the node has slots bring along what a thread needs before its first block. */
  #send(block: Block<Data>, member: Member<Init, Data>, how = member.prepared < member.slots ? "first" : "next"): void {
    this.#crew.give(block, member);
    // What becomes of a lost node's blocks is decided here.
    const options = { node: member.id, retries: this.#retries, attempts: 1, name: "block" };
    const { first, next } = this.#runners;
    const submit = this.#executor.submit.bind(this.#executor) as (...args: unknown[]) => Future<Answer<Result>>;
    if (how === "first") member.prepared++;
    const future =
      how === "first"
        ? submit(first, [this.#id, member.init, block.data], options)
        : submit(next, [this.#id, block.data], options);
    block.future = future;
    future.then(
      (answer) => {
        if (block.holder === member && block.future === future) this.#answered(block, member, answer);
      },
      (error) => {
        if (block.holder === member && block.future === future) this.#failed(block, member, error);
      },
    );
  }

  #answered(block: Block<Data>, member: Member<Init, Data>, answer: Answer<Result>): void {
    if (this.#isOver) return;
    this.#crew.release(block);
    if (answer === null) return this.#send(block, member, "first");
    this.#turn(() => this.#server.processResult(member.id, answer[0]));
  }

  #failed(block: Block<Data>, member: Member<Init, Data>, error: unknown): void {
    if (this.#isOver) return;
    if (!(error instanceof NodeLostError)) return this.#end(error);
    // It is drained, or about to be known as lost.
    this.#crew.takeBack(block);
    member.state = "resting";
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (member.state === "resting") member.state = "working";
      this.#turn(() => {});
    }, REST);
    this.#timers.add(timer);
    this.#turn(() => {});
  }
}

function lostTooOften({ losses }: Pick<Block<unknown>, "losses">): NodeLostError {
  const told = losses.map(({ node, cause }) => `${node} (${cause})`).join(", ");
  return new NodeLostError(
    `${losses.length} nodes were lost while they worked on the same block, so the job has ended: ${told}. ` +
      `Look at what "process" does with it and at those nodes' logs, or raise "attempts".`,
    {
      nodes: losses.map(({ node }) => node),
      causes: losses.map(({ cause }) => cause),
      attempts: losses.length,
    },
  );
}
