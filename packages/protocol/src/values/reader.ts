import { type Opened, open } from "./envelope.js";
import type { Extension } from "./extension.js";
import { makerOf, readText } from "./leaves.js";
import { type Node, Tag } from "./nodes.js";
import { isPlainPrimitive } from "./plain.js";
import { type Plan, planOf } from "./plan.js";
import { asNodes, rootOf } from "./raise.js";
import { Raising } from "./raising.js";
import { refused } from "./rich.js";
import type { Types } from "./types.js";

/** A graph that was opened, to be read any number of times. */
export interface GraphReader {
  /** What it keeps in memory, about: to be weighed by who keeps readers. */
  readonly byteLength: number;
  /**
   * The value, made anew: nothing of it, and no memory, is part of what another call gives. `objects[number]` is what
   * `Graph.objects` gave that number, for use as `known`.
   * @throws SerializationError as `decodeValue`, and whatever the extension throws.
   */
  read(extension?: Extension, types?: Types): { value: unknown; objects: readonly unknown[] };
}

/**
 * Opens what `encodeGraph` made: text is parsed and checked only once, so that reading it is little more than making its
 * values. The bytes are used for as long as the reader is, and must not change meanwhile.
 * @throws SerializationError when the bytes are not what an encoder wrote.
 */
export function openGraph(bytes: Uint8Array): GraphReader {
  try {
    const { text, regions } = open(bytes);
    const { nodes, leaves } = readText(text);
    const list = asNodes(nodes);
    const plan = planOf(list, leaves);
    list.forEach(makeTemplate);
    return new PlanReader(plan, leaves, regions, TEXT_WEIGHT * text.length + bytes.length);
  } catch (cause) {
    throw refused(cause);
  }
}

/** A plan takes about so many bytes for each character of its text. */
const TEXT_WEIGHT = 10;

class PlanReader implements GraphReader {
  readonly byteLength: number;
  readonly #plan: Plan;
  readonly #regions: Opened["regions"];
  /** The leaves that can be changed: their places, and what makes them. */
  readonly #places: number[] = [];
  readonly #makers: (() => unknown)[] = [];

  constructor(plan: Plan, leaves: readonly unknown[], regions: Opened["regions"], byteLength: number) {
    this.byteLength = byteLength;
    this.#plan = plan;
    this.#regions = regions;
    leaves.forEach((leaf, i) => {
      const maker = makerOf(leaf);
      if (maker === undefined) return;
      this.#places.push(plan.nodes.length + i);
      this.#makers.push(maker);
    });
  }

  read(extension?: Extension, types?: Types): { value: unknown; objects: readonly unknown[] } {
    try {
      const values = this.#plan.start.slice();
      for (let i = 0; i < this.#places.length; i++)
        values[this.#places[i] as number] = (this.#makers[i] as () => unknown)();
      const objects = new Raising(this.#plan, values, this.#regions("more"), true, { extension, types }).run();
      return { value: rootOf(objects), objects };
    } catch (cause) {
      throw refused(cause);
    }
  }
}

/**
 * A copy of it has to share nothing with it. Where links lead to other values, it gets what suits any value better than
 * the 0 that is there: engines then do not change the form of each copy.
 */
function makeTemplate([tag, data, links]: Node): void {
  if (typeof data !== "object" || data === null) return;
  if (!Object.values(data).every(isPlainPrimitive)) throw new TypeError("a node holds what it should have linked");
  if (tag !== Tag.Array && tag !== Tag.Object) return;
  for (let i = 0; i < (links?.length ?? 0); i += 2) {
    const key = links?.[i];
    if (key !== "length") (data as Record<string | number, unknown>)[key as string | number] = null;
  }
}
