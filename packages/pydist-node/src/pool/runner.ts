/**
 * Runs inside a worker thread: decodes, calls, catches and encodes, task by task.
 * Neither a result nor an error ever crosses piscina raw: it would lose its class, or take the thread with it.
 */
import { parentPort, threadId } from "node:worker_threads";
import {
  BodiesBuilder,
  bodyAt,
  countOf,
  decodeBodies,
  decodeValue,
  type EncodedValue,
  encodeFailure,
  encodeValue,
  kindAt,
  Outcome,
  packBodies,
  unpackBodies,
} from "@pydist/protocol";
import { type Callable, CodeCache } from "@pydist/shipping/runtime";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { type Flush, Mark, type Results, type RunReply, type RunRequest, type Stray, WORKER_MARK } from "./messages.js";

/** Results wait at most for this much work, in milliseconds, before they leave the thread. */
const FLUSH_INTERVAL = 5;
/** Results of this many bytes are moved and not packed. */
const LARGE = 64 * 1024;
/** Flushed earlier when they weigh this much. */
const FLUSH_BYTES = 1024 * 1024;

Object.defineProperty(globalThis, WORKER_MARK, { value: true });

let cache: CodeCache | undefined;
let running = "";

/** An error that nobody awaited must not hit whichever innocent task runs now. */
function reportStray(error: unknown): void {
  let message = "a value that cannot be read";
  try {
    message = error instanceof Error ? `${error.stack ?? error.message}` : String(error);
  } catch {
    // It has no text, or its text throws; an error here would end the thread.
  }
  post({ kind: "stray", name: running, message });
}
process.on("uncaughtException", reportStray);
process.on("unhandledRejection", reportStray);

function post(message: Flush | Stray, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

/** The function, or undefined if its text has to be sent along. */
function callableOf({ code, text, node }: RunRequest): Callable | Promise<Callable> | undefined {
  cache ??= new CodeCache({ node: `node ${node}` });
  return cache.get(code) ?? (text === undefined ? undefined : cache.load(code, text));
}

/** Arguments of every task, or for a task whose arguments do not decode, why. */
function argumentsOf(request: RunRequest): (unknown[] | DecodeFailure)[] {
  const bodies = unpackBodies(request.bodies);
  try {
    return decodeBodies(bodies) as unknown[][];
  } catch {
    return Array.from({ length: countOf(bodies) }, (_, i) => {
      try {
        return decodeValue(kindAt(bodies, i), bodyAt(bodies, i)) as unknown[];
      } catch (error) {
        return new DecodeFailure(error);
      }
    });
  }
}

class DecodeFailure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Gathers consecutive results and lets them go in time. */
class Gathering {
  readonly #lease: number;
  #builder = new BodiesBuilder();
  #from = 0;
  #since = performance.now();

  constructor(lease: number) {
    this.#lease = lease;
  }

  add(index: number, encoded: EncodedValue, flags: number, milliseconds: number, now: number): void {
    if (index !== this.#from + this.#builder.count) this.flush(now);
    if (this.#builder.count === 0) this.#from = index;
    this.#builder.add(encoded, flags, milliseconds);
    if (now - this.#since >= FLUSH_INTERVAL || this.#builder.byteLength >= FLUSH_BYTES) this.flush(now);
  }

  flush(now: number): void {
    const last = this.take();
    this.#since = now;
    if (last !== undefined) post({ kind: "flush", ...last }, [bufferOf(last)]);
  }

  take(): Results | undefined {
    if (this.#builder.count === 0) return undefined;
    const bodies = this.#builder.build(true);
    this.#builder = new BodiesBuilder();
    const large = bodies.bytes.length >= LARGE;
    return { lease: this.#lease, from: this.#from, bodies: large ? bodies : packBodies(bodies) };
  }
}

function bufferOf({ bodies }: Results): ArrayBuffer {
  return (bodies instanceof Uint8Array ? bodies : bodies.bytes).buffer as ArrayBuffer;
}

/** What a run ends with; its bytes move to the node's thread. */
function done(results: Gathering): RunReply {
  const reply: RunReply = { kind: "done", thread: threadId, last: results.take() };
  if (reply.last === undefined) return reply;
  const buffer = bufferOf(reply.last);
  // piscina's way to say what is transferred. It types it as the value itself, which is what arrives.
  return move({ [transferableSymbol]: [buffer], [valueSymbol]: reply } as never) as unknown as RunReply;
}

function encodeResult(value: unknown): { encoded: EncodedValue; flags: number } {
  try {
    return { encoded: encodeValue(value, "result"), flags: 0 };
  } catch (error) {
    return { encoded: encodeFailure(error), flags: Outcome.Failed };
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** piscina's task: one run. */
export async function run(request: RunRequest): Promise<RunReply> {
  const { marks } = request;
  const results = new Gathering(request.lease);
  let callable: Callable;
  let args: (unknown[] | DecodeFailure)[];
  try {
    const found = await callableOf(request);
    if (found === undefined) return { kind: "needCode" };
    callable = found;
    args = argumentsOf(request);
  } catch (error) {
    failAll(results, marks, error);
    return done(results);
  }
  running = request.name;
  let before = performance.now();
  for (let i = 0; i < args.length; i++) {
    if (Atomics.compareExchange(marks, i, Mark.Waiting, Mark.Started) !== Mark.Waiting) continue;
    const arg = args[i] as unknown[] | DecodeFailure;
    // Arguments are the task's alone: once it is over, nothing here keeps them.
    args[i] = undefined as never;
    let flags: number = Outcome.Failed;
    let encoded: EncodedValue;
    try {
      if (arg instanceof DecodeFailure) throw arg.error;
      const value = callable(...arg);
      ({ encoded, flags } = encodeResult(isThenable(value) ? await value : value));
    } catch (error) {
      encoded = encodeFailure(error);
    }
    const now = performance.now();
    results.add(i, encoded, flags, now - before, now);
    before = now;
  }
  return done(results);
}

/** The function itself could not be loaded: each task that nobody took meanwhile fails with the reason. */
function failAll(results: Gathering, marks: Uint8Array<SharedArrayBuffer>, error: unknown): void {
  const encoded = encodeFailure(error);
  const now = performance.now();
  for (let i = 0; i < marks.length; i++) {
    if (Atomics.compareExchange(marks, i, Mark.Waiting, Mark.Started) !== Mark.Waiting) continue;
    results.add(i, encoded, Outcome.Failed, 0, now);
  }
}
