import util from "node:util";
import type { Extension, Parts } from "@pydist/protocol";
import { type Base, Kinds } from "../graph.js";
import type { CompiledText, Fill } from "./compiled-text.js";
import { addMissing, applyDetails } from "./details.js";

/** What the values of one capture are made from. */
export interface Supplies {
  readonly texts: readonly CompiledText[];
  /** The modules that the code names, imported. */
  readonly modules: readonly unknown[];
  helper(name: string): unknown;
  reference(url: string, name: string): unknown;
  requireOf(url: string): unknown;
  /** Where something of the submitter's file system is here. */
  placeOf(place: string, form: "path" | "url"): string;
}

/**
 * Makes what a graph of captured values holds beside plain values: functions, classes, instances, references. One serves
 * all tasks of a code: it keeps nothing of what it makes.
 */
export class Linker implements Pick<Extension, "create" | "fill"> {
  readonly #supplies: Supplies;

  constructor(supplies: Supplies) {
    this.#supplies = supplies;
  }

  create(type: string, parts: Parts): unknown {
    const supplies = this.#supplies;
    switch (type) {
      case Kinds.Function:
        return madeFunction(at(supplies.texts, parts.get(0)), parts);
      case Kinds.Class:
        return madeClass(at(supplies.texts, parts.get(0)), parts);
      case Kinds.Bound:
        return bound(parts);
      case Kinds.Method:
        return Object.getOwnPropertyDescriptor(parts.get(0), parts.get(1) as PropertyKey)?.value;
      case Kinds.Wrapped:
        return (util as unknown as Record<string, (fn: unknown) => unknown>)[textAt(parts, 0)]?.(parts.get(1));
      case Kinds.Global:
        return member(globalThis, textAt(parts, 0).split("."));
      case Kinds.Module:
        return member(at(supplies.modules, parts.get(0)), slice(parts, 1) as string[]);
      case Kinds.Arguments:
        return noArguments();
      case Kinds.Prototype:
      case Kinds.PackagePrototype:
        return (parts.get(0) as { prototype: object }).prototype;
      case Kinds.Object:
        return shellOf(textAt(parts, 0) as Base, parts);
      case Kinds.Symbol:
        return symbolOf(textAt(parts, 0), parts.get(1) as string | undefined);
      case Kinds.Weak:
        return textAt(parts, 0) === "WeakMap" ? new WeakMap() : new WeakSet();
      case Kinds.Namespace:
        return Object.create(null);
      case Kinds.Helper:
        return supplies.helper(textAt(parts, 0));
      case Kinds.Reference:
        return supplies.reference(textAt(parts, 0), textAt(parts, 1));
      case Kinds.Require:
        return supplies.requireOf(textAt(parts, 0));
      case Kinds.Place:
        return supplies.placeOf(textAt(parts, 0), textAt(parts, 1) as "path" | "url");
      default:
        throw new TypeError(`a value of the unknown kind ${JSON.stringify(type)}`);
    }
  }

