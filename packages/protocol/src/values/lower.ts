import { SerializationError } from "../errors.js";
import { type Attachment, Attachments } from "./binary.js";
import { outlineOf } from "./error-fields.js";
import { type Links, type Node, Tag } from "./nodes.js";
import { joinSteps, mapStep, memberStep } from "./path.js";
import { isBareArray, isPlainPrimitive } from "./plain.js";
import { type Problem, problemOfKind, problemOfObject } from "./refusal.js";
import { bufferClass, type Shape, shapeOf, tagOf } from "./shapes.js";

/** What to do about a part that cannot travel: refuse the whole, or say in its place what it was. */
export type Strictness = "refuse" | "describe";

export interface Lowered {
  readonly nodes: readonly Node[];
  readonly leaves: readonly unknown[];
  readonly attachments: readonly Attachment[];
}

/** Lowers any value to flat nodes. @throws SerializationError naming the path of a part that cannot travel. */
export function lower(value: unknown, path: string, strictness: Strictness): Lowered {
  return new Lowering(path, strictness).run(value);
}

const UNREADABLE = "The cause says why: send a plain copy of what is needed.";

class Lowering {
  readonly #path: string;
  readonly #strictness: Strictness;
  readonly #nodes: Node[] = [];
  readonly #leaves: unknown[] = [];
  readonly #attachments = new Attachments();
  /** The object behind each node with its shape, the node that it was first found in, and under which key there. */
  readonly #objects: object[] = [];
  readonly #shapes: Shape[] = [];
  readonly #parents: number[] = [];
  readonly #keys: (string | number)[] = [];
  /** Objects to their nodes, leaves to theirs. */
  readonly #targets = new Map<unknown, number>();

  constructor(path: string, strictness: Strictness) {
    this.#path = path;
    this.#strictness = strictness;
  }

  run(value: unknown): Lowered {
    this.#addNode([value], "array", -1, 0);
    // The list grows while it is walked: nothing here recurses, however deep the value.
    for (let i = 0; i < this.#objects.length; i++) this.#nodes.push(this.#nodeOrNote(i));
    return { nodes: this.#nodes, leaves: this.#leaves, attachments: this.#attachments.place() };
  }

  #addNode(object: object, shape: Shape, parent: number, key: string | number): number {
    const index = this.#objects.push(object) - 1;
    this.#shapes.push(shape);
    this.#parents.push(parent);
    this.#keys.push(key);
    this.#targets.set(object, index);
    return index;
  }

  #addLeaf(value: unknown, leaf = value): number {
    const target = this.#targets.get(value) ?? -this.#leaves.push(leaf);
    this.#targets.set(value, target);
    return target;
  }

