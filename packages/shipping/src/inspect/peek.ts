import type { TaskFunction } from "../task.js";
import { whyNotPeek } from "./peekable.js";
import { scopesOf } from "./scopes.js";
import { type Inspection, inspect } from "./session.js";

/** A function cannot be peeked into, or not for this: the reason is a clause for a message. */
export class CannotPeek extends Error {
  override readonly name = "CannotPeek";
  readonly reason: string;

  constructor(reason: string) {
    super(`cannot look inside the function: ${reason}`);
    this.reason = reason;
  }
}

/** A variable as the function sees it: the variable itself, not its value at some time. */
export interface Binding {
  /** @throws ReferenceError before it is initialised. */
  get(): unknown;
  /** @throws TypeError for a constant. */
  set(value: unknown): void;
}

/** What is wanted of what a function sees. The function must use it itself, or a function in it, or V8 does not keep it. */
export interface Wanted {
  /** The `this` around an arrow. */
  readonly this?: boolean;
  /** The `new.target` around an arrow. */
  readonly newTarget?: boolean;
  /** Variables around the function. */
  readonly names?: Iterable<string>;
}

export interface Peeked {
  readonly this: unknown;
  readonly newTarget: unknown;
  readonly bindings: ReadonlyMap<string, Binding>;
}

/** What the frame of a function is asked for. It calls the global of this name, which is there only while it is called. */
const entrance = "__pydistPeek";

interface Frame {
  readonly this: () => unknown;
  /** Evaluates in the frame. */
  readonly eval: (text: string) => unknown;
  /** In the order of the names. */
  readonly bindings: readonly Binding[];
}

/**
 * Looks at what the scopes of a function do not show, from inside a call of it that is ended before its first step. V8
 * asks the condition of a breakpoint there, and handles a request to end what runs before it goes on from a breakpoint,
 * whatever the condition says. No step of the function is run, and no time passes for others.
 * @throws CannotPeek where that is not certain; ReferenceError where a class's constructor has not made `this` yet.
 */
export function peek(fn: TaskFunction, wanted: Wanted): Peeked {
  if (!hasStack(4000)) throw new CannotPeek(fullStack);
  const names = [...(wanted.names ?? [])];
  const why = whyNotPeek(fn) || names.map(whyNotName).find((reason) => reason !== "");
  if (why) throw new CannotPeek(why);
  return inspect((inspection) => {
    verify(inspection);
    const seen = framed(fn, names, inspection, (frame) => ({
      this: wanted.this === true ? frame.this() : undefined,
      newTarget: wanted.newTarget === true ? frame.eval("new.target") : undefined,
      bindings: new Map(names.map((name, i) => [name, frame.bindings[i] as Binding])),
    }));
    if (seen === undefined) {
      trusted = false;
      throw new CannotPeek("this Node did not stop it before its first step");
    }
    return seen;
  });
}

/** Whether two functions that use a variable of this name use the same one. Nobody else sees that it is tried out. */
export function sharesBinding(f: TaskFunction, g: TaskFunction, name: string): boolean {
  return inspect(() => {
    const [a, b] = [f, g].map((fn) => peek(fn, { names: [name] }).bindings.get(name) as Binding);
    return areSame(a as Binding, b as Binding);
  });
}

/** Whether two bindings are the same variable: what is written to one is read from the other. */
function areSame(a: Binding, b: Binding): boolean {
  const before = a.get();
  if (!Object.is(before, b.get())) return false;
  const marker = {};
  a.set(marker);
  try {
    return b.get() === marker;
  } finally {
    a.set(before);
  }
}

/** False once a function was run that should have been stopped. */
let trusted = true;

/** Whether this Node does what {@link peek} relies on, here and now. Tried out on a function of ours. */
export function peekWorks(): boolean {
  try {
    inspect(verify);
    return true;
  } catch {
    return false;
  }
}

