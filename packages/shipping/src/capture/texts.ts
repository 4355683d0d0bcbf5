import { type FunctionsCode, type FunctionText, type ModuleRef, mayAsk } from "../code.js";
import type { PackageRef } from "../trees/package-ref.js";

/** The texts and modules that one capture needs, each once. They become its code. */
export class Texts {
  readonly #texts = new Map<string, number>();
  readonly #list: FunctionText[] = [];
  readonly #modules = new Map<string, number>();
  readonly #moduleList: ModuleRef[] = [];
  readonly #packages = new Map<string, PackageRef>();
  readonly #files: Record<string, string> = {};
  #asks = false;

  /** The number of a text. */
  add(text: FunctionText): number {
    const key = JSON.stringify(text);
    let number = this.#texts.get(key);
    if (number === undefined) {
      number = this.#list.push(text) - 1;
      this.#texts.set(key, number);
    }
    if (mayAsk(text.helpers)) this.#asks = true;
    return number;
  }

  /** The number of a module. */
  addModule(module: ModuleRef, owner: PackageRef | undefined): number {
    const key = JSON.stringify(module);
    let number = this.#modules.get(key);
    if (number === undefined) {
      number = this.#moduleList.push(module) - 1;
      this.#modules.set(key, number);
    }
    if (owner !== undefined) this.addPackage(owner);
    // What a module imports may ask, too.
    if (owner !== undefined) this.#asks = true;
    return number;
  }

  /** A file that a text imports. */
  addFile(path: string, sha256: string): void {
    this.#files[path] = sha256;
  }

  addPackage(owner: PackageRef): void {
    this.#packages.set(owner.key, owner);
  }

  /** Something that was captured can ask for the task's context. */
  asks(): void {
    this.#asks = true;
  }

  /** Whether something can get at what packages make, which no graph shows. */
  get reachesPackages(): boolean {
    if (this.#packages.size > 0) return true;
    return this.#list.some(
      ({ helpers, slots }) => Object.values(helpers).includes("import") || slots.includes("require"),
    );
  }

  code(): FunctionsCode {
    return {
      kind: "functions",
      texts: this.#list,
      modules: this.#moduleList,
      packages: [...this.#packages.values()],
      files: this.#files,
      asks: this.#asks,
    };
  }
}
