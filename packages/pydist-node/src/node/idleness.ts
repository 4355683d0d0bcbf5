import { cpus } from "node:os";

/** Part of all cores from which on others make the machine a busy one. */
const BUSY_PART = 0.25;
/** Milliseconds for which they must have been below that before it is idle again: pauses are not the end of work. */
const CALM = 10_000;

/** Processor time, in milliseconds, since the machine was started: of all its cores, and of this process. */
export interface Clocks {
  readonly cores: number;
  readonly busy: number;
  readonly own: number;
}

export function readClocks(): Clocks {
  let cores = 0;
  let busy = 0;
  for (const { times } of cpus()) {
    const { idle, ...rest } = times;
    const used = Object.values(rest).reduce((sum, time) => sum + time, 0);
    busy += used;
    cores += used + idle;
  }
  const { user, system } = process.cpuUsage();
  return { cores, busy, own: (user + system) / 1000 };
}

/**
 * Whether others than this process leave the machine alone: busy as soon as they use a quarter of its cores, idle again
 * when they have not for a while. Reads no clock of its own.
 */
export class Idleness {
  #last: Clocks;
  #state: { readonly is: "idle" } | { readonly is: "busy"; readonly calmSince: number | undefined } = { is: "idle" };

  constructor(start: Clocks) {
    this.#last = start;
  }

  /** @param now milliseconds of any clock that goes forward */
  look(clocks: Clocks, now: number): "idle" | "busy" {
    const cores = clocks.cores - this.#last.cores;
    const others = clocks.busy - this.#last.busy - (clocks.own - this.#last.own);
    this.#last = clocks;
    const calmSince = this.#state.is === "busy" ? this.#state.calmSince : undefined;
    if (cores > 0 && others / cores >= BUSY_PART) this.#state = { is: "busy", calmSince: undefined };
    else if (this.#state.is === "busy") {
      const since = calmSince ?? now;
      this.#state = now - since >= CALM ? { is: "idle" } : { is: "busy", calmSince: since };
    }
    return this.#state.is;
  }
}
