import { byteLengthOf } from "@pydist/protocol";
import { QUEUED, SETTLED } from "./batch.js";
import type { Scheduler } from "./scheduler.js";

/** Thrown when a numbered invariant does not hold: always a bug in pydist, never the user's. */
export class InvariantError extends Error {
  constructor(invariant: string, what: string) {
    super(`${invariant} violated: ${what}`);
    this.name = "InvariantError";
  }
}

function invariant(holds: boolean, name: string, what: () => string): asserts holds {
  if (!holds) throw new InvariantError(name, what());
}

/**
 * Checks I2, I4, I6 and the counters of one scheduler against a recount.
 * For tests and simulations, after every event; costs as much as the scheduler holds.
 */
export function validate(scheduler: Scheduler): void {
  const { state } = scheduler;
  const node = state.config.node;
  let queued = 0;
  const leased = new Map<number, number>();
  for (const upstream of state.upstreams.values()) {
    let held = 0;
    for (const batch of upstream.batches.values()) {
      let open = 0;
      for (let i = 0; i < batch.count; i++) {
        const owner = batch.owner[i] as number;
        if (owner === SETTLED) continue;
        open++;
        if (owner === QUEUED) queued++;
        else leased.set(owner, (leased.get(owner) ?? 0) + 1);
      }
      invariant(open === batch.open && open > 0, "I2", () => `${node}: a batch counts ${batch.open} open, has ${open}`);
      held += open;
    }
    invariant(held === upstream.held, "I2", () => `${node}: upstream holds ${held}, counts ${upstream.held}`);
    invariant(
      upstream.own || held <= upstream.highestWindow,
      "I6",
      () => `${node} holds ${held} tasks of an upstream, granted ${upstream.highestWindow}`,
    );
  }
  invariant(queued === state.queue.count, "I2", () => `${node}: ${queued} queued, counts ${state.queue.count}`);
  for (const receiver of state.receivers.values()) {
    let tasks = 0;
    let bytes = 0;
    for (const lease of receiver.leases.values()) {
      invariant(state.leases.get(lease.id) === lease, "I2", () => `${node}: lease ${lease.id} is not registered`);
      let open = 0;
      for (let i = lease.from; i < lease.to; i++) if (lease.batch.owner[i] === lease.id) open++;
      invariant(
        open === lease.open && open > 0,
        "I2",
        () => `${node}: lease ${lease.id} counts ${lease.open}, owns ${open}`,
      );
      if (!lease.batch.orphan) {
        invariant(leased.get(lease.id) === open, "I2", () => `${node}: lease ${lease.id} owns tasks of no batch`);
      }
      leased.delete(lease.id);
      tasks += open;
      bytes += byteLengthOf(lease.batch.bodies, lease.from, lease.to);
    }
    invariant(tasks === receiver.tasks, "I2", () => `${node}: receiver counts ${receiver.tasks} tasks, has ${tasks}`);
    invariant(
      receiver.bytes <= bytes && receiver.bytes >= 0,
      "I6",
      () => `${node}: receiver counts ${receiver.bytes} bytes`,
    );
  }
  invariant(
    leased.size === 0,
    "I2",
    () => `${node}: tasks are owned by leases that do not exist: ${[...leased.keys()]}`,
  );
  const running = state.pool.leases.size;
  const slots = state.pool.credit.slots[0] ?? 0;
  invariant(running <= slots, "I4", () => `${node} runs ${running} tasks on ${slots} slots`);
}
