import type * as Acorn from "acorn";
import type { Place } from "./scan.js";

export type BindingKind = "var" | "function" | "parameter" | "let" | "const" | "class" | "catch" | "import" | "name";

/** A name that some scope declares, and what becomes of it anywhere in the text. */
export interface Binding {
  kind: BindingKind;
  readonly scope: Scope;
  /** Where the first identifier that declares it begins. */
  at: number;
  /** How many times an initialiser of a `var` gives it a value. */
  initialised: number;
  /** Whether anything else gives it a value. */
  written: boolean;
}

/** One use of a name. */
export interface Reference {
  readonly node: Acorn.Identifier;
  readonly place: Place;
  /** `init`: the initialiser of a `var`; `write`: assigned, counted up, a loop's target, destructured into, deleted. */
  readonly kind: "read" | "write" | "init";
  /** What it means, if that is within the text. */
  binding: Binding | undefined;
}

export type ScopeKind = "top" | "name" | "function" | "body" | "block" | "class" | "field";

/** Where names live. What `this`, `super` and private names mean goes by the same boundaries, so it is kept here too. */
export class Scope {
  readonly kind: ScopeKind;
  readonly outer: Scope | undefined;
  readonly start: number;
  readonly end: number;
  strict: boolean;
  readonly names = new Map<string, Binding>();
  /** Where a `var` goes that is declared here. */
  readonly home: Scope;
  /** Whether `this`, `new.target` and `arguments` here are those of the surroundings of the text. */
  outerThis: boolean;
  /** Whether they are those of the function that the text is, which is no arrow. */
  ownThis: boolean;
  outerSuper: boolean;
  /** Private names without `#`, of a class. */
  privates: Set<string> | undefined;
  /** Of a function that is no arrow: it declares `arguments` without a word. */
  hasArguments = false;
  /** Whether assigning to `arguments[0]` assigns to the first parameter. */
  mapsArguments = false;

  constructor(kind: ScopeKind, outer: Scope | undefined, start: number, end: number, strict: boolean) {
    this.kind = kind;
    this.outer = outer;
    this.start = start;
    this.end = end;
    this.strict = strict;
    const isHome = kind === "top" || kind === "function" || kind === "body" || kind === "field";
    this.home = isHome || outer === undefined ? this : outer.home;
    this.outerThis = outer?.outerThis ?? true;
    this.ownThis = outer?.ownThis ?? false;
    this.outerSuper = outer?.outerSuper ?? true;
  }

  declare(name: string, kind: BindingKind, at: number): Binding {
    const known = this.names.get(name);
    if (known === undefined) {
      const binding: Binding = { kind, scope: this, at, initialised: 0, written: false };
      this.names.set(name, binding);
      return binding;
    }
    if (at < known.at) known.at = at;
    // The text is walked in no particular order; a parameter stays one, and a function has its value before any code runs.
    if (kind === "parameter" || (kind === "function" && known.kind === "var")) known.kind = kind;
    return known;
  }

  find(name: string): Binding | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.outer) {
      const binding = scope.names.get(name);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }

  /** The function whose own `arguments` the word means here, if there is one in the text. */
  argumentsOwner(): Scope | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.outer) {
      if (scope.hasArguments) return scope;
    }
    return undefined;
  }

  knowsPrivate(name: string): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.outer) {
      if (scope.privates?.has(name)) return true;
    }
    return false;
  }
}

/** Tells each use what it means. What stays without a binding is free. */
export function resolve(references: readonly Reference[]): void {
  for (const reference of references) {
    const { node, place, kind } = reference;
    const { scope } = place;
    const binding = scope.find(node.name);
    if (node.name === "arguments") {
      const owner = scope.argumentsOwner();
      // A variable of that name counts only within the function whose `arguments` it hides.
      if (owner !== undefined && (binding === undefined || !isWithin(binding.scope, owner))) {
        reference.binding = owner.names.get("arguments") ?? implicit(owner);
        if (owner.mapsArguments) for (const parameter of owner.names.values()) parameter.written = true;
        continue;
      }
    }
    if (binding === undefined) continue;
    reference.binding = binding;
    if (kind === "init" && binding.kind === "var" && !place.inLoop) binding.initialised++;
    else if (kind !== "read") binding.written = true;
  }
}

function implicit(scope: Scope): Binding {
  return { kind: "var", scope, at: scope.start, initialised: 0, written: false };
}

function isWithin(inner: Scope, outer: Scope): boolean {
  for (let scope: Scope | undefined = inner; scope !== undefined; scope = scope.outer) if (scope === outer) return true;
  return false;
}

/** A function in a block of sloppy code. */
export interface BlockFunction {
  readonly id: Acorn.Identifier;
  readonly scope: Scope;
  readonly place: Place;
}

/**
 * Sloppy code may call a function that a block declares after the block as well: it is a `var` beside, unless that name
 * would clash with a `let` on the way (annex B.3.3 of the language).
 */
export function hoistBlockFunctions(functions: readonly BlockFunction[], references: Reference[]): void {
  for (const { id, scope, place } of functions) {
    let clashes = false;
    for (let up = scope.outer; up !== undefined && !clashes; up = up.outer) {
      const kind = up.names.get(id.name)?.kind;
      clashes = kind === "let" || kind === "const" || kind === "class" || kind === "parameter";
      // The body of a function with a scope for its parameters.
      if (up === scope.home && up.kind !== "body") break;
      if (up.kind === "function") break;
    }
    if (clashes || scope.outer === undefined) continue;
    scope.home.declare(id.name, "var", id.start);
    references.push({
      node: id,
      place: { node: id, outer: place, scope: scope.outer, role: undefined, inLoop: place.inLoop },
      kind: "init",
      binding: undefined,
    });
  }
}
