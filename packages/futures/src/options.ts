import { inspect } from "node:util";

/** Options of one `submit`. */
export interface SubmitOptions {
  /** Higher runs first among this executor's tasks. Any integer; default 0. */
  readonly priority?: number;
  /** Overrides the executor's. */
  readonly hopLimit?: number;
  /** Overrides the executor's. */
  readonly attempts?: number;
  /** For people and logs; default the function's name. */
  readonly name?: string;
}

/** Where a map is: what its `progress` callback is given. */
export interface Progress {
  readonly done: number;
  /** Undefined while the source's end is not known. */
  readonly total: number | undefined;
  readonly failed: number;
}

/** Options of one `map`. */
export interface MapOptions extends SubmitOptions {
  /** Calls that travel together. "auto", the default, follows how long they run. */
  readonly chunksize?: number | "auto";
  /** Pull the source exactly this far ahead of what was read. */
  readonly buffersize?: number;
  /** False: iterating gives results as they complete. Default true. */
  readonly ordered?: boolean;
  /** Called as results come in. */
  readonly progress?: (progress: Progress) => void;
}

/** Throws unless a value is one that an option may have. */
export type Check = (name: string, value: unknown) => void;

/** @throws RangeError or TypeError that names the option, the value and what is allowed */
export function integer(least: number): Check {
  return (name, value) => {
    if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} is ${inspect(value)}; it must be a whole number of at least ${least}.`);
    }
  };
}

export function ofType(type: string): Check {
  return (name, value) => {
    if (typeof value !== type) throw new TypeError(`${name} is ${inspect(value)}; it must be a ${type}.`);
  };
}

/** Names travel with every batch. */
export const LONGEST_NAME = 200;

export const shortText: Check = (name, value) => {
  ofType("string")(name, value);
  const { length } = value as string;
  if (length > LONGEST_NAME) throw new RangeError(`${name} has ${length} characters; it may have ${LONGEST_NAME}.`);
};

export const milliseconds: Check = (name, value) => {
  if (typeof value !== "number") throw new TypeError(`${name} is ${inspect(value)}; it must be a number.`);
  if (!(value >= 0)) throw new RangeError(`${name} is ${inspect(value)}; it must be milliseconds of at least 0.`);
};

const chunksize: Check = (name, value) => {
  if (value !== "auto") integer(1)(name, value);
};

const SUBMIT: Readonly<Record<string, Check>> = {
  priority: integer(Number.MIN_SAFE_INTEGER),
  hopLimit: integer(0),
  attempts: integer(1),
  name: shortText,
};

const MAP: Readonly<Record<string, Check>> = {
  ...SUBMIT,
  chunksize,
  buffersize: integer(1),
  ordered: ofType("boolean"),
  progress: ofType("function"),
};

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkOptions(what: string, options: unknown, checks: Readonly<Record<string, Check>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${what}'s options are ${inspect(options)}; they must be an object.`);
  }
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (known === undefined) {
      throw new TypeError(`${what} has no option ${inspect(name)}; it has ${Object.keys(checks).join(", ")}.`);
    }
    if (value !== undefined) known(name, value);
  }
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkSubmitOptions(options: SubmitOptions): void {
  checkOptions("submit", options, SUBMIT);
}

/** @throws TypeError or RangeError naming the option, its value and what is allowed */
export function checkMapOptions(options: MapOptions): void {
  checkOptions("map", options, MAP);
}
