/**
 * Runs inside a worker thread: decodes, calls, catches and encodes, task by task.
 * Neither a result nor an error ever crosses piscina raw: it would lose its class, or take the thread with it.
 */
import {
  type Bodies,
  bodyAt,
  countOf,
  decodeBodies,
  type EncodedValue,
  encodeFailure,
  Kind,
  kindAt,
  Outcome,
  unpackBodies,
} from "@pydist/protocol";
import {
  type Bound,
  type Captured,
  CodeCache,
  type FoundTrees,
  Lru,
  learnTrees,
  nameAsWritten,
  type Program,
  treesNeeded,
} from "@pydist/shipping/runtime";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { Call, type CallSite, currentCall, loadContext } from "./call.js";
import { capturedOf } from "./captured.js";
import { overtimeOf } from "./faults.js";
import { bufferOf, Gathering } from "./gathering.js";
import { hasInitialized, initialize } from "./initializers.js";
import { clock, Mark, type NeedMore, type RunReply, type RunRequest, SharedRun, type Texts } from "./messages.js";
import { LONG, moodOf } from "./moods.js";
import { accompany, outputEnded, runBegan, runEnded, synchronous, taskEnded } from "./watchman.js";

export { control } from "./call.js";

/** Quick results wait at most so long, in milliseconds, for a slow one behind them. */
const PATIENCE = 5;

/** Most bytes of arguments that are decoded before their tasks begin. */
const MOST_AT_ONCE = 1024 * 1024;

/** Tasks that this thread has begun. */
let begun = 0;

let cache: CodeCache | undefined;
/** Code of which something could not be had, and when it was asked for. */
const lacking = new Lru<string, number>(1000);
/** Milliseconds after which it is asked for again. */
const ASK_AGAIN = 1000;

function cacheOf(node: string): CodeCache {
  cache ??= new CodeCache({ node: `node ${node}` });
  return cache;
}

/** What has to be sent along before the run can begin. */
function lackOf({ head, texts, trees = {}, node }: RunRequest): NeedMore | undefined {
  const isLoaded = cacheOf(node).get(head.code) !== undefined && !mayAskAgain(head.code);
  const isInitialized = hasInitialized(head);
  if (isLoaded && isInitialized) return undefined;
  const lacking: (keyof Texts)[] = [];
  if (!isLoaded && texts.code === undefined) lacking.push("code");
  if (!isInitialized && texts.initializer === undefined) lacking.push("initializer");
  if (lacking.length > 0) return { kind: "needTexts", lacking };
  learnTrees(trees);
  const keys = isLoaded ? [] : treesNeeded(texts.code ?? "", trees);
  if (keys.length === 0 && !isLoaded) noteLack(head.code, trees);
  if (!isInitialized) keys.push(...treesNeeded(texts.initializer ?? "", trees));
  return keys.length === 0 ? undefined : { kind: "needTrees", keys };
}

/** Whether code lacks something that it may do without, and that may be there by now. */
function mayAskAgain(code: string): boolean {
  return performance.now() - (lacking.get(code) ?? Number.POSITIVE_INFINITY) > ASK_AGAIN;
}

function noteLack(code: string, trees: FoundTrees): void {
  if (Object.values(trees).every((found) => "directory" in found)) lacking.delete(code);
  else lacking.set(code, performance.now());
}

function programOf({ head, texts, node }: RunRequest): Program | Promise<Program> {
  const loaded = cacheOf(node);
  return loaded.get(head.code) ?? loaded.load(head.code, texts.code ?? "");
}

/**
 * Arguments of every task. Plain ones are parsed with a single call; others are decoded when it is their task's turn,
 * because that may run code of the user's, and so are large ones, because a thread may not have the memory for them.
 */
function argumentsOf(request: RunRequest): (unknown[] | Undecoded)[] {
  const bodies = unpackBodies(request.bodies);
  const small = bodies.bytes.length <= MOST_AT_ONCE;
  if (small && bodies.kinds.every((kind) => kind === Kind.Plain)) return decodeBodies(bodies) as unknown[][];
  return Array.from({ length: countOf(bodies) }, (_, i) => new Undecoded(bodies, i));
}

class Undecoded {
  readonly #bodies: Bodies;
  readonly #index: number;

  constructor(bodies: Bodies, index: number) {
    this.#bodies = bodies;
    this.#index = index;
  }

