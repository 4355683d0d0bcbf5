import { byteLengthOf } from "@pydist/protocol";
import { QUEUED, SETTLED } from "./batch.js";
import type { Receiver } from "./receiver.js";
import type { Scheduler } from "./scheduler.js";
import type { State, Upstream } from "./state.js";

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

/** What the batches say of a lease or an upstream, to be compared with what the other side counts. */
type Counts = Map<number, number>;

function add(counts: Counts, key: number, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/**
 * Checks I2, I4, I6 and the counters of one scheduler against a recount.
 * For tests and simulations, after every event; costs as much as the scheduler holds.
 */
export function validate(scheduler: Scheduler): void {
  const { state } = scheduler;
  const leased: Counts = new Map();
  const suspended: Counts = new Map();
  let queued = 0;
  for (const upstream of state.upstreams.values()) queued += checkHeld(state, upstream, leased);
  invariant(
    queued === state.queue.count,
    "I2",
    () => `${nodeOf(state)}: ${queued} queued, counts ${state.queue.count}`,
  );
  for (const receiver of state.receivers.values()) checkLent(state, receiver, leased, suspended);
  invariant(
    leased.size === 0,
    "I2",
    () => `${nodeOf(state)}: tasks are owned by leases that do not exist: ${[...leased.keys()]}`,
  );
  for (const upstream of state.upstreams.values()) checkCredit(state, upstream, suspended.get(upstream.id) ?? 0);
  checkSlots(state);
}

function nodeOf(state: State): string {
  return state.config.node;
}

/** @returns how many tasks of the upstream wait here; those under lease are added to `leased`. */
function checkHeld(state: State, upstream: Upstream, leased: Counts): number {
  const node = nodeOf(state);
  let held = 0;
  let queued = 0;
  for (const batch of upstream.batches.values()) {
    let open = 0;
    for (let i = 0; i < batch.count; i++) {
      const owner = batch.owner[i] as number;
      if (owner === SETTLED) continue;
      open++;
      if (owner === QUEUED) queued++;
      else add(leased, owner, 1);
    }
    invariant(open === batch.open && open > 0, "I2", () => `${node}: a batch counts ${batch.open} open, has ${open}`);
    held += open;
  }
  invariant(held === upstream.held, "I2", () => `${node}: upstream holds ${held}, counts ${upstream.held}`);
  return queued;
}

/** Takes what the receiver has out of `leased`, and adds what is suspended there to the upstreams' counts. */
function checkLent(state: State, receiver: Receiver, leased: Counts, suspended: Counts): void {
  const node = nodeOf(state);
  let tasks = 0;
  let bytes = 0;
  const waiting = { tasks: 0, bytes: 0, leases: 0 };
  for (const lease of receiver.leases.values()) {
    const { batch } = lease;
    invariant(state.leases.get(lease.id) === lease, "I2", () => `${node}: lease ${lease.id} is not registered`);
    let open = 0;
    for (let i = lease.from; i < lease.to; i++) if (batch.owner[i] === lease.id) open++;
    invariant(
      open === lease.open && open > 0,
      "I2",
      () => `${node}: lease ${lease.id} counts ${lease.open}, owns ${open}`,
    );
    if (!batch.orphan) {
      invariant(leased.get(lease.id) === open, "I2", () => `${node}: lease ${lease.id} owns tasks of no batch`);
    }
    leased.delete(lease.id);
    tasks += open;
    bytes += byteLengthOf(batch.bodies, lease.from, lease.to);
    for (const index of lease.suspended) {
      invariant(
        batch.owner[index] === lease.id && lease.started.has(index),
        "I2",
        () => `${node}: task ${index} is suspended under lease ${lease.id}, but is elsewhere or has not begun`,
      );
      waiting.tasks++;
      waiting.bytes += batch.bytesOf(index);
    }
    if (lease.suspended.size > 0) waiting.leases++;
    if (!batch.orphan) add(suspended, batch.upstream, lease.suspended.size);
  }
  invariant(tasks === receiver.tasks, "I2", () => `${node}: receiver counts ${receiver.tasks} tasks, has ${tasks}`);
  invariant(
    receiver.bytes <= bytes && receiver.bytes >= 0,
    "I6",
    () => `${node}: receiver counts ${receiver.bytes} bytes`,
  );
  const counted = { tasks: receiver.suspended, bytes: receiver.suspendedBytes, leases: receiver.paused };
  invariant(
    counted.tasks === waiting.tasks && counted.bytes === waiting.bytes && counted.leases === waiting.leases,
    "I6",
    () => `${node}: receiver counts ${JSON.stringify(counted)} suspended, has ${JSON.stringify(waiting)}`,
  );
}

/** For a task that suspends the upstream may send another; that it resumes, or runs again, takes nothing back. */
function checkCredit(state: State, upstream: Upstream, suspended: number): void {
  const node = nodeOf(state);
  const allowed = upstream.highestWindow + upstream.mostSuspended;
  invariant(
    suspended === upstream.suspended,
    "I6",
    () => `${node}: upstream has ${suspended} suspended, counts ${upstream.suspended}`,
  );
  invariant(
    upstream.own || upstream.held <= allowed,
    "I6",
    () => `${node} holds ${upstream.held} tasks of an upstream, allowed ${allowed}`,
  );
}

/** A suspended task holds no slot, and one that could go on waits only while no slot is idle. */
function checkSlots(state: State): void {
  const node = nodeOf(state);
  const slots = state.pool.credit.slots[0] ?? 0;
  let running = 0;
  for (const lease of state.pool.leases.values()) if (lease.suspended.size === 0) running++;
  invariant(running <= slots, "I4", () => `${node} runs ${running} tasks on ${slots} slots`);
  for (const { lease, index } of state.ready.values()) {
    invariant(
      state.pool.leases.get(lease.id) === lease && lease.suspended.has(index),
      "I4",
      () => `${node}: task ${index} of lease ${lease.id} is ready to go on, but not suspended in the pool`,
    );
  }
  invariant(
    state.ready.size === 0 || running === slots,
    "I4",
    () => `${node}: ${state.ready.size} tasks are ready to go on while ${slots - running} slots are idle`,
  );
}
