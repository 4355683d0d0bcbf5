import { QUEUED, SETTLED } from "./batch.js";
import type { UpstreamId } from "./events.js";
import type { Receiver } from "./receiver.js";
import type { Scheduler } from "./scheduler.js";
import type { State } from "./state.js";
import type { Upstream } from "./upstream.js";

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

/** What a walk over all batches, and one over all leases, find. */
interface Recount {
  /** Tasks that wait here, by what their batches say. */
  queued: number;
  /** Tasks of living upstreams that are handed on, by what their batches and by what the leases say. */
  leased: number;
  lent: number;
  /** By upstream. */
  readonly suspended: Map<UpstreamId, number>;
}

/**
 * Checks I2, I4, I6 and the counters of one scheduler against a recount.
 * For tests and simulations, after every event; costs as much as the scheduler holds.
 */
export function validate(scheduler: Scheduler): void {
  const { state } = scheduler;
  const { node } = state.config;
  const found: Recount = { queued: 0, leased: 0, lent: 0, suspended: new Map() };
  for (const upstream of state.upstreams.values()) checkHeld(node, upstream, found);
  const { queued, leased } = found;
  const { count } = state.queues;
  invariant(queued === count, "I2", () => `${node}: ${queued} queued, counts ${count}`);
  for (const receiver of state.receivers.values()) if (holds(receiver)) checkLent(state, receiver, found);
  // Each lease was found to own what it counts. So if there are no more than these, none is owned by one that is not.
  invariant(leased === found.lent, "I2", () => `${node}: batches say ${leased} are leased, leases ${found.lent}`);
  for (const upstream of state.upstreams.values()) checkCredit(node, upstream, found);
  checkSlots(state);
}

/** Most receivers of a large tree hold nothing. */
function holds({ leases, tasks, bytes, suspended, suspendedBytes, paused }: Receiver): boolean {
  return leases.size !== 0 || tasks !== 0 || bytes !== 0 || suspended !== 0 || suspendedBytes !== 0 || paused !== 0;
}

function checkHeld(node: string, upstream: Upstream, found: Recount): void {
  let held = 0;
  for (const batch of upstream.batches.values()) {
    let open = 0;
    for (let i = 0; i < batch.count; i++) {
      const owner = batch.owner[i] as number;
      if (owner === SETTLED) continue;
      open++;
      if (owner === QUEUED) found.queued++;
      else found.leased++;
    }
    invariant(open === batch.open && open > 0, "I2", () => `${node}: a batch counts ${batch.open} open, has ${open}`);
    held += open;
  }
  invariant(held === upstream.held, "I2", () => `${node}: upstream holds ${held}, counts ${upstream.held}`);
}

function checkLent(state: State, receiver: Receiver, found: Recount): void {
  const { node } = state.config;
  let tasks = 0;
  let bytes = 0;
  const waiting = { tasks: 0, bytes: 0, leases: 0 };
  const placed = new Map<string, number>();
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
    if (!batch.orphan) found.lent += open;
    tasks += open;
    const only = batch.head.node;
    if (only !== undefined) placed.set(only, (placed.get(only) ?? 0) + open - lease.suspended.size);
    bytes += batch.bytesIn(lease.from, lease.to);
    if (lease.suspended.size === 0) continue;
    waiting.leases++;
    waiting.tasks += lease.suspended.size;
    if (!batch.orphan) {
      found.suspended.set(batch.upstream, (found.suspended.get(batch.upstream) ?? 0) + lease.suspended.size);
    }
    for (const index of lease.suspended) {
      waiting.bytes += batch.bytesOf(index);
      invariant(
        batch.owner[index] === lease.id && lease.started.has(index),
        "I2",
        () => `${node}: task ${index} is suspended under lease ${lease.id}, but is elsewhere or has not begun`,
      );
    }
  }
  invariant(tasks === receiver.tasks, "I2", () => `${node}: receiver counts ${receiver.tasks} tasks, has ${tasks}`);
  if (receiver !== state.pool) checkPlaced(node, receiver, placed);
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

function checkPlaced(node: string, receiver: Receiver, found: ReadonlyMap<string, number>): void {
  let surplus = 0;
  for (const { tasks, slots } of receiver.placed.values()) surplus += Math.max(0, tasks - slots);
  const counted = [...receiver.placed].map(([only, { tasks }]) => [only, tasks]).sort();
  const are = [...found].filter(([, tasks]) => tasks !== 0).sort();
  invariant(
    surplus === receiver.surplus && String(counted) === String(are),
    "I6",
    () => `${node}: receiver counts ${counted} for one node, of them ${receiver.surplus} beyond its slots, has ${are}`,
  );
}

/** For a task that suspends the upstream may send another; that it resumes, or runs again, takes nothing back. */
function checkCredit(node: string, upstream: Upstream, found: Recount): void {
  const suspended = found.suspended.get(upstream.id) ?? 0;
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
  const { node, slots } = state.config;
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
