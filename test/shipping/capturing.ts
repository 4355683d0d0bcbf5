import { ship } from "@pydist/shipping";
import { expect, type TestContext } from "vitest";
import { difference } from "../protocol/values-same.js";
import { type Elsewhere, type Outcome, pack } from "./elsewhere.js";
import { importNatively } from "./support.js";

export type AnyFunction = (...args: never[]) => unknown;

/** A function with surroundings, and how to call it. */
export interface CaptureCase {
  readonly title: string;
  /** Makes the function anew, with whatever it alone sees; arguments too, where they share something with it. */
  readonly make: () => AnyFunction | { readonly fn: AnyFunction; readonly args: unknown[] };
  readonly args?: unknown[];
  /** What the call gives, where a call here gives something else, or gives nothing. */
  readonly expected?: unknown;
  /** What happens here between submit and the call there. */
  readonly meanwhile?: () => void;
  /** Its text is not promised: of shared variables, import(), import.meta, computed names and private statics. */
  readonly rewritten?: boolean;
  /** The first major version of Node that can do it, and why. */
  readonly since?: readonly [major: number, reason: string];
}

/** The cases of a module of `fixtures/capture`, as Node itself loads it. */
export async function casesOf(file: string): Promise<CaptureCase[]> {
  const loaded = await importNatively<{ cases: CaptureCase[] }>(new URL(`./fixtures/capture/${file}`, import.meta.url));
  return loaded.cases;
}

export function madeBy({ make, args = [] }: CaptureCase): { fn: AnyFunction; args: unknown[] } {
  const made = make();
  return typeof made === "function" ? { fn: made, args } : made;
}

async function callHere(example: CaptureCase): Promise<Outcome> {
  const { fn, args } = madeBy(example);
  try {
    return { value: await (fn as (...args: unknown[]) => unknown)(...args) };
  } catch (error) {
    return { error: error as Error };
  }
}

/** Ships the function of a case, runs it twice as two tasks there and once here, and compares everything. */
export async function sameElsewhere(elsewhere: Elsewhere, example: CaptureCase, ctx: TestContext): Promise<void> {
  const [since = 0, reason] = example.since ?? [];
  if (Number(process.versions.node.split(".")[0]) < since) ctx.skip(reason);
  const { fn, args } = madeBy(example);
  const before = { name: fn.name, length: fn.length, source: Function.prototype.toString.call(fn) };
  const parcel = pack(ship(fn), args);
  example.meanwhile?.();
  const first = await elsewhere.run(parcel);
  const second = await elsewhere.run(parcel);
  const here = "expected" in example ? { value: example.expected } : await callHere(example);
  if (here.error === undefined && !("expected" in example)) expect(here.value, "a case must tell").toBeDefined();
  expectSame(first, here);
  // A task starts from what was submitted, whatever another did with it.
  expectSame(second, here);
  if (first.error !== undefined) return;
  expect({ name: first.name, length: first.length }).toEqual({ name: before.name, length: before.length });
  if (example.rewritten !== true) expect(first.source).toBe(before.source);
}

function expectSame(there: Outcome, here: Outcome): void {
  if (here.error === undefined) {
    if (there.error !== undefined) throw there.error;
    expect(difference(here.value, there.value), `${show(here.value)} became ${show(there.value)}`).toBeUndefined();
    return;
  }
  expect(there.error?.message).toBe(here.error.message);
  expect(there.error?.name).toBe(here.error.name);
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 300) ?? String(value);
  } catch {
    return String(value);
  }
}
