import type { Region, Regions } from "./envelope.js";
import { type ErrorOutline, fillShell, shellOf } from "./error-fields.js";
import { type Node, Tag } from "./nodes.js";
import { bufferClass, viewClass } from "./shapes.js";

/*
 * What arrives is checked, not trusted: every failed check throws, nothing is assigned except to keys of objects made
 * here, and no key reaches a prototype.
 */

/** The value behind the number of a node or leaf. */
export type Resolve = (target: unknown) => unknown;

export function asArray(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError("a node lacks its items");
  return value;
}

export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError("a node lacks its members");
  return value as Record<string, unknown>;
}

function asStrings(value: unknown): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw new TypeError("an error lacks its keys");
  }
  return value;
}

/**
 * The value that a node stands for, possibly still empty.
 * @param data what it holds; that of a boxed primitive is complete
 */
export function shellOfNode(node: Node, regions: Regions, data = node[1]): unknown {
  switch (node[0]) {
    case Tag.Array:
      return asArray(data);
    case Tag.Object:
      return asObject(data);
    case Tag.NullObject:
      return Object.create(null);
    case Tag.SparseArray:
      return [];
    case Tag.Map:
      return new Map();
    case Tag.Set:
      return new Set();
    case Tag.Error:
      return shellOf(outlineIn(node));
    case Tag.ArrayBuffer:
      return regions(Number(data), true).buffer;
    case Tag.View:
      return viewOf(asArray(data), regions);
    case Tag.Boxed:
      return Object(asArray(data)[0]);
    case Tag.InvalidDate:
      return new Date(Number.NaN);
    default:
      throw new TypeError(`a node of the unknown kind ${String(node[0])}`);
  }
}

function outlineIn(node: Node): ErrorOutline {
  const [, , , classes, shown, hidden, name, message] = node;
  return {
    classes: asStrings(classes),
    shown: asStrings(shown),
    hidden: asStrings(hidden),
    name: String(name),
    message: String(message),
  };
}

function viewOf(data: unknown[], regions: Regions): unknown {
  const [name, attachment, offset, length] = data as [string, number, number, number];
  const region: Region = regions(attachment, false);
  const start = region.base + offset;
  const made = viewOn(name, region.buffer, start, length);
  if (offset < 0 || offset + made.byteLength > region.length) throw new TypeError("a view reaches outside its memory");
  return made;
}

function viewOn(name: string, buffer: ArrayBuffer, start: number, length: number): ArrayBufferView {
  // A Buffer is a Uint8Array with more methods; where there is none, the bytes are still the same.
  const Buffer = bufferClass();
  if (name === "Buffer" && Buffer !== undefined) return Buffer.from(buffer, start, length);
  const View = viewClass(name === "Buffer" ? "Uint8Array" : name);
  if (View === undefined) throw new TypeError(`there is no ${String(name)} in this runtime`);
  return new View(buffer, start, length);
}

/** Goes through the links of a node, each a key of its data and what is to be there. @throws TypeError for what is none */
export function eachLink([, data, links]: Node, visit: (key: string | number, target: unknown) => void): void {
  if (links === undefined) return;
  if (!Array.isArray(links) || typeof data !== "object" || data === null)
    throw new TypeError("its links are malformed");
  for (let i = 0; i < links.length; i += 2) {
    const key = links[i] as string | number;
    // An own key is there already; any other could be a setter of a prototype.
    if (!Object.hasOwn(data, key)) throw new TypeError("a link leads nowhere");
    visit(key, links[i + 1]);
  }
}

export function applyLinks(node: Node, resolve: Resolve): void {
  const data = node[1] as Record<string | number, unknown>;
  eachLink(node, (key, target) => {
    data[key] = resolve(target);
  });
}

/** Puts into the value what its node holds, now that all of that exists. */
export function fill(node: Node, value: unknown, data = node[1]): void {
  switch (node[0]) {
    case Tag.NullObject:
      Object.assign(value as object, asObject(data));
      return;
    case Tag.SparseArray:
      (value as unknown[]).length = Number(node[3]);
      for (const [key, item] of Object.entries(asObject(data))) {
        Object.defineProperty(value, key, { value: item, enumerable: true, writable: true, configurable: true });
      }
      return;
    case Tag.Map: {
      const items = asArray(data);
      for (let i = 0; i < items.length; i += 2) (value as Map<unknown, unknown>).set(items[i], items[i + 1]);
      return;
    }
    case Tag.Set:
      for (const item of asArray(data)) (value as Set<unknown>).add(item);
      return;
    case Tag.Error:
      fillShell(value as Error, outlineIn(node), asArray(data));
      return;
  }
}
