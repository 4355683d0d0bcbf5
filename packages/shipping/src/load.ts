import { ShippingError } from "@pydist/protocol";
import { type Callable, type GlobalCode, parseCode, sha256 } from "./code.js";
import { loadReference } from "./load-reference.js";
import { loadSource } from "./load-source.js";
import { Lru } from "./lru.js";
import { type Program, programOf } from "./program.js";

/** Where code is loaded. */
export interface LoadOptions {
  /** How messages call this place: `node "n1"`. */
  readonly node?: string;
}

/**
 * Makes what a code stands for. A function from text is there at once; one from a file has to be imported.
 * @throws ShippingError, or rejects with it, when the file is missing or of another version, or the code is unknown.
 */
export function load(text: string, options: LoadOptions = {}): Program | Promise<Program> {
  return make(text, sha256(text), options.node ?? "this node");
}

function make(text: string, hash: string, node: string): Program | Promise<Program> {
  const code = parseCode(text);
  switch (code.kind) {
    case "source":
      return loadSource(code, hash);
    case "reference":
      return loadReference(code, node);
    case "global":
      return programOf(loadGlobal(code, node), "unwanted");
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

/** Loaded programs of one thread, at most `limit`, by the hash of their code. */
export class CodeCache {
  readonly #programs: Lru<string, Program | Promise<Program>>;
  readonly #node: string;

  constructor(options: LoadOptions & { readonly limit?: number } = {}) {
    this.#programs = new Lru(options.limit ?? 1000);
    this.#node = options.node ?? "this node";
  }

  get size(): number {
    return this.#programs.size;
  }

  /** The program, if it is here: then its text need not be at hand. */
  get(hash: string): Program | Promise<Program> | undefined {
    return this.#programs.get(hash);
  }

  /**
   * The program, made from `text` if it is not here yet. A failure is not kept: the file may be there next time.
   * @throws ShippingError as {@link load}, and when the text is not that of the hash.
   */
  load(hash: string, text: string): Program | Promise<Program> {
    const known = this.#programs.get(hash);
    if (known !== undefined) return known;
    if (sha256(text) !== hash) {
      throw new ShippingError(`The code ${hash.slice(0, 12)} arrived on ${this.#node} with another text.`, {
        remedy: "This is a fault of pydist or of its store of code: restart the node, and report it.",
      });
    }
    const made = make(text, hash, this.#node);
    this.#programs.set(hash, made);
    if (made instanceof Promise) {
      made.then(
        // A caller that comes later need not wait, even for a microtask.
        (program) => this.#replace(hash, made, program),
        () => this.#replace(hash, made, undefined),
      );
    }
    return made;
  }

  #replace(hash: string, made: Promise<Program>, program: Program | undefined): void {
    if (this.#programs.get(hash) !== made) return;
    if (program === undefined) this.#programs.delete(hash);
    else this.#programs.set(hash, program);
  }
}