  /** @throws SerializationError, or what the user's code does */
  decode(bound: Bound): unknown[] {
    return bound.decodeArguments(kindAt(this.#bodies, this.#index), bodyAt(this.#bodies, this.#index));
  }
}

/** Values that can be changed are each task's own. */
function binderOf(program: Program, captured: Captured | undefined): () => Bound {
  if (captured?.state === "fresh") return () => program.bind(captured);
  const bound = program.bind(captured);
  return () => bound;
}

/** What a run ends with; its bytes move to the node's thread. */
function done(
  { results, shared, said }: Pick<CallSite, "results" | "shared" | "said">,
  thread: "fresh" | "worn",
): RunReply {
  const reply: RunReply = { kind: "done", thread, last: results.take(), said: said + outputEnded(shared) };
  if (reply.last === undefined) return reply;
  const buffer = bufferOf(reply.last);
  // piscina's way to say what is transferred. It types it as the value itself, which is what arrives.
  return move({ [transferableSymbol]: [buffer], [valueSymbol]: reply } as never) as unknown as RunReply;
}

function encodeResult(bound: Bound, value: unknown): { encoded: EncodedValue; flags: number } {
  try {
    return { encoded: bound.encodeResult(value), flags: 0 };
  } catch (error) {
    return { encoded: encodeFailure(error), flags: Outcome.Failed };
  }
}

/** What the user's code threw, here or while it was loaded. */
function encodeThrown(error: unknown): EncodedValue {
  nameAsWritten(error);
  return encodeFailure(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** piscina's task: one run. */
export async function run(request: RunRequest): Promise<RunReply> {
  const shared = new SharedRun(request.shared);
  try {
    return await accompany(shared, request.lease, request.head, () => carryOut(request, shared));
  } finally {
    synchronous(undefined);
    runEnded(shared);
  }
}

async function carryOut(request: RunRequest, shared: SharedRun): Promise<RunReply> {
  const { lease, head, texts, node, maxTasks } = request;
  const results = new Gathering(lease);
  let program: Program;
  let bind: () => Bound;
  let args: (unknown[] | Undecoded)[];
  try {
    // First of all, so that what was sent along is kept whatever else is lacking.
    const captured = capturedOf(head, texts.captured);
    if (captured === "lacking") return { kind: "needTexts", lacking: ["captured"] };
    const lack = lackOf(request);
    if (lack !== undefined) return lack;
    const found = programOf(request);
    program = found instanceof Promise ? await away(found, shared) : found;
    if (program.context === "wanted") await away(loadContext(), shared);
    args = argumentsOf(request);
    bind = binderOf(program, captured);
  } catch (error) {
    return failAll(results, shared, error, 0);
  }
  try {
    if (head.initializer !== undefined) await away(initialize(head, texts.initializer, node), shared);
  } catch (error) {
    return failAll(results, shared, error, Outcome.Broken);
  }
  runBegan(shared);
  const site = { lease, head, node, shared, results, said: 0 };
  const thread = await goThrough(args, program, bind, site, maxTasks);
  return done(site, thread);
}

async function goThrough(
  args: (unknown[] | Undecoded)[],
  program: Program,
  bind: () => Bound,
  site: CallSite,
  maxTasks: number,
): Promise<"fresh" | "worn"> {
  const { shared, results, head } = site;
  const { marks } = shared;
  const { timeout } = head;
  const mood = moodOf(program);
  let { moody } = mood;
  let calls = 0;
  let long = 0;
  let before = performance.now();
  // Whenever it awaits, it says so: between two tasks nobody else can run.
  synchronous(shared);
  for (let i = 0; i < args.length; i++) {
    if (begun >= maxTasks) break;
    // Before the claim: whoever sees the claim sees the time.
    if (timeout !== undefined) shared.began[0] = clock();
    if (Atomics.compareExchange(marks, i, Mark.Waiting, Mark.Started) !== Mark.Waiting) continue;
    begun++;
    calls++;
    const arg = args[i] as unknown[] | Undecoded;
    // Arguments are the task's alone: once it is over, nothing here keeps them.
    args[i] = undefined as never;
    const call = program.context === "wanted" ? new Call(site, i) : undefined;
    let flags: number = Outcome.Failed;
    let encoded: EncodedValue;
    try {
      const bound = bind();
      const { fn } = bound;
      if (call !== undefined) call.bound = bound;
      const given = arg instanceof Undecoded ? arg.decode(bound) : arg;
      const value = call === undefined ? fn(...given) : currentCall.run(call, fn, ...given);
      ({ encoded, flags } = encodeResult(bound, isThenable(value) ? await settled(value, call, site) : value));
    } catch (error) {
      encoded = encodeThrown(error);
    }
    call?.over();
    if (
      Atomics.compareExchange(marks, i, Mark.Started, Mark.Ended) !== Mark.Started &&
      !shared.change(i, Mark.Ended, Mark.Stopping)
    ) {
      // The thread is being ended because of this task: nothing more begins here.
      await new Promise(() => {});
    }
    taskEnded(shared);
    const now = performance.now();
    if (timeout !== undefined && clock() - (shared.began[0] as number) >= timeout) {
      encoded = encodeFailure(overtimeOf(head.name, site.node, timeout));
      flags = Outcome.Failed;
    }
    results.add(i, encoded, flags, now - before, now);
    if (now - before >= LONG) {
      long++;
      moody = true;
    }
    // What is there does not wait for a next one that may take long.
    if (moody && i < args.length - 1) results.flush(now);
    before = now;
  }
  mood.ran(calls, long);
  return begun >= maxTasks ? "worn" : "fresh";
}

/** Meanwhile others may have the thread, and what they do is not this run's doing. */
async function away<T>(promise: Promise<T>, shared: SharedRun): Promise<T> {
  synchronous(undefined);
  try {
    return await promise;
  } finally {
    synchronous(shared);
  }
}

/** What a promise comes to. Meanwhile the thread turns to others, and results before it do not wait with it. */
async function settled(
  value: PromiseLike<unknown>,
  call: Call | undefined,
  { results, shared }: CallSite,
): Promise<unknown> {
  synchronous(undefined);
  call?.becameAsynchronous();
  const flush = results.empty ? undefined : setTimeout(() => results.flush(performance.now()), PATIENCE);
  try {
    return await value;
  } finally {
    clearTimeout(flush);
    synchronous(shared);
  }
}

/** Nothing of the run can be called: each task that nobody took meanwhile fails with the reason. */
function failAll(results: Gathering, shared: SharedRun, error: unknown, flags: number): RunReply {
  const { marks } = shared;
  const encoded = encodeThrown(error);
  const now = performance.now();
  for (let i = 0; i < marks.length; i++) {
    if (Atomics.compareExchange(marks, i, Mark.Waiting, Mark.Ended) !== Mark.Waiting) continue;
    results.add(i, encoded, Outcome.Failed | flags, 0, now);
  }
  return done({ results, shared, said: 0 }, "fresh");
}