  fill(type: string, value: unknown, parts: Parts): void {
    switch (type) {
      case Kinds.Function: {
        const text = at(this.#supplies.texts, parts.get(0));
        const end = fillSlots(text, parts, 2, 0);
        return applyDetails(value as object, parts, end);
      }
      case Kinds.Class: {
        const text = at(this.#supplies.texts, parts.get(0));
        return applyDetails(value as object, parts, fillSlots(text, parts, 1, text.text.early));
      }
      case Kinds.Bound:
        return applyDetails(value as object, parts, 3 + (parts.get(2) as number));
      case Kinds.Arguments:
        return applyDetails(value as object, parts, 0);
      case Kinds.Prototype:
        return applyDetails(value as object, parts, 1);
      case Kinds.PackagePrototype:
        return addMissing(value as object, parts, 1);
      case Kinds.Object:
        fillContent(parts.get(0) as Base, value as object, parts.get(1) as readonly unknown[] | undefined);
        return applyDetails(value as object, parts, 2);
      case Kinds.Weak: {
        const values = parts.get(2) as readonly unknown[];
        (parts.get(1) as object[]).forEach((key, i) => {
          if (value instanceof WeakMap) value.set(key, values[i]);
          else (value as WeakSet<object>).add(key);
        });
        return;
      }
      case Kinds.Namespace:
        return fillNamespace(value as object, parts);
    }
  }
}

function textAt(parts: Parts, i: number): string {
  return String(parts.get(i));
}

function noArguments(): object {
  // biome-ignore lint/complexity/noArguments: such an object is wanted
  return arguments;
}

function madeFunction(text: CompiledText, parts: Parts): unknown {
  const [value, fill] = text.make(parts.get(1));
  parts.note = fill;
  return value;
}

function madeClass(text: CompiledText, parts: Parts): unknown {
  const [define, fill] = text.make(undefined);
  for (let slot = 0; slot < text.text.early; slot++) fill(slot, parts.get(1 + slot));
  parts.note = fill;
  return text.named((define as () => { name: string })());
}

/** @returns the number of the first part after the slots */
function fillSlots(text: CompiledText, parts: Parts, first: number, from: number): number {
  const fill = parts.note as Fill;
  const { length } = text.text.slots;
  for (let slot = from; slot < length; slot++) fill(slot, parts.get(first + slot));
  return first + length;
}

function at<T>(list: readonly T[], index: unknown): T {
  const item = list[index as number];
  if (item === undefined) throw new TypeError(`there is no text or module ${String(index)}`);
  return item;
}

function slice(parts: Parts, from: number, to = parts.length): unknown[] {
  const values: unknown[] = [];
  for (let i = from; i < to; i++) values.push(parts.get(i));
  return values;
}

/** @throws TypeError naming the step that leads nowhere */
function member(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (value === undefined || value === null) throw new TypeError(`there is no ${path.join(".")}`);
    value = (value as Record<string, unknown>)[name];
  }
  if (value === undefined && path.length > 0) throw new TypeError(`there is no ${path.join(".")}`);
  return value;
}

function bound(parts: Parts): unknown {
  const target = parts.get(0) as (...args: unknown[]) => unknown;
  return target.bind(parts.get(1), ...slice(parts, 3, 3 + (parts.get(2) as number)));
}

function shellOf(base: Base, parts: Parts): object {
  const content = (): readonly unknown[] => parts.get(1) as readonly unknown[];
  switch (base) {
    case "object":
      return {};
    case "array":
      return new Array(content()[0] as number);
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "error": {
      // Its stack is one of its own properties, and captured as such.
      const error = new Error();
      delete error.stack;
      return error;
    }
    case "date":
      return new Date(content()[0] as number);
    case "regexp":
      return new RegExp(content()[0] as string, content()[1] as string);
    case "boxed":
      return Object(content()[0]) as object;
  }
}

function fillContent(base: Base, value: object, content: readonly unknown[] | undefined): void {
  const items = (content?.[0] ?? []) as readonly unknown[];
  if (base === "map") {
    for (let i = 0; i < items.length; i += 2) Map.prototype.set.call(value, items[i], items[i + 1]);
  } else if (base === "set") {
    for (const item of items) Set.prototype.add.call(value, item);
  }
}

function fillNamespace(value: object, parts: Parts): void {
  (parts.get(0) as string[]).forEach((name, i) => {
    Object.defineProperty(value, name, { value: parts.get(1 + i), writable: true, enumerable: true });
  });
  Object.defineProperty(value, Symbol.toStringTag, { value: "Module" });
  Object.preventExtensions(value);
}

function symbolOf(kind: string, name: string | undefined): symbol {
  if (kind === "for") return Symbol.for(name as string);
  if (kind === "wellKnown") return (Symbol as unknown as Record<string, symbol>)[name as string] as symbol;
  return Symbol(name);
}