const verified = new WeakSet<Inspection>();

/** In each inspection, because it depends on who called: inside of a debugger's own evaluation V8 skips breakpoints. */
function verify(inspection: Inspection): void {
  if (verified.has(inspection)) return;
  if (!trusted || !isTrueOfOurs(inspection)) {
    throw new CannotPeek("functions cannot be stopped before their first step here");
  }
  verified.add(inspection);
}

function isTrueOfOurs(inspection: Inspection): boolean {
  const canary = new Canary();
  try {
    const use = (frame: Frame) => ({ it: frame.this(), count: frame.bindings[0] });
    const seen = framed(canary.arrow(), ["count"], inspection, use);
    seen?.count?.set(2);
    return seen?.it === canary && seen.count?.get() === 2 && canary.steps === 0;
  } catch {
    return false;
  }
}

class Canary {
  steps = 0;

  arrow(): () => number {
    let count = 1;
    return () => {
      this.steps++;
      return count++;
    };
  }
}

/** Undefined when the function was not stopped. */
function framed<T>(
  fn: TaskFunction,
  names: readonly string[],
  inspection: Inspection,
  use: (frame: Frame) => T,
): T | undefined {
  const { global, read } = scopesOf(fn);
  if (global === undefined) throw new CannotPeek("it is native");
  if (read([entrance]).size > 0) throw new CannotPeek(`it has a variable ${entrance}`);
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  const enter = (frame: Frame): boolean => {
    try {
      outcome = { value: use(frame) };
    } catch (error) {
      outcome = { error };
    } finally {
      inspection.endRunning();
    }
    return false;
  };
  let end: "stopped" | "returned" | { readonly error: unknown } = "stopped";
  const removeBreakpoint = setBreakpoint(fn, conditionFor(names), inspection);
  try {
    Object.defineProperty(global, entrance, { value: enter, configurable: true });
    inspection.runEndable(() => {
      try {
        (fn as () => unknown)();
        end = "returned";
      } catch (error) {
        // What is stopped throws nothing that can be caught.
        end = { error };
      }
    });
  } finally {
    Reflect.deleteProperty(global, entrance);
    removeBreakpoint();
  }
  if (isOverflow(end)) throw new CannotPeek(fullStack);
  if (end !== "stopped" || outcome === undefined) return undefined;
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

function setBreakpoint(fn: TaskFunction, condition: string, inspection: Inspection): () => void {
  inspection.debug();
  const { breakpointId } = inspection.post<{ readonly breakpointId: string }>("Debugger.setBreakpointOnFunctionCall", {
    objectId: inspection.idOf(fn),
    condition,
  });
  return () => inspection.post("Debugger.removeBreakpoint", { breakpointId });
}

const fullStack = "the stack is nearly full";

function isOverflow(end: unknown): boolean {
  return typeof end === "object" && end !== null && (end as { error: unknown }).error instanceof RangeError;
}

/** Near the end of the stack the condition would fail, and a condition that fails lets the function run. */
function hasStack(depth: number): boolean {
  try {
    return depth === 0 || hasStack(depth - 1);
  } catch {
    return false;
  }
}

/** Nothing in it may be an error in whatever function it is read: that would let the function run. */
function conditionFor(names: readonly string[]): string {
  const bindings = names.map((name) => `{get:()=>${name},set:${entrance}Value=>{${name}=${entrance}Value}}`);
  const evaluate = `${entrance}Text=>eval(${entrance}Text)`;
  return `${entrance}({this:()=>this,eval:${evaluate},bindings:[${bindings.join()}]})`;
}

/** Words that are no names, in some kind of code at least. */
const reserved = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof var void while with yield"
  ).split(" "),
);

function whyNotName(name: string): string {
  const isName =
    /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name) &&
    !reserved.has(name) &&
    !name.startsWith(entrance);
  return isName ? "" : `"${name}" is not the name of a variable`;
}
