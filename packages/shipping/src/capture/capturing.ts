import { createRequire } from "node:module";
import { types } from "node:util";
import { type Extension, type Extra, functionSource, type Graph } from "@pydist/protocol";
import type { Replaced } from "../analysis/function-text.js";
import { joinGraphs, type Relation } from "../captured-bytes.js";
import { type Captured, type FunctionsCode, type FunctionText, sha256 } from "../code.js";
import { Kinds, type MaybeDetails } from "../graph.js";
import { boundPartsOf } from "../inspect/members.js";
import { isNative } from "../inspect/of-node.js";
import type { Noted } from "../stacks/origins.js";
import { suppliedName, type TaskFunction, taskTarget } from "../task.js";
import type { PackageRef } from "../trees/package-ref.js";
import { type ArgumentsAround, Given, lowerGiven } from "./arguments-around.js";
import { Bounds } from "./bounds.js";
import type { Cells } from "./cells.js";
import { checkWhole } from "./complaints.js";
import { detailStep, detailsOf } from "./details.js";
import { lowerFunction } from "./function-node.js";
import { requireUrl } from "./imported.js";
import { isObject } from "./is-object.js";
import { builtinPlaceOf, globalPathOf } from "./known.js";
import { MethodOf, methodOf } from "./method-of.js";
import { lowerNarrowed, Narrowed } from "./namespaces.js";
import { isFrozenData, lowerObject, ownerOf } from "./objects.js";
import { laterMembersOf, ordinaryOfPrototype } from "./ordinary.js";
import { isOurs, ours } from "./ours.js";
import { findPackagePlace, knownPackagePlace, notePackageObject } from "./packages.js";
import { Place } from "./place.js";
import { postponed } from "./postponed.js";
import { FIRST, Refused } from "./refused.js";
import type { TypesAround } from "./registered.js";
import { symbolNode } from "./symbol-node.js";
import { Texts } from "./texts.js";
import { understood, type View, type Views } from "./view.js";
import type { WeakEntries } from "./weak-entries.js";
import { lowerWrapped } from "./wrapped.js";

/** A function with everything that it sees. */
export interface CapturedFunction {
  readonly code: FunctionsCode;
  readonly captured: Captured;
  /** The captured objects by their numbers in the graph, for arguments that refer to them. */
  readonly objects: ReadonlyMap<unknown, number>;
  /** Weak collections among what is captured. */
  readonly weak: WeakEntries;
  readonly types: TypesAround;
  /** The functions behind the code's texts. */
  readonly texts: readonly Noted[];
  /** Whether it turned out that the function sees nothing: without types its text is enough. */
  readonly isPlain: boolean;
}

/** Most bytes that a link carries in one piece, with room for what goes around them. */
const MOST_BYTES = 2 ** 30;

const { cache: requireCache } = createRequire(import.meta.url);

/** Writes one graph. */
export class Capturing implements Pick<Extension, "lower"> {
  readonly cells: Cells;
  readonly given: ArgumentsAround;
  readonly weak: WeakEntries;
  readonly types: TypesAround;
  readonly #views: Views;
  readonly #texts = new Texts();
  readonly #noted: Noted[] = [];
  readonly #bounds = new Bounds();
  /** Objects that are the `prototype` of a function. */
  readonly #prototypes = new Map<object, TaskFunction>();
  #stage: "types" | "values" = "types";
  /** Whether the types are needed to read the values. */
  #relation: "needed" | "apart" = "apart";
  readonly #late: unknown[] = [];
  #state: Captured["state"] = "shared";
  /** What the last function that was written sees around it. */
  #sees: "nothing" | "something" = "something";

  constructor(views: Views, cells: Cells, given: ArgumentsAround, weak: WeakEntries, types: TypesAround) {
    this.#views = views;
    this.cells = cells;
    this.given = given;
    this.weak = weak;
    this.types = types;
  }

  /** From now on the graph of the values is written. @returns what was left for it: see {@link postpone} */
  beginValues(): readonly unknown[] {
    this.#stage = "values";
    this.#sees = "something";
    this.#state = "shared";
    this.#relation = "apart";
    return this.#late;
  }

