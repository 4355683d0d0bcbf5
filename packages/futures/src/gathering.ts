import type { ShippedCode } from "@pydist/shipping";
import type { SubmitOptions } from "./options.js";
import { FutureSink } from "./submissions.js";

/** A batch that is still being gathered. */
export interface Gathering {
  readonly sink: FutureSink;
  readonly code: ShippedCode;
  readonly options: SubmitOptions | undefined;
}

/** Joins the submits of one tick that share code, what it captured, and options: they travel together. */
export class Gatherer {
  readonly #leave: (gathering: Gathering) => void;
  readonly #gatherings = new Map<string, Gathering>();
  #last: Gathering | undefined;

  /** @param leave sends a batch, at the end of the tick or when it is full */
  constructor(leave: (gathering: Gathering) => void) {
    this.#leave = leave;
  }

  get size(): number {
    return this.#gatherings.size;
  }

  of(code: ShippedCode, options: SubmitOptions | undefined): Gathering {
    const last = this.#last;
    if (last !== undefined && last.code === code && sameOptions(last.options, options)) return last;
    const key = keyOf(code, options);
    let gathering = this.#gatherings.get(key);
    if (gathering === undefined) {
      if (this.#gatherings.size === 0) queueMicrotask(() => this.leaveAll());
      gathering = { sink: new FutureSink(code, options?.onMessage), code, options: options && { ...options } };
      this.#gatherings.set(key, gathering);
    }
    this.#last = gathering;
    return gathering;
  }

  leaveAll(): void {
    const gathered = [...this.#gatherings.values()];
    this.#gatherings.clear();
    this.#last = undefined;
    for (const gathering of gathered) this.#leave(gathering);
  }

  leaveNow(gathering: Gathering): void {
    for (const [key, each] of this.#gatherings) if (each === gathering) this.#gatherings.delete(key);
    if (this.#last === gathering) this.#last = undefined;
    this.#leave(gathering);
  }
}

/** What calls that travel together have in common; the compiler knows if one is missing. Signals are each future's own. */
const SHARED = Object.keys({
  priority: true,
  node: true,
  hopLimit: true,
  attempts: true,
  name: true,
  timeout: true,
  retries: true,
  retryOn: true,
  onMessage: true,
} satisfies Record<Exclude<keyof SubmitOptions, "signal">, true>) as Exclude<keyof SubmitOptions, "signal">[];

/** Compared by value: the caller may change an options object between two calls. */
function sameOptions(a: SubmitOptions | undefined, b: SubmitOptions | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return SHARED.every((name) => a[name] === b[name]);
}

/** Functions have no text that would tell them apart. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(fn: object): number {
  let number = numbers.get(fn);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(fn, number);
  }
  return number;
}

function keyOf(code: ShippedCode, options: SubmitOptions | undefined): string {
  const named = `${code.hash} ${code.captured?.hash ?? ""}`;
  if (options === undefined) return named;
  // Quoted, so that a name cannot look like something else.
  const parts = SHARED.map((name) => {
    const value = options[name];
    return typeof value === "string" ? JSON.stringify(value) : typeof value === "function" ? numberOf(value) : value;
  });
  return `${named} ${parts.join(" ")}`;
}
