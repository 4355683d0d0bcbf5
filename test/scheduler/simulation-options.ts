import type { Spawning, Tally } from "./simulated-pool.js";

export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly executors: number;
  /** Tasks that each executor submits. */
  readonly tasks: number;
  /** Milliseconds of one task; drawn per task. */
  readonly duration: (draw: () => number) => number;
  /** Milliseconds of a link, one way; drawn per message. */
  readonly delay: (draw: () => number) => number;
  readonly slots: (draw: () => number) => number;
  /** Index of the parent of node `i > 0`. */
  readonly parent: (index: number, draw: () => number) => number;
  readonly hopLimit: number;
  /** Faults and joins, each at a random time within the first `faultsUntil` milliseconds. */
  readonly losses: number;
  readonly cuts: number;
  readonly joins: number;
  /** Links that are away for a time and come back, as a session does: what is sent waits, and nothing is lost. */
  readonly aways?: number;
  /** Ways up that are clogged with results for a time, because whoever is above is slow to take them. */
  readonly clogs?: number;
  /** Nodes whose process stands still; after the grace their links are lost, and they come back late. */
  readonly freezes?: number;
  /** Nodes, and roots, that die and come back with the same id, without anything they knew. */
  readonly restarts?: number;
  readonly rootRestarts?: number;
  readonly cancels: number;
  /** Cancellations that also stop what runs, and executors that die. */
  readonly stops?: number;
  readonly quits?: number;
  /** Nodes that are drained and work again some time later; and nodes that leave once nothing runs there, or soon. */
  readonly drains?: number;
  readonly departures?: number;
  /** Most milliseconds that one that leaves waits. */
  readonly drainGrace?: number;
  readonly faultsUntil: number;
  /** How often a task is tried whose node is lost. Default 3. */
  readonly attempts?: number;
  /** Whether and how tasks submit tasks of their own. */
  readonly spawning?: Spawning;
  /** Most tasks that any node grants, if less than it would. */
  readonly window?: number;
  /** Chance that a batch is for one node alone, with what its tasks submit. Default 0. */
  readonly placed?: number;
  /** Check every invariant after every event, not only at the end. */
  readonly validate: boolean;
}

export interface Outcomes {
  readonly finished: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Of the tasks that the programs submitted, not tasks, those that finished. */
  readonly answered: number;
  readonly makespan: number;
  readonly events: number;
  readonly messages: number;
  readonly deepest: number;
  /** Tasks submitted by tasks, and executions whose own were stopped because they ended badly. */
  readonly nested: number;
  readonly orphaned: number;
  readonly tally: Tally;
  /** How many tasks each node ran. */
  readonly ran: ReadonlyMap<string, number>;
}
