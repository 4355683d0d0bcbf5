import { ShippingError } from "@pydist/protocol";
import { type Callable, type FunctionsCode, type GlobalCode, parseCode, sha256 } from "./code.js";
import { loadReference } from "./load-reference.js";
import { Lru } from "./lru.js";
import { FunctionsProgram } from "./rebuild/functions-program.js";
import { Home } from "./rebuild/home.js";
import { type Program, programOf } from "./rebuild/program.js";

/** Where code is loaded. */
export interface LoadOptions {
  /** How messages call this place: `node "n1"`. */
  readonly node?: string;
}

/**
 * Compiles code. Functions that import nothing are there at once.
 * @throws ShippingError, or rejects with it, when a file or module is missing or of another version, or the code is unknown.
 */
export function load(text: string, options: LoadOptions = {}): Program | Promise<Program> {
  const node = options.node ?? "this node";
  const code = parseCode(text);
  switch (code.kind) {
    case "functions":
      return loadFunctions(code, new Home(code, node));
    case "reference":
      return loadReference(code, node);
    case "global":
      return programOf(loadGlobal(code, node), "unwanted");
  }
}

function loadFunctions(code: FunctionsCode, home: Home): Program | Promise<Program> {
  if (code.modules.length === 0) return new FunctionsProgram(code, [], home);
  return home.loadModules().then((modules) => new FunctionsProgram(code, modules, home));
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

/** Compiled code of one thread, at most `limit`, by its hash. */
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
      const remedy = "This is a fault of pydist or of its store of code: restart the node, and report it.";
      throw new ShippingError(`The code ${hash.slice(0, 12)} arrived on ${this.#node} with another text. ${remedy}`, {
        remedy,
      });
    }
    const made = load(text, { node: this.#node });
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