  /**
   * What a function of a type has as a property may be an instance of such a type, which can be made only when all types
   * are there: it comes with the values.
   */
  postpone(owner: object, details: MaybeDetails): MaybeDetails {
    if (this.#stage === "values") return details;
    const { details: rest, rows } = postponed(owner, details, (value) => this.types.hasInstance(value));
    this.#late.push(...rows);
    return rest;
  }

  finish(types: Graph | undefined, values: Graph): CapturedFunction {
    if (this.#texts.reachesPackages) this.types.need();
    // Two arrays and one function.
    const seesNothing = this.#sees === "nothing" && values.objects.size === 3;
    const bytes = joinGraphs(types?.bytes, values.bytes, this.#relationTo(types, values));
    if (bytes.length > MOST_BYTES) {
      throw new Refused(
        FIRST,
        `uses ${Math.round(bytes.length / 2 ** 20)} MiB of data around it, and ${MOST_BYTES / 2 ** 20} MiB can travel`,
        "Have the function read it from a file, or pass it in parts as arguments.",
      );
    }
    // Types are each task's own: it may register its classes anew.
    const state = types === undefined ? this.#state : "fresh";
    const captured = { hash: sha256(bytes), bytes, state } as const;
    const code = this.#texts.code();
    const objects = new Map(types?.objects);
    for (const [object, number] of values.objects) objects.set(object, number + (types?.count ?? 0));
    return { code, captured, objects, weak: this.weak, types: this.types, texts: this.#noted, isPlain: seesNothing };
  }

  #relationTo(types: Graph | undefined, values: Graph): Relation {
    if (this.#relation === "needed" || types === undefined) return "needed";
    for (const object of values.objects.keys()) if (types.objects.has(object)) return "needed";
    return this.#state === "shared" ? "apart and shared" : "apart";
  }

  textNumber(text: FunctionText, view: View, replaced: readonly Replaced[], path: () => string): number {
    const number = this.#texts.add(text);
    if (this.#noted[number] === undefined) {
      const { fn, source } = view;
      this.#noted[number] = { fn, source, replaced, text };
      this.#bounds.addText(view, path);
    }
    return number;
  }

  addFile(path: string, sha256: string): void {
    this.#texts.addFile(path, sha256);
  }

  addPackage(ref: PackageRef): void {
    this.#texts.addPackage(ref);
  }

  mutable(): void {
    this.#state = "fresh";
  }

  usedWeakly(collection: WeakMap<object, unknown> | WeakSet<object>): void {
    this.weak.add(collection);
  }

  lower(value: object | symbol | TaskFunction, path: () => string): Extra | undefined {
    if (typeof value === "symbol") return symbolNode(value);
    if (types.isProxy(value)) {
      throw new Refused(path(), "is a Proxy, whose handler cannot travel", "Capture the object behind it.");
    }
    if (this.types.typeOf(value, path) !== undefined) {
      this.types.need();
      this.#relation = "needed";
    }
    return (
      // First of all, for it is imported from a package as well.
      this.#ofPydist(value) ??
      this.#reference(value, path) ??
      (typeof value === "function" ? this.#function(value as TaskFunction, path) : this.#object(value, path))
    );
  }

  /** What every node supplies itself, and references to functions of files. */
  #ofPydist(value: object): Extra | undefined {
    if (typeof value !== "function") return undefined;
    const supplied = suppliedName(value);
    if (supplied !== undefined) {
      this.#texts.asks();
      return { type: Kinds.Helper, parts: [supplied] };
    }
    const target = taskTarget(value);
    return target && { type: Kinds.Reference, parts: [target.url, target.export] };
  }

  /** What every Node has, or a package. */
  #reference(value: object, reached: () => string): Extra | undefined {
    const path = globalPathOf(value);
    if (path !== undefined) {
      checkWhole(value, path, reached);
      return { type: Kinds.Global, parts: [path] };
    }
    const builtin = builtinPlaceOf(value);
    if (builtin !== undefined) {
      if (builtin.specifier === "node:module" && builtin.path[0] === "createRequire") {
        this.#texts.asks();
        return { type: Kinds.Helper, parts: ["createRequire"] };
      }
      const number = this.#texts.addModule({ specifier: builtin.specifier, how: "import" }, undefined);
      return { type: Kinds.Module, parts: [number, ...builtin.path] };
    }
    const place = knownPackagePlace(value);
    if (place === undefined) return undefined;
    return { type: Kinds.Module, parts: [this.#texts.addModule(place.module, place.owner), ...place.path] };
  }

  #function(fn: TaskFunction, path: () => string): Extra {
    if (Object.getOwnPropertyDescriptor(fn, "cache")?.value === requireCache) {
      return { type: Kinds.Require, parts: [requireUrl(fn)] };
    }
    const source = functionSource(fn);
    if (isNative(fn)) return this.#native(fn, path);
    const view = this.#views.of(fn, source);
    const { file } = view;
    if (file?.script.url.startsWith("node:") === true) {
      const wrapped = lowerWrapped(view);
      if (wrapped !== undefined) return wrapped;
      throw new Refused(
        path(),
        "is a function inside of Node that no module exports",
        "Make it on the node: import what gives it inside the function.",
      );
    }
    if (isExported(view)) return this.#reference(fn, path) as Extra;
    this.cells.note(view, path);
    this.#bounds.addFunction(view, path);
    const prototype: unknown = Object.getOwnPropertyDescriptor(fn, "prototype")?.value;
    // Without its constructor it does not say whose it is.
    if (typeof prototype === "object" && prototype !== null && !this.#prototypes.has(prototype)) {
      if (ownerOf(prototype) === undefined) this.#prototypes.set(prototype, fn);
    }
    const made = lowerFunction(view, this, path);
    this.#sees = made.parts.length > 2 || made.parts[1] !== undefined ? "something" : "nothing";
    return made;
  }

  #native(fn: TaskFunction, path: () => string): Extra {
    const parts = boundPartsOf(fn);
    if (parts === undefined) {
      const remedy = "Make it on the node: inside the function, from a global or by await import(...).";
      throw new Refused(path(), "is native code without a place among the globals", remedy);
    }
    const details = detailsOf(fn, {
      prototype: Object.getPrototypeOf(parts.target) as object | null,
      isOrdinary: (key) => key === "length" || key === "name",
    });
    if (details.length > 0) this.mutable();
    const { target, thisValue, args } = parts;
    const first = 3 + args.length;
    return {
      type: Kinds.Bound,
      parts: [methodOf(target, thisValue) ?? target, thisValue, args.length, ...args, ...details],
      step: (part) => {
        if (part === 0) return " > bound";
        if (part === 1) return " > bound this";
        return part < first ? ` > bound argument ${part - 2}` : detailStep(details, part - first);
      },
    };
  }

  #object(value: object, path: () => string): Extra | undefined {
    if (isOurs(value)) return undefined;
    if (value instanceof MethodOf)
      return { type: Kinds.Method, parts: [value.holder, value.key], step: () => " > class" };
    if (value instanceof Place) return { type: Kinds.Place, parts: [value.url, "path"] };
    if (value instanceof Narrowed) return lowerNarrowed(value);
    if (value instanceof Given) return lowerGiven(value);
    const owner = ownerOf(value) ?? this.#prototypes.get(value);
    if (owner !== undefined) return this.#prototype(owner as TaskFunction, value);
    if (this.types.hasInstance(value)) {
      if (this.#stage === "values") return undefined;
      throw new Refused(
        path(),
        "is an instance of a registered type, which the functions of a type cannot use before all types are there",
        "Make it inside the function.",
      );
    }
    this.#notePrototype(Object.getPrototypeOf(value));
    if (types.isModuleNamespaceObject(value)) return this.#namespace(value, path);
    if (types.isWeakMap(value) || types.isWeakSet(value)) {
      return this.weak.has(value) ? this.#weakNode(value) : undefined;
    }
    if (!isFrozenData(value)) this.mutable();
    return lowerObject(value, path, (fn) => this.#isInternal(fn));
  }

  #prototype(owner: TaskFunction, value: object): Extra {
    const source = functionSource(owner);
    const ordinary = ordinaryOfPrototype(owner, understood(source, undefined));
    const isPackages = !isNative(owner) && isExported(this.#views.of(owner, source));
    const details = isPackages ? laterMembersOf(value, ordinary) : detailsOf(value, ordinary);
    if (isPackages) this.#bounds.allow(details);
    else if (details.length > 0) this.mutable();
    return {
      type: isPackages ? Kinds.PackagePrototype : Kinds.Prototype,
      parts: [owner, ...details],
      step: (part) => (part === 0 ? ".constructor" : detailStep(details, part - 1)),
    };
  }

  /** A prototype that does not say whose it is may be that of a class that a package exports. */
  #notePrototype(prototype: unknown): void {
    if (!isObject(prototype) || types.isProxy(prototype) || this.#prototypes.has(prototype)) return;
    if (Object.hasOwn(prototype, "constructor") || globalPathOf(prototype) !== undefined) return;
    const method = Object.values(Object.getOwnPropertyDescriptors(prototype)).find(({ value }) => isTextual(value));
    if (method === undefined) return;
    const fn = method.value as TaskFunction;
    isExported(this.#views.of(fn, functionSource(fn)));
    notePackageObject(prototype);
  }

  #namespace(value: object, path: () => string): Extra {
    const names = Object.keys(value);
    try {
      return lowerNarrowed(new Narrowed(names.map((name) => [name, Reflect.get(value, name) as unknown])));
    } catch (cause) {
      const remedy = "Submit the function when all modules are loaded.";
      throw new Refused(path(), `is a module with a variable that has no value yet`, remedy, cause);
    }
  }

  #weakNode(value: WeakMap<object, unknown> | WeakSet<object>): Extra {
    this.mutable();
    const { keys, values } = this.weak.of(value);
    return { type: Kinds.Weak, parts: [types.isWeakMap(value) ? "WeakMap" : "WeakSet", ours(keys), ours(values)] };
  }

  /** Whether a constructor is one of Node's own that no module exports. */
  #isInternal(fn: TaskFunction): boolean {
    return isNative(fn) || this.#views.of(fn, functionSource(fn)).file?.script.url.startsWith("node:") === true;
  }
}

/** Whether a function is one that a package exports. */
function isExported({ fn, file }: View): boolean {
  return findPackagePlace(fn, file) !== undefined;
}

function isTextual(value: unknown): value is TaskFunction {
  return typeof value === "function" && !types.isProxy(value) && !isNative(value);
}
