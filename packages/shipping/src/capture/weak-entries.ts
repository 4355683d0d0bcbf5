import { isObject } from "./is-object.js";

/** The entries of weak collections whose keys are captured as well: they cannot be listed, but asked for one by one. */
export class WeakEntries {
  readonly #found = new Map<object, Map<object, unknown>>();

  /** Takes up a collection, whose entries are to be looked for. */
  add(collection: WeakMap<object, unknown> | WeakSet<object>): void {
    if (!this.#found.has(collection)) this.#found.set(collection, new Map());
  }

  get any(): boolean {
    return this.#found.size > 0;
  }

  /** The entries whose keys are among these objects: collection, key, value ... */
  entriesOf(objects: readonly unknown[]): unknown[] {
    const entries: unknown[] = [];
    for (const collection of this.#found.keys()) {
      for (const object of new Set(objects)) {
        if (!isObject(object) || !(collection as WeakMap<object, unknown>).has(object)) continue;
        entries.push(collection, object, saidOf(collection, object));
      }
    }
    return entries;
  }

  has(collection: object): boolean {
    return this.#found.has(collection);
  }

  /** The entries of a collection that are known by now. */
  of(collection: object): { keys: object[]; values: unknown[] } {
    const entries = this.#found.get(collection) ?? new Map<object, unknown>();
    return { keys: [...entries.keys()], values: [...entries.values()] };
  }

  /** Looks for the captured objects in the captured collections. @returns whether there were any that were not known */
  look(captured: Iterable<unknown>): boolean {
    if (this.#found.size === 0) return false;
    let isNew = false;
    const objects = new Set([...captured].filter(isObject));
    for (const object of objects) {
      for (const [collection, entries] of this.#found) {
        if (entries.has(object) || !(collection as WeakMap<object, unknown>).has(object)) continue;
        const value = saidOf(collection, object);
        entries.set(object, value);
        isNew = true;
        // A chain, as of a list with private members that a compiler made weak.
        if (isObject(value)) objects.add(value);
      }
    }
    return isNew;
  }
}

/** What a collection says of one of its keys. */
function saidOf(collection: object, key: object): unknown {
  return collection instanceof WeakMap ? collection.get(key) : true;
}
