import { type Bodies, BodiesBuilder, encodeArguments, joinSteps, memberStep } from "@pydist/protocol";
import type { ShippedCode } from "@pydist/shipping";
import { decodeArguments } from "./decoding.js";
import { Future, type Missing } from "./future.js";

type Key = string | number;

/** A future among arguments. */
export interface Need {
  readonly future: Future<unknown>;
  /** The way to it from the array of the arguments. */
  readonly keys: readonly Key[];
}

/** A value among arguments that is kept as it is. */
interface Kept {
  readonly value: unknown;
  readonly keys: readonly Key[];
}

/** Arguments of a call that waits for futures among them; all else is as it was at the call. */
export class Held {
  readonly needs: readonly Need[];
  readonly #kept: readonly Kept[];
  readonly #bodies: Bodies;
  readonly #types: ShippedCode["types"];

  constructor({ needs, kept }: Pick<Found, "needs" | "kept">, bodies: Bodies, types: ShippedCode["types"]) {
    this.#types = types;
    this.needs = needs;
    this.#kept = kept;
    this.#bodies = bodies;
  }

  /** The futures that are not done. */
  get missing(): Missing[] {
    const open = this.needs.filter(({ future }) => !future.done());
    return open.map((need) => ({ path: pathOf(need), state: need.future.state }));
  }

  /** The arguments, with what came of the futures in their places. */
  fill(values: readonly unknown[]): unknown[] {
    const args = decodeArguments(this.#bodies, this.#types);
    for (const [i, { keys }] of this.needs.entries()) putAt(args, keys, values[i]);
    for (const { keys, value } of this.#kept) putAt(args, keys, value);
    return args;
  }
}

function putAt(args: unknown[], keys: readonly Key[], value: unknown): void {
  let at = args as unknown as Record<Key, unknown>;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<Key, unknown>;
  put(at, keys.at(-1) as Key, value);
}

/** How a user would write the place of a future. */
export function pathOf({ keys }: Need): string {
  return joinSteps("args", keys.map(memberStep));
}

/**
 * Lays by arguments that hold futures: as arguments themselves, or in plain arrays and objects.
 * @param code the function's, which knows what is not to be laid by
 * @returns undefined if there is none
 * @throws SerializationError naming the path of something else that cannot travel
 */
export function hold(args: readonly unknown[], code: ShippedCode): Held | undefined {
  const found = search(args, code);
  if (found === undefined) return undefined;
  const builder = new BodiesBuilder();
  builder.add(encodeArguments(found.copy, { types: code.types }));
  return new Held(found, builder.build(), code.types);
}

/** A container that is copied, and the way to it. */
interface Step {
  readonly source: object;
  readonly copy: object;
  readonly key: Key | undefined;
  readonly parent: Step | undefined;
}

/** What is in arguments. */
interface Found {
  readonly copy: unknown[];
  readonly needs: readonly Need[];
  readonly kept: readonly Kept[];
}

/** Copies the arguments as far as they are plain, with null in place of the futures and of what is kept as it is. */
function search(args: readonly unknown[], code: ShippedCode): Found | undefined {
  const needs: Need[] = [];
  const kept: Kept[] = [];
  const root: Step = { source: args, copy: new Array(args.length), key: undefined, parent: undefined };
  const copies = new Map<object, object>([[args, root.copy]]);
  const steps = [root];
  try {
    // The list grows while it is walked: nothing here recurses, however deep the arguments.
    for (const step of steps) {
      for (const key of Object.keys(step.source)) {
        const value = (step.source as Record<string, unknown>)[key];
        const name = Array.isArray(step.source) && String(Number(key)) === key ? Number(key) : key;
        if (value instanceof Future) {
          needs.push({ future: value, keys: [...wayTo(step), name] });
          put(step.copy, key, null);
        } else if (code.keeps?.(value) === true) {
          kept.push({ value, keys: [...wayTo(step), name] });
          put(step.copy, key, null);
        } else put(step.copy, key, copyOf(value, step, name, copies, steps));
      }
      // Symbols do not travel: the encoder says so.
      for (const symbol of Object.getOwnPropertySymbols(step.source)) {
        Object.defineProperty(step.copy, symbol, { value: true, enumerable: true });
      }
    }
  } catch {
    return undefined; // A getter threw. The encoder, which came by before, has the words for it.
  }
  return needs.length === 0 ? undefined : { copy: root.copy as unknown[], needs, kept };
}

function copyOf(value: unknown, parent: Step, key: Key, copies: Map<object, object>, steps: Step[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const prototype: unknown = Object.getPrototypeOf(value);
  let copy: object;
  if (Array.isArray(value) && prototype === Array.prototype) copy = new Array(value.length);
  else if (prototype === Object.prototype || prototype === null) copy = Object.create(prototype);
  else return value;
  copies.set(value, copy);
  steps.push({ source: value, copy, key, parent });
  return copy;
}

function wayTo(step: Step): Key[] {
  const keys: Key[] = [];
  for (let at: Step | undefined = step; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
}

/** Assigning to `__proto__` would make it something else than a property. */
function put(object: object, key: Key, value: unknown): void {
  if (key !== "__proto__") (object as Record<Key, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
