import type { Extra } from "./extension.js";
import { joinSteps, mapStep, memberStep } from "./path.js";
import type { Shape } from "./shapes.js";
import type { RegisteredType } from "./types.js";

/** What an object becomes: the codec's own kinds, and those that it was told of. */
export type NodeShape = Shape | "known" | "extra" | "registered";

/** The object behind each node with its shape, the node that it was first found in, and under which key there. */
export class Found {
  readonly objects: unknown[] = [];
  readonly shapes: NodeShape[] = [];
  /** What nodes of those two shapes are made from; most values have none, so these are made cheaply. */
  readonly extras: (Extra | undefined)[] = [];
  readonly registered: (RegisteredType | undefined)[] = [];
  readonly #root: string;
  readonly #parents: number[] = [];
  readonly #keys: (string | number)[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  add(object: unknown, shape: NodeShape, parent: number, key: string | number): number {
    const index = this.objects.push(object) - 1;
    this.shapes.push(shape);
    this.#parents.push(parent);
    this.#keys.push(key);
    return index;
  }

  /** Where a node was first found. */
  placeOf(index: number): [parent: number, key: string | number] {
    return [this.#parents[index] as number, this.#keys[index] as string | number];
  }

  /** The path to a member of a node; `beyond` are steps that go on from there. */
  pathTo(parent: number, key: string | number, beyond: readonly string[] = []): string {
    const steps: string[] = [];
    let at = parent;
    let step = key;
    while (at > 0) {
      steps.push(this.step(at, step));
      [at, step] = this.placeOf(at);
    }
    return joinSteps(this.#root, [...steps.reverse(), ...beyond]);
  }

  step(parent: number, key: string | number): string {
    const object = this.objects[parent];
    switch (this.shapes[parent]) {
      case "map":
        return mapStep(Number(key), [...(object as Map<unknown, unknown>).keys()][Number(key) >> 1]);
      case "set":
        return `.values()[${key}]`;
      case "array":
        return memberStep(/^\d+$/.test(String(key)) ? Number(key) : key);
      case "extra":
        return this.extras[parent]?.step?.(Number(key)) ?? `[${key}]`;
      case "registered":
        return ` (packed by ${JSON.stringify(this.registered[parent]?.name)})`;
      default:
        return memberStep(key);
    }
  }
}
