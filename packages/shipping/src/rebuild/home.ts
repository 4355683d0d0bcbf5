import { createRequire, isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as protocol from "@pydist/protocol";
import { ShippingError } from "@pydist/protocol";
import type { FunctionsCode, FunctionText, ModuleRef } from "../code.js";
import { readableVersion } from "../file-version.js";
import { importFrom } from "../import-on-node.js";
import { messageOf } from "../message-of.js";
import { type FileOfPackage, fileOfPackage, isRelative } from "../specifier.js";
import { withPlace } from "../stacks/import-place.js";
import { findPackage } from "../trees/find-package.js";
import { type PackageRef, packageOf } from "../trees/package-ref.js";
import { type CodeRootMapping, codeRoot, requireFrom, rootOf } from "../trees/roots.js";

/** Where files and packages of the submitter are on this node, as far as one code names them. */
export class Home {
  readonly #code: FunctionsCode;
  readonly #node: string;
  readonly #mapping: CodeRootMapping | undefined;
  readonly #byKey: ReadonlyMap<string, PackageRef>;
  readonly #byName: ReadonlyMap<string, PackageRef>;

  /** @param node how messages call this place */
  constructor(code: FunctionsCode, node: string) {
    this.#code = code;
    this.#node = node;
    this.#mapping = codeRoot(code.root, node);
    this.#byKey = new Map(code.packages.map((ref) => [ref.key, ref]));
    this.#byName = new Map(code.packages.map((ref) => [ref.name, ref]));
  }

  /** Imports the modules that the code names. @throws ShippingError (the promise rejects) naming module and node */
  loadModules(): Promise<unknown[]> {
    return Promise.all(this.#code.modules.map((module) => this.#load(module)));
  }

  async #load(module: ModuleRef): Promise<unknown> {
    const owner = this.#byKey.get(module.package ?? "");
    const { specifier, how, file } = module;
    // A node has its own.
    if (specifier === "@pydist/protocol") return protocol;
    const root = owner === undefined ? process.cwd() : rootOf(owner, this.#node);
    try {
      if (file === undefined || owner === undefined) {
        return how === "require" ? requireFrom(root)(specifier) : await importFrom(root)(specifier);
      }
      const path = pathOf({ name: owner.name, inside: file }, root);
      return how === "require" ? requireFrom(root)(path) : await importFrom(root)(pathToFileURL(path).href);
    } catch (cause) {
      const what = owner === undefined ? specifier : `${specifier} of ${owner.name}@${owner.version}`;
      const remedy = isBuiltin(specifier)
        ? "Run a version of Node on the nodes that has it."
        : "Correct what the message says, or install the package on the nodes.";
      throw new ShippingError(
        `A task uses ${what}, which could not be imported on ${this.#node}: ${messageOf(cause)}. ${remedy}`,
        { path: specifier, remedy, cause },
      );
    }
  }

  /** `import()` in a text: packages that the code names are those of the submitter, files the ones that were meant. */
  async import(specifier: unknown, options: unknown, text: FunctionText | undefined): Promise<unknown> {
    const name = String(specifier);
    const packaged = fileOfPackage(name);
    if (packaged !== undefined && this.#byName.has(packaged.name)) {
      return importFrom(process.cwd())(pathToFileURL(pathOf(packaged, this.#rootFor(packaged.name))).href, options);
    }
    if (!isRelative(name)) {
      const root = this.#rootFor(name);
      return importFrom(root)(specifier, options).catch((error: unknown) => {
        throw this.#told(error, name);
      });
    }
    const url = text?.url === undefined || name.startsWith("#") ? undefined : new URL(name, text.url).href;
    const file = this.#fileOf(url, name);
    try {
      return await importFrom(process.cwd())(file, options);
    } catch (error) {
      throw withPlace(error, fileURLToPath(file));
    }
  }

  /** `require` of a folder of the submitter. */
  requireOf(folder: string): NodeJS.Require {
    const home = requireFrom(fileURLToPath(this.placeOf(folder, "url")));
    const resolve = (specifier: string, options?: { paths?: string[] }): string =>
      isRelative(specifier) ? home.resolve(specifier, options) : this.#resolve(specifier, options);
    const require = (specifier: string): unknown => {
      const path = resolve(specifier);
      if (isRelative(specifier) && this.#mapping === undefined) this.#fileOf(pathToFileURL(path).href, specifier);
      return home(path);
    };
    return Object.assign(require, { resolve, main: undefined }) as unknown as NodeJS.Require;
  }

  /** `createRequire`: of a file that tasks of this code were written in, what the submitter's packages are known to. */
  createRequire(from: string | URL): NodeJS.Require {
    const url = URL.canParse(String(from)) ? String(from) : pathToFileURL(String(from)).href;
    const isHome = this.#code.texts.some((text) => text.url !== undefined && this.placeOf(text.url, "url") === url);
    return isHome ? this.requireOf(new URL(".", url).href) : createRequire(from);
  }

  /** Where something of the submitter's file system is here: its copy in a code directory, else the same path. */
  placeOf(url: string, form: "path" | "url"): string {
    const mapping = this.#mapping;
    const here =
      mapping !== undefined && url.startsWith(mapping.from) ? mapping.to + url.slice(mapping.from.length) : url;
    return form === "url" ? here : fileURLToPath(here).replace(/[\\/]$/, "");
  }

  /** `import.meta` as it was at home. */
  metaOf(text: FunctionText | undefined): object {
    const url = text?.url ?? "";
    const here = url === "" ? "" : this.placeOf(url, "url");
    const filename = here === "" ? undefined : fileURLToPath(here);
    return Object.assign(Object.create(null) as object, {
      ...(filename === undefined ? {} : { dirname: dirname(filename), filename }),
      resolve: (specifier: string) => {
        if (isRelative(specifier) || URL.canParse(specifier)) return new URL(specifier, here).href;
        if (isBuiltin(specifier)) return `node:${specifier}`;
        try {
          return pathToFileURL(this.#resolve(specifier)).href;
        } catch (error) {
          // As an import says it.
          throw Object.assign(error as Error, { code: `ERR_${String((error as NodeJS.ErrnoException).code)}` });
        }
      },
      url: here,
    });
  }

  #resolve(specifier: string, options?: { paths?: string[] }): string {
    const require = requireFrom(this.#rootFor(specifier));
    try {
      return require.resolve(specifier, options);
    } catch (error) {
      throw this.#told(error, specifier);
    }
  }

  /** Node's own complaint of a package that it does not find, and what brings it. */
  #told(error: unknown, specifier: string): unknown {
    const name = packageOf(specifier);
    const { code = "" } = Object(error) as NodeJS.ErrnoException;
    if (name === undefined || this.#byName.has(name) || !/MODULE_NOT_FOUND$/.test(code)) return error;
    (error as Error).message +=
      `. ${name} is brought to ${this.#node} if its name is written out in the function, as in await import(${JSON.stringify(name)}), and it is installed where that was written.`;
    return error;
  }

  #rootFor(specifier: string): string {
    const ref = this.#byName.get(packageOf(specifier) ?? "");
    return ref === undefined ? process.cwd() : rootOf(ref, this.#node);
  }

  /** A file is the one that was meant if it lies in a code directory, or its content is the same. */
  #fileOf(url: string | undefined, name: string): string {
    const mapping = this.#mapping;
    if (url !== undefined && mapping !== undefined && url.startsWith(mapping.from)) return this.placeOf(url, "url");
    const path = url === undefined ? undefined : fileURLToPath(url);
    const wanted = path === undefined ? undefined : this.#code.files[path];
    const remedy = "Keep the folder on every node (codeDir), import packages by name, or submit a task() reference.";
    if (path === undefined || wanted === undefined) {
      throw new ShippingError(
        `A task imports "${name}", relative to a file that ${this.#node} does not have. ${remedy}`,
        { path: name, remedy },
      );
    }
    const found = readableVersion(path);
    if (found === wanted) return pathToFileURL(path).href;
    const what = found === undefined ? "cannot be read" : "has other content";
    throw new ShippingError(`A task imports "${name}", which is ${path} and ${what} on ${this.#node}. ${remedy}`, {
      path,
      remedy,
    });
  }
}

/** Where a file of a package is, in or above a folder. */
function pathOf({ name, inside }: FileOfPackage, root: string): string {
  return join(findPackage(name, root)?.directory ?? join(root, "node_modules", name), inside);
}