  /** Where a value that JSON does not carry is to be found. */
  #target(value: unknown, parent: number, key: string | number): number {
    switch (typeof value) {
      case "undefined":
      case "number":
      case "bigint":
        return this.#addLeaf(value);
      case "object":
        return this.#targets.get(value) ?? this.#objectTarget(value as object, parent, key);
      default:
        return this.#refuse(problemOfKind(value), parent, key);
    }
  }

  #objectTarget(object: object, parent: number, key: string | number): number {
    try {
      const shape = shapeOf(object);
      const problem = shape === undefined ? problemOfKind(object) : problemOfObject(object, shape);
      // Where parts are described, a lost part is no reason to lose the whole.
      const partial = problem?.step !== undefined && this.#strictness === "describe";
      if (problem !== undefined && !partial) return this.#refuse(problem, parent, key);
      return this.#leafTarget(object, shape as Shape) ?? this.#addNode(object, shape as Shape, parent, key);
    } catch (cause) {
      if (cause instanceof SerializationError) throw cause;
      return this.#refuse({ what: "an unreadable object", remedy: UNREADABLE, cause }, parent, key);
    }
  }

  #leafTarget(object: object, shape: Shape): number | undefined {
    switch (shape) {
      case "date": {
        const time = Date.prototype.getTime.call(object);
        if (Number.isNaN(time)) return undefined;
        return this.#addLeaf(object, object instanceof Date ? object : new Date(time));
      }
      case "regexp": {
        const { source, flags } = object as RegExp;
        return this.#addLeaf(object, object instanceof RegExp ? object : new RegExp(source, flags));
      }
      case "url":
      case "params":
        return this.#addLeaf(object);
      default:
        return undefined;
    }
  }

  #nodeOrNote(index: number): Node {
    try {
      return this.#node(this.#objects[index] as object, this.#shapes[index] as Shape, index);
    } catch (cause) {
      if (cause instanceof SerializationError) throw cause;
      const problem = { what: "an unreadable object", remedy: UNREADABLE, cause };
      this.#refuse(problem, this.#parents[index] as number, this.#keys[index] as string | number);
      return [Tag.Object, { notSent: problem.what }];
    }
  }

  #node(object: object, shape: Shape, index: number): Node {
    switch (shape) {
      case "array":
        return this.#arrayNode(object as unknown[], index);
      case "null-object":
        return this.#objectNode(Tag.NullObject, object, index);
      case "map": {
        const items: unknown[] = [];
        Map.prototype.forEach.call(object, (value, key) => items.push(key, value));
        return this.#itemsNode(Tag.Map, items, index);
      }
      case "set": {
        const items: unknown[] = [];
        Set.prototype.forEach.call(object, (member) => items.push(member));
        return this.#itemsNode(Tag.Set, items, index);
      }
      case "error":
        return this.#errorNode(object as Error, index);
      case "buffer":
        return this.#bufferNode(object as ArrayBuffer);
      case "view":
        return this.#viewNode(object as ArrayBufferView);
      case "boxed":
        return this.#itemsNode(Tag.Boxed, [object.valueOf()], index);
      case "date":
        return [Tag.InvalidDate, 0];
      default:
        return this.#objectNode(Tag.Object, object, index);
    }
  }

  #arrayNode(array: unknown[], index: number): Node {
    if (!isBareArray(array)) return this.#sparseNode(array, index);
    let data = array;
    let links: Links | undefined;
    for (let i = 0; i < array.length; i++) {
      const item = array[i];
      if (isPlainPrimitive(item)) continue;
      // As many named properties as holes: the count alone did not tell.
      if (item === undefined && !Object.hasOwn(array, i)) return this.#sparseNode(array, index);
      if (links === undefined) {
        links = [];
        data = array.slice();
      }
      data[i] = 0;
      links.push(i, this.#target(item, index, i));
    }
    return links === undefined ? [Tag.Array, data] : [Tag.Array, data, links];
  }

  #sparseNode(array: unknown[], index: number): Node {
    const [, data, links = []] = this.#objectNode(Tag.SparseArray, array, index);
    return [Tag.SparseArray, data, links, array.length];
  }

  /** Reads every member once, so that a getter is asked once. */
  #objectNode(tag: number, object: object, index: number): Node {
    const data: Record<string, unknown> = {};
    let links: Links | undefined;
    for (const key of Object.keys(object)) {
      let value: unknown = 0;
      let target: number | undefined;
      try {
        value = (object as Record<string, unknown>)[key];
      } catch (cause) {
        target = this.#refuse({ what: "a getter that threw", remedy: UNREADABLE, cause }, index, key);
      }
      if (!isPlainPrimitive(value)) {
        target = this.#target(value, index, key);
        value = 0;
      }
      if (target !== undefined) {
        links ??= [];
        links.push(key, target);
      }
      if (key === "__proto__") Object.defineProperty(data, key, { value, enumerable: true });
      else data[key] = value;
    }
    return links === undefined ? [tag, data] : [tag, data, links];
  }

  /** Takes over `items`. Their keys are their positions, unless told. */
  #itemsNode(tag: number, items: unknown[], index: number, keys?: readonly string[]): Node {
    const links: Links = [];
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (isPlainPrimitive(item)) continue;
      items[i] = 0;
      links.push(i, this.#target(item, index, keys?.[i] ?? i));
    }
    return links.length === 0 ? [tag, items] : [tag, items, links];
  }

  #errorNode(error: Error, index: number): Node {
    const { classes, shown, hidden, name, message } = outlineOf(error);
    const keys = [...shown, ...hidden];
    const values = keys.map((key) => {
      try {
        return (error as unknown as Record<string, unknown>)[key];
      } catch (cause) {
        this.#refuse({ what: "a getter that threw", remedy: UNREADABLE, cause }, index, key);
        return "[not sent: a getter that threw]";
      }
    });
    const [tag, data, links = []] = this.#itemsNode(Tag.Error, values, index, keys);
    return [tag, data, links, classes, shown, hidden, name, message];
  }

  #bufferNode(buffer: ArrayBuffer): Node {
    const node: Node = [Tag.ArrayBuffer, 0];
    this.#attachments.want(buffer, 0, buffer.byteLength, (attachment) => {
      node[1] = attachment;
    });
    return node;
  }

  #viewNode(view: ArrayBufferView): Node {
    const name = Object.getPrototypeOf(view) === bufferClass()?.prototype ? "Buffer" : tagOf(view);
    const length = (view as Partial<Uint8Array>).length ?? view.byteLength;
    const data = [name, 0, 0, length];
    const { buffer, byteOffset, byteLength } = view;
    this.#attachments.want(buffer as ArrayBuffer, byteOffset, byteOffset + byteLength, (attachment, offset) => {
      data[1] = attachment;
      data[2] = offset;
    });
    return [Tag.View, data];
  }

  #refuse(problem: Problem, parent: number, key: string | number): number {
    if (this.#strictness === "describe") return this.#addLeaf(`[not sent: ${problem.what}]`);
    const path = this.#pathTo(parent, key) + (problem.step ?? "");
    const options = problem.cause === undefined ? { path } : { path, cause: problem.cause };
    throw new SerializationError(`${path}: ${problem.what}. ${problem.remedy}`, options);
  }

  #pathTo(parent: number, key: string | number): string {
    const steps: string[] = [];
    let at = parent;
    let step = key;
    while (at > 0) {
      steps.push(this.#step(at, step));
      step = this.#keys[at] as string | number;
      at = this.#parents[at] as number;
    }
    return joinSteps(this.#path, steps.reverse());
  }

  #step(parent: number, key: string | number): string {
    const object = this.#objects[parent];
    switch (this.#shapes[parent]) {
      case "map":
        return mapStep(Number(key), [...(object as Map<unknown, unknown>).keys()][Number(key) >> 1]);
      case "set":
        return `.values()[${key}]`;
      case "array":
        return memberStep(/^\d+$/.test(String(key)) ? Number(key) : key);
      default:
        return memberStep(key);
    }
  }
}
