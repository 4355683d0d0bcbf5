import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { type Callable, load } from "@pydist/shipping";
import type { Program } from "@pydist/shipping/runtime";

const require = createRequire(import.meta.url);
const native = require("./fixtures/native.cjs") as { load(url: string): Promise<Record<string, unknown>> };

/** A module as Node itself loads it. */
export async function importNatively<T>(url: URL): Promise<T> {
  return (await native.load(url.href)) as T;
}

/** The same of a module of the fixtures. */
export function fixture<T>(name: string): Promise<T> {
  return importNatively(new URL(`./fixtures/${name}`, import.meta.url));
}

export interface Case {
  readonly title: string;
  readonly fn: (...args: unknown[]) => unknown;
  readonly args?: unknown[];
  /** What the call gives elsewhere, where here it could only fail. */
  readonly expected?: unknown;
}

export interface Outcome {
  readonly value?: unknown;
  readonly error?: Error;
  readonly name?: string;
  readonly length?: number;
}

/** The function of a code that captured nothing and is there at once. */
export function loaded(text: string): Callable {
  return (load(text) as Program).bind(undefined).fn;
}

/** Loads code in a thread of its own and calls it there. */
export function callElsewhere(text: string, args: unknown[], node = 'node "far"'): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./fixtures/worker.mjs", import.meta.url), { workerData: { text, args, node } });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** The same call here. */
export async function callHere({ fn, args = [] }: Case): Promise<Outcome> {
  try {
    return { value: await fn(...args), name: fn.name, length: fn.length };
  } catch (error) {
    return { error: error as Error };
  }
}

/** The error that a call throws. */
export function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
