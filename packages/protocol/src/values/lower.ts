import { SerializationError } from "../errors.js";
import { type Attachment, Attachments, bufferNode, viewNode } from "./binary.js";
import { outlineOf } from "./error-fields.js";
import { type AnyFunction, type EncodeOptions, type Extra, isHooked } from "./extension.js";
import { Found, type NodeShape } from "./found.js";
import { type Links, type Node, Tag } from "./nodes.js";
import { linkKey, packedCycles, redirectPacked, wayBack } from "./packed.js";
import { isBareArray, isPlainPrimitive } from "./plain.js";
import { type Problem, problemOfKind, problemOfObject } from "./refusal.js";
import { type Shape, shapeOf } from "./shapes.js";
import { type RegisteredType, typeOfInstance } from "./types.js";

/** What to do about a part that cannot travel: refuse the whole, or say in its place what it was. */
export type Strictness = "refuse" | "describe";

export interface Lowered {
  readonly nodes: readonly Node[];
  readonly leaves: readonly unknown[];
  readonly attachments: readonly Attachment[];
  /** Every value that is not a part of `nodes` as it is, to the number of its node, or -1 - that of its leaf. */
  readonly targets: ReadonlyMap<unknown, number>;
}

/**
 * Lowers any value to flat nodes. @throws SerializationError naming the path of a part that cannot travel; what an
 * extension throws, as it is.
 */
export function lower(value: unknown, path: string, strictness: Strictness, options?: EncodeOptions): Lowered {
  return new Lowering(path, strictness, options).run(value);
}

const UNREADABLE = "The cause says why: send a plain copy of what is needed.";
const UNREADABLE_PACKED = "The cause says why: make it return a value that can travel.";
const SELF_PACKED =
  "unpack makes the instance only when all that pack returned is there: leave that reference out of it, and set it in unpack.";

class Lowering {
  readonly #strictness: Strictness;
  readonly #options: EncodeOptions;
  /** Whether somebody else is asked about objects first. */
  readonly #hooked: boolean;
  readonly #nodes: Node[] = [];
  readonly #leaves: unknown[] = [];
  readonly #attachments = new Attachments();
  readonly #found: Found;
  /** Objects to their nodes, leaves to theirs. */
  readonly #targets = new Map<unknown, number>();
  /** What an extension threw: it passes through as it is. */
  #thrown: { readonly error: unknown } | undefined;

  constructor(path: string, strictness: Strictness, options: EncodeOptions = {}) {
    this.#found = new Found(path);
    this.#strictness = strictness;
    this.#options = options;
    this.#hooked = isHooked(options);
  }

  run(value: unknown): Lowered {
    this.#addNode([value], "array", -1, 0);
    // The list grows while it is walked: nothing here recurses, however deep the value.
    for (let i = 0; i < this.#found.objects.length; i++) this.#nodes.push(this.#nodeOrNote(i));
    if (this.#found.registered.length > 0) this.#checkPacked();
    return {
      nodes: this.#nodes,
      leaves: this.#leaves,
      attachments: this.#attachments.place(),
      targets: this.#targets,
    };
  }

  #addNode(object: unknown, shape: NodeShape, parent: number, key: string | number): number {
    const index = this.#found.add(object, shape, parent, key);
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
        return this.#targets.get(value) ?? this.#functionTarget(value as AnyFunction | symbol, parent, key);
    }
  }

  #functionTarget(value: AnyFunction | symbol, parent: number, key: string | number): number {
    const hooked = this.#hooked ? this.#hookedTarget(value, parent, key) : undefined;
    if (hooked !== undefined) return hooked;
    if (typeof value === "function") {
      const type = typeOfInstance(value, this.#options.types);
      if (type !== undefined) return this.#registeredTarget(value, type, parent, key);
    }
    return this.#refuse(problemOfKind(value), parent, key);
  }

