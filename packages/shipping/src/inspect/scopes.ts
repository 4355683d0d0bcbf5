import { types } from "node:util";
import type { TaskFunction } from "../task.js";
import { promptVariable } from "./prompt.js";
import { inspect, type Remote } from "./session.js";

/** Where a function begins: at its parameters or earlier. */
export interface Location {
  readonly scriptId: string;
  /** Counted as the script says. */
  readonly line: number;
  readonly column: number;
}

/** Where a name was found: `Closure`, `Block`, `Catch`, `Module`, `Script`, `Global`, `With`, `Eval` and what V8 may yet think of. */
export interface ScopeRef {
  readonly type: string;
  /** How far out, from 0. */
  readonly level: number;
  /** Of the function whose scope it is, where it has one; methods as `Object.name`. */
  readonly name: string;
}

export type Seen =
  | { readonly kind: "value"; readonly value: unknown; readonly scope: ScopeRef }
  | { readonly kind: "unreadable"; readonly why: "uninitialised" | (string & {}); readonly scope: ScopeRef };

/** What surrounds a function, as it was when it was asked for. */
export interface FunctionScopes {
  /** Undefined for what has no text: native and bound functions, and proxies. */
  readonly location: Location | undefined;
  /** The globalThis that it sees; undefined for what has no text. */
  readonly global: object | undefined;
  /**
   * The named variables, from the innermost scope that has them. Those that are in no scope are left out, and so are
   * globals, unless they are variables of a prompt; top-level `let`, `const` and `class` of scripts are no globals. Good beyond the inspection.
   *
   * Node 20 cannot tell a variable that is not initialised yet from one that is undefined.
   */
  read(names: Iterable<string>): ReadonlyMap<string, Seen>;
}

interface Scope extends ScopeRef {
  readonly variables: object;
}

/** What V8 keeps behind `[[Scopes]]`: no array, but counted like one. */
type RawScopes = ArrayLike<{ readonly description: string; readonly object: object }>;

/** What a function sees around itself. Reads no variable, and runs nothing of the user's. */
export function scopesOf(fn: TaskFunction): FunctionScopes {
  if (types.isProxy(fn)) return { location: undefined, global: undefined, read: () => new Map() };
  return inspect((inspection) => {
    const part = inspection.internalsOf(fn);
    const list = part("[[Scopes]]");
    const raw = list === undefined ? [] : (inspection.valuesOf([list])[0] as RawScopes);
    const all = Array.from(raw, scopeFrom);
    const global = all.find(({ type }) => type === "Global")?.variables;
    const scopes = all.filter(({ type }) => type !== "Global");
    return { location: locationFrom(part("[[FunctionLocation]]")), global, read: (names) => read(names, scopes) };
  });
}

function locationFrom(remote: Remote | undefined): Location | undefined {
  const found = remote?.value as { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
  return found && { scriptId: found.scriptId, line: found.lineNumber, column: found.columnNumber };
}

/** Where a function begins; cheaper than its scopes by a call. */
export function locationOf(fn: TaskFunction): Location | undefined {
  if (types.isProxy(fn)) return undefined;
  return inspect((inspection) => locationFrom(inspection.internalsOf(fn)("[[FunctionLocation]]")));
}

// As "Closure (name)", "With Block", "Module".
const description = /^(\w+)(?: Block)?(?: \((.*)\))?$/s;

function scopeFrom(raw: RawScopes[number], level: number): Scope {
  const [, type = raw.description, name = ""] = description.exec(raw.description) ?? [];
  return { type, level, name, variables: raw.object };
}

function read(names: Iterable<string>, scopes: readonly Scope[]): ReadonlyMap<string, Seen> {
  const found = new Map<string, Seen>();
  for (const name of names) {
    const seen = seenIn(scopes, name);
    if (seen !== undefined) found.set(name, seen);
  }
  return found;
}

function seenIn(scopes: readonly Scope[], name: string): Seen | undefined {
  for (const { variables, ...scope } of scopes) {
    try {
      if (scope.type === "With") {
        const seen = propertyOf(variables, name);
        if (seen !== undefined) return { ...seen, scope };
      } else if (Object.hasOwn(variables, name)) {
        return { kind: "value", value: Reflect.get(variables, name), scope };
      }
    } catch (error) {
      return { kind: "unreadable", why: whyOf(error), scope };
    }
  }
  const variable = promptVariable(name);
  return variable && { kind: "value", ...variable, scope: { type: "Global", level: scopes.length, name: "" } };
}

function whyOf(error: unknown): string {
  const message = String((error as Error).message);
  return message.startsWith("Cannot access") ? "uninitialised" : message;
}

type SeenProperty =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "unreadable"; readonly why: string };

/** What the object of a `with` statement makes of a name, without running anything. */
function propertyOf(object: object, name: string): SeenProperty | undefined {
  if (isHidden(object)) return { kind: "unreadable", why: "a with statement has a Proxy" };
  for (let holder: object | null = object; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    if (types.isProxy(holder)) return { kind: "unreadable", why: "a with statement has a Proxy" };
    const property = Object.getOwnPropertyDescriptor(holder, name);
    if (property === undefined) continue;
    if (isUnscopable(object, name)) return undefined;
    if (!("value" in property)) return { kind: "unreadable", why: "a with statement has a getter for it" };
    return { kind: "value", value: property.value };
  }
  return undefined;
}

/** V8 shows an empty object in place of a Proxy. */
function isHidden(object: object): boolean {
  return Object.getPrototypeOf(object) === null && Reflect.ownKeys(object).length === 0;
}

function isUnscopable(object: object, name: string): boolean {
  const list = dataOf(object, Symbol.unscopables);
  return typeof list === "object" && list !== null && Boolean(dataOf(list, name));
}

function dataOf(object: object, key: PropertyKey): unknown {
  let holder: object | null = object;
  while (holder !== null && !types.isProxy(holder)) {
    const property = Object.getOwnPropertyDescriptor(holder, key);
    if (property !== undefined) return property.value;
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return undefined;
}
