import { ShippingError } from "@pydist/protocol";
import { type Callable, type GlobalCode, parseCode, sha256 } from "./code.js";
import { loadReference } from "./load-reference.js";
import { loadSource } from "./load-source.js";
import { Lru } from "./lru.js";

/** Where code is loaded. */
export interface LoadOptions {
  /** How messages call this place: `node "n1"`. */
  readonly node?: string;
}

/**
 * Makes the function that a code stands for. One from text is there at once; one from a file has to be imported.
 * @throws ShippingError, or rejects with it, when the file is missing or of another version, or the code is unknown.
 */
export function load(text: string, options: LoadOptions = {}): Callable | Promise<Callable> {
  return make(text, sha256(text), options.node ?? "this node");
}

function make(text: string, hash: string, node: string): Callable | Promise<Callable> {
  const code = parseCode(text);
  switch (code.kind) {
    case "source":
      return loadSource(code, hash, node);
    case "reference":
      return loadReference(code, node);
    case "global":
      return loadGlobal(code, node);
  }
}

function loadGlobal({ path }: GlobalCode, node: string): Callable {
  let value: unknown = globalThis;
  for (const name of path.split(".")) value = Object(value)[name];
  if (typeof value === "function") return value as Callable;
  const remedy = "Run a version of Node on the nodes that has it.";
  throw new ShippingError(`Task "${path}" is a global that Node ${process.version} on ${node} lacks. ${remedy}`, {
    path,
    remedy,
  });
}

/** Loaded functions of one thread, at most `limit`, by the hash of their code. */
export class CodeCache {
  readonly #functions: Lru<string, Callable | Promise<Callable>>;
  readonly #node: string;

  constructor(options: LoadOptions & { readonly limit?: number } = {}) {
    this.#functions = new Lru(options.limit ?? 1000);
    this.#node = options.node ?? "this node";
  }

  get size(): number {
    return this.#functions.size;
  }

  /** The function, if it is here: then its text need not be at hand. */
  get(hash: string): Callable | Promise<Callable> | undefined {
    return this.#functions.get(hash);
  }

  /**
   * The function, made from `text` if it is not here yet. A failure is not kept: the file may be there next time.
   * @throws ShippingError as {@link load}, and when the text is not that of the hash.
   */
  load(hash: string, text: string): Callable | Promise<Callable> {
    const known = this.#functions.get(hash);
    if (known !== undefined) return known;
    if (sha256(text) !== hash) {
      throw new ShippingError(`The code ${hash.slice(0, 12)} arrived on ${this.#node} with another text.`, {
        remedy: "This is a fault of pydist or of its store of code: restart the node, and report it.",
      });
    }
    const made = make(text, hash, this.#node);
    this.#functions.set(hash, made);
    if (made instanceof Promise) {
      made.then(
        // A caller that comes later need not wait, even for a microtask.
        (fn) => this.#replace(hash, made, fn),
        () => this.#replace(hash, made, undefined),
      );
    }
    return made;
  }

  #replace(hash: string, made: Promise<Callable>, fn: Callable | undefined): void {
    if (this.#functions.get(hash) !== made) return;
    if (fn === undefined) this.#functions.delete(hash);
    else this.#functions.set(hash, fn);
  }
}