  /** What others make of a value, before the codec is asked. */
  #hookedTarget(value: object | symbol, parent: number, key: string | number): number | undefined {
    if (this.#options.known?.has(value)) return this.#addNode(value, "known", parent, key);
    let extra: Extra | undefined;
    try {
      extra = this.#options.extension?.lower(value, () => this.#found.pathTo(parent, key));
    } catch (error) {
      // Where parts are described, the codec has a word for whatever others refuse.
      if (this.#strictness === "describe") return undefined;
      this.#thrown = { error };
      throw error;
    }
    if (extra === undefined) return undefined;
    const index = this.#addNode(value, "extra", parent, key);
    this.#found.extras[index] = extra;
    return index;
  }

  #registeredTarget(value: object, type: RegisteredType, parent: number, key: string | number): number {
    const index = this.#addNode(value, "registered", parent, key);
    this.#found.registered[index] = type;
    return index;
  }

  #objectTarget(object: object, parent: number, key: string | number): number {
    const hooked = this.#hooked ? this.#hookedTarget(object, parent, key) : undefined;
    if (hooked !== undefined) return hooked;
    try {
      const type = typeOfInstance(object, this.#options.types);
      if (type !== undefined) return this.#registeredTarget(object, type, parent, key);
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
      return this.#node(this.#found.objects[index] as object, this.#found.shapes[index] as NodeShape, index);
    } catch (cause) {
      if (cause instanceof SerializationError || (this.#thrown !== undefined && cause === this.#thrown.error))
        throw cause;
      const problem = { what: "an unreadable object", remedy: UNREADABLE, cause };
      this.#refuse(problem, ...this.#found.placeOf(index));
      return [Tag.Object, { notSent: problem.what }];
    }
  }

  #node(object: object, shape: NodeShape, index: number): Node {
    switch (shape) {
      case "known":
        return [Tag.Known, this.#options.known?.get(object)];
      case "extra": {
        const { type, parts } = this.#found.extras[index] as Extra;
        const [tag, data, links = []] = this.#itemsNode(Tag.Extra, [...parts], index);
        return [tag, data, links, type];
      }
      case "registered":
        return this.#registeredNode(object, index);
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
        return bufferNode(object as ArrayBuffer, this.#attachments);
      case "view":
        return viewNode(object as ArrayBufferView, this.#attachments);
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

  #registeredNode(object: object, index: number): Node {
    const type = this.#found.registered[index] as RegisteredType;
    let packed: unknown;
    try {
      packed = type.pack(object);
    } catch (cause) {
      const problem = { what: "pack threw", remedy: UNREADABLE_PACKED, cause };
      const [parent, key] = this.#found.placeOf(index);
      this.#refuse({ ...problem, step: this.#found.step(index, 0) }, parent, key);
      // What a task threw is better told without its type than not at all.
      this.#found.registered[index] = undefined;
      this.#found.shapes[index] = shapeOf(object) ?? "object";
      return shapeOf(object) === "error"
        ? this.#errorNode(object as Error, index)
        : [Tag.Object, { notSent: problem.what }];
    }
    const [tag, data, links = []] = this.#itemsNode(Tag.Registered, [packed], index);
    return [tag, data, links, type.name];
  }

  /** An instance that is part of what it is packed as could not be unpacked. */
  #checkPacked(): void {
    const nodes = this.#nodes;
    for (const cycle of packedCycles(nodes)) {
      const own = [...cycle].find((index) => this.#found.registered[index] !== undefined) as number;
      const way = wayBack(nodes, own, cycle);
      const steps = way.map(([node, link]) => this.#found.step(node, linkKey(nodes[node] as Node, link)));
      const place = this.#found.placeOf(own);
      const name = JSON.stringify(this.#found.registered[own]?.name);
      const what = `it refers back to ${this.#found.pathTo(...place)}, which is packed by ${name}`;
      const target = this.#refuse({ what, remedy: SELF_PACKED }, ...place, steps);
      // Every way round passes by a link to a registered instance.
      redirectPacked(nodes, cycle, target);
    }
  }

  /** `beyond` are steps that go on from that place. */
  #refuse(problem: Problem, parent: number, key: string | number, beyond: readonly string[] = []): number {
    if (this.#strictness === "describe") return this.#addLeaf(`[not sent: ${problem.what}]`);
    const path = this.#found.pathTo(parent, key, beyond) + (problem.step ?? "");
    const options = problem.cause === undefined ? { path } : { path, cause: problem.cause };
    throw new SerializationError(`${path}: ${problem.what}. ${problem.remedy}`, options);
  }
}
