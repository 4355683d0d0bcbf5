import { createHash, randomBytes } from "node:crypto";
import { encodeGraph } from "@pydist/protocol";
import { type Captured, type ShippedCode, ship } from "@pydist/shipping";
import { Engine, type EngineOptions } from "pydist-node";
import { type Content, Dispatcher, Statistics } from "../../packages/futures/dist/index.js";

const itself = (): void => {};

/** A function of one text that sees nothing, and beside it so many bytes that nobody has seen before. */
function graphOf(length: number): Uint8Array {
  const data = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) data.set(randomBytes(Math.min(65_536, length - at)), at);
  const { bytes } = encodeGraph([itself, [], false, data], "captured", {
    extension: {
      lower: (value) => (value === itself ? { type: "function", parts: [0, undefined] } : undefined),
    },
  });
  // There are no types before it.
  const whole = new Uint8Array(8 + bytes.length);
  whole.set(bytes, 8);
  return whole;
}

const least = graphOf(0).length;

/** What a function captured that does not look at it, in about so many bytes. */
export function capturedOf(length: number, state: Captured["state"] = "fresh"): Captured {
  const bytes = graphOf(Math.max(16, length - least));
  return { hash: createHash("sha256").update(bytes).digest("hex"), bytes, state };
}

/** A function with which that travels; it does not look at it. */
export function capturing(fn: (...args: never[]) => unknown, captured: Captured): ShippedCode {
  return { ...ship(fn), captured };
}

/** An engine that counts what its executor keeps there. */
class CountingEngine extends Engine {
  /** By hash, how often it was kept and not let go. */
  readonly kept = new Map<string, number>();

  override keep(content: Content): void {
    this.kept.set(content.hash, (this.kept.get(content.hash) ?? 0) + 1);
    super.keep(content);
  }

  override letGo(hash: string): void {
    const count = (this.kept.get(hash) ?? 0) - 1;
    if (count === 0) this.kept.delete(hash);
    else this.kept.set(hash, count);
    super.letGo(hash);
  }
}

export function engineOptions(id: string, fields: Partial<EngineOptions> = {}): EngineOptions {
  return { id, name: id, workers: 0, tasksPerWorker: 1, hopLimit: 16, routesOnly: false, ...fields };
}

export interface Program {
  readonly engine: CountingEngine;
  readonly dispatcher: Dispatcher;
}

/** What an executor is inside: attached unless it has workers. */
export function programWith(id: string, fields: Partial<EngineOptions> = {}): Program {
  const engine = new CountingEngine(engineOptions(id, { routesOnly: (fields.workers ?? 0) === 0, ...fields }));
  const dispatcher = new Dispatcher(engine, {
    hopLimit: 16,
    attempts: 1,
    abortGrace: 100,
    statistics: new Statistics(),
    onNote: () => {},
    onSettled: () => undefined,
  });
  return { engine, dispatcher };
}
