import { SerializationError } from "../errors.js";
import { componentsOf } from "./components.js";
import type { Opened } from "./envelope.js";
import type { DecodeOptions, Parts } from "./extension.js";
import { type Node, Tag } from "./nodes.js";
import { LinkedParts } from "./parts.js";
import { applyLinks, asArray, fill, type Resolve, shellOfNode } from "./shells.js";
import { typeOfName } from "./types.js";

const MAKING = 1;
const MADE = 2;

/** What somebody else threw, on its way to the caller; it says nothing about the bytes. */
export class Foreign {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Raises nodes of which others make some. @throws Foreign with what they throw. */
export class Raising {
  readonly #nodes: Node[];
  readonly #leaves: readonly unknown[];
  readonly #regions: Opened["region"];
  readonly #options: DecodeOptions;
  readonly #values: unknown[] = [];
  /** How far the value of each node is. */
  readonly #made: Uint8Array;
  readonly #parts = new Map<number, Parts>();
  /** What others threw, and what the codec threw while they called it: both come out of their functions. */
  readonly #foreign = new Set<unknown>();
  readonly #own = new Set<unknown>();

  constructor(nodes: Node[], leaves: readonly unknown[], regions: Opened["region"], options: DecodeOptions = {}) {
    this.#nodes = nodes;
    this.#leaves = leaves;
    this.#regions = regions;
    this.#options = options;
    this.#made = new Uint8Array(nodes.length);
  }

  run(): readonly unknown[] {
    try {
      this.#raiseAll();
    } catch (cause) {
      throw this.#foreign.has(cause) ? new Foreign(cause) : cause;
    }
    return this.#values;
  }

  #raiseAll(): void {
    if (!this.#nodes.some(([tag]) => tag === Tag.Registered)) return this.#raiseGroup(this.#nodes.map((_, i) => i));
    // `unpack` is given complete values, so everything is made in the order in which one needs the other.
    for (const group of componentsOf(this.#nodes)) {
      if (group.length > 1 && group.some((i) => this.#node(i)[0] === Tag.Registered))
        throw new TypeError("a registered value is part of itself");
      this.#raiseGroup(group);
    }
  }

  /** Raises nodes of which no other is made that they lead to, or is complete. */
  #raiseGroup(group: readonly number[]): void {
    for (const i of group) this.#value(i);
    // Containers that are keyed by their members come after all links are in place.
    for (const i of group) if (this.#node(i)[0] !== Tag.Extra) applyLinks(this.#node(i), this.#resolve);
    for (const i of group) fill(this.#node(i), this.#values[i]);
    for (const i of group) if (this.#node(i)[0] === Tag.Extra) this.#fillExtra(i);
  }

  #node(index: number): Node {
    return this.#nodes[index] as Node;
  }

  readonly #resolve: Resolve = (target) => {
    const isLeaf = (target as number) < 0;
    const [from, index] = isLeaf ? [this.#leaves, -1 - (target as number)] : [this.#nodes, target as number];
    if (!Number.isInteger(index) || index >= from.length) throw new TypeError(`there is no value ${String(target)}`);
    return isLeaf ? from[index] : this.#value(index);
  };

  /** The value of a node, made now if it is not yet; possibly still empty. */
  #value(index: number): unknown {
    if (this.#made[index] === MADE) return this.#values[index];
    if (this.#made[index] === MAKING) throw new TypeError("a value is needed to make itself");
    this.#made[index] = MAKING;
    const value = this.#shell(index);
    this.#made[index] = MADE;
    this.#values[index] = value;
    return value;
  }

  #shell(index: number): unknown {
    const node = this.#node(index);
    switch (node[0]) {
      case Tag.Extra:
        return this.#create(index, node);
      case Tag.Known:
        return this.#known(node[1]);
      case Tag.Registered:
        applyLinks(node, this.#resolve);
        return this.#unpack(node);
      default:
        return shellOfNode(node, this.#regions, this.#resolve);
    }
  }

  #known(number: unknown): unknown {
    const { known = [] } = this.#options;
    if (!Number.isInteger(number) || !((number as number) in known))
      throw new TypeError(`there is no known value ${String(number)}`);
    return known[number as number];
  }

  #create(index: number, node: Node): unknown {
    const { extension } = this.#options;
    const [, data, links, type] = node;
    if (typeof type !== "string") throw new TypeError("an extra value lacks its type");
    if (extension === undefined) throw new TypeError(`nobody here knows what to do with a value of type ${type}`);
    const parts = new LinkedParts(asArray(data), links, (target) => this.#askedFor(target));
    this.#parts.set(index, parts);
    return this.#foreignly(() => extension.create(type, parts));
  }

  #fillExtra(index: number): void {
    const type = this.#node(index)[3] as string;
    const parts = this.#parts.get(index) as Parts;
    this.#foreignly(() => this.#options.extension?.fill(type, this.#values[index], parts));
  }

  /** As `#resolve`, for others: what it throws will come back from them. */
  #askedFor(target: unknown): unknown {
    try {
      return this.#resolve(target);
    } catch (error) {
      if (!this.#foreign.has(error)) this.#own.add(error);
      throw error;
    }
  }

  #foreignly<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (!this.#own.has(error)) this.#foreign.add(error);
      throw error;
    }
  }

  #unpack(node: Node): unknown {
    const [, data, , name] = node;
    const items = asArray(data);
    if (typeof name !== "string" || items.length !== 1) throw new TypeError("a registered value lacks its type");
    return this.#foreignly(() => {
      const type = typeOfName(name, this.#options.types);
      if (type === undefined) throw unknownType(name);
      try {
        return type.unpack(items[0]);
      } catch (cause) {
        throw unpackThrew(name, cause);
      }
    });
  }
}

function unknownType(name: string): SerializationError {
  const quoted = JSON.stringify(name);
  return new SerializationError(
    `A value of the registered type ${quoted} arrived, and no such type is registered here. Call registerType(Class, { name: ${quoted}, pack, unpack }) in this process or worker thread too.`,
    { path: "" },
  );
}

function unpackThrew(name: string, cause: unknown): SerializationError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new SerializationError(
    `unpack of the registered type ${JSON.stringify(name)} threw${why}. The cause says why: it must accept whatever pack returns.`,
    { path: "", cause },
  );
}
