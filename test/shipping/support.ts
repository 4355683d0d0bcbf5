import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { decodeValue, type Kind } from "@pydist/protocol";
import { type Callable, load, type ShippedCode } from "@pydist/shipping";
import type { Program } from "@pydist/shipping/runtime";

export { thrownBy } from "../support/thrown.js";

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

/** The program of a code that imports nothing, and so is there at once. */
export function programOf({ text }: Pick<ShippedCode, "text">): Program {
  return load(text) as Program;
}

/** The same, as the function with what it captured. */
export function loaded(shipped: Pick<ShippedCode, "text" | "captured">): Callable {
  return programOf(shipped).bind(shipped.captured).fn;
}

/** Loads code in a thread of its own and calls it there; arguments and result go through the codec. */
export async function callElsewhere(shipped: ShippedCode, args: unknown[], node = 'node "far"'): Promise<Outcome> {
  const { kind, text: json, bytes } = shipped.encodeArguments(args);
  const { text, captured } = shipped;
  const workerData = { text, captured, node, args: { kind, bytes: bytes ?? new TextEncoder().encode(json) } };
  const worker = new Worker(new URL("./fixtures/worker.mjs", import.meta.url), { workerData });
  const outcome = await new Promise<
    Outcome & { readonly result?: { readonly kind: Kind; readonly bytes: Uint8Array } }
  >((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const { result, ...others } = outcome;
  return result === undefined ? others : { ...others, value: decodeValue(result.kind, result.bytes) };
}

/** The same call here. */
export async function callHere({ fn, args = [] }: Case): Promise<Outcome> {
  try {
    return { value: await fn(...args), name: fn.name, length: fn.length };
  } catch (error) {
    return { error: error as Error };
  }
}
