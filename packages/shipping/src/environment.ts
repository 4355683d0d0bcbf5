import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ModuleNames, moduleNames } from "./analysis/exported-names.js";
import { sha256 } from "./code.js";
import { fileVersion } from "./file-version.js";
import { Lru } from "./lru.js";
import { refusal } from "./refusal.js";
import { fileUrl, type TaskFunction, task } from "./task.js";
import { importedFile } from "./trees/imports.js";

/** Functions by their names, where nothing is known of them. */
// biome-ignore lint/suspicious/noExplicitAny: functions without a type fit wherever a function does
export type AnyFunctions = Record<string, (...args: any[]) => any>;

/** The functions among what a module exports. */
type FunctionName<M> = { [K in keyof M]: M[K] extends TaskFunction ? K : never }[keyof M] & string;

/** The functions of a module, to be submitted by their names; made by {@link environment}. */
export interface Environment<M = AnyFunctions> {
  /**
   * The function of that name, usable wherever one is submitted. It is for submitting, not for calling it here.
   * @throws ShippingError, which lists the names that there are, if the module exports nothing of that name
   */
  <K extends FunctionName<M>>(name: K): M[K];
  /** What the module exports now, sorted. Of a file that was edited, what it exports by then. */
  readonly names: readonly string[];
}

/** A module as text, for {@link environment}. */
export interface ModuleText {
  /** An ES module that imports nothing but Node's own modules, by `node:fs` and the like. */
  readonly source: string;
}

/**
 * A module whose functions are submitted by their names: `const lib = environment(new URL("./lib.mjs", import.meta.url))`,
 * `executor.submit(lib("f"), [21])`. The module is read, not run, here; a node imports it when it first needs it. As a file
 * it is what `task` refers to, and is brought along with what it imports; as a text it needs no file anywhere.
 *
 * `environment<typeof import("./lib.mjs")>(...)` knows the names and types.
 *
 * @param module A `file:` URL or an absolute path, `import.meta.url` for this very module; or `{ source }`, the text.
 * @throws TypeError for what is none of these; ShippingError for one that cannot be read as an ES module
 */
export function environment<M = AnyFunctions>(module: string | URL | ModuleText): Environment<M> {
  const found = isText(module) ? ofText(module.source) : ofFile(module);
  const names = (): string[] => [...found.names()].sort();
  names();
  const get = (name: string): TaskFunction => {
    const known = names();
    if (known.includes(name)) return found.get(name);
    const there = known.length === 0 ? "nothing" : known.join(", ");
    throw refusal(
      `environment: ${found.label} exports no function ${JSON.stringify(name) ?? String(name)}; it exports ${there}.`,
      "Use one of these names, or export a function of that name.",
      { path: found.label },
    );
  };
  // Typed by who knows the module; which names there are is looked at with each call.
  return Object.defineProperty(get, "names", { get: names }) as unknown as Environment<M>;
}

/** Where functions are found by name. */
interface Found {
  readonly label: string;
  names(): ReadonlySet<string>;
  get(name: string): TaskFunction;
}

function isText(module: string | URL | ModuleText): module is ModuleText {
  if (typeof module !== "object" || module === null || module instanceof URL) return false;
  if (typeof module.source === "string") return true;
  throw new TypeError(
    `environment: source is ${String(module.source)}; it must be the text of a module. A file is given by its file: URL or path.`,
  );
}

function ofFile(module: string | URL): Found {
  const url = fileUrl(module, "environment");
  const path = fileURLToPath(url);
  return { label: path, names: () => namesOfFile(path), get: (name) => task(url, name) };
}

const read = new Lru<string, ModuleNames>(1000);

function namesOfFile(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return new Set();
  seen.add(path);
  const version = fileVersion(path);
  if (version === undefined) {
    throw refusal(`environment: ${path} is no file here.`, "Pass the file: URL or path of the module.", { path });
  }
  const known = read.get(version) ?? readModule(readFileSync(path, "utf8"), path);
  read.set(version, known);
  const names = new Set(known.exported);
  for (const specifier of known.handedOn) {
    const from = /^\.\.?\//.test(specifier) ? importedFile(path, specifier) : undefined;
    if (from === undefined) {
      throw refusal(
        `environment: ${path} exports all of ${JSON.stringify(specifier)}, whose names are not known here.`,
        "Export what you need by name: export { name } from …",
        { path },
      );
    }
    // The default export stays with its module, as the language has it.
    for (const name of namesOfFile(from, seen)) if (name !== "default") names.add(name);
  }
  return names;
}

function readModule(text: string, label: string): ModuleNames {
  try {
    return moduleNames(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refusal(
      `environment: ${label} cannot be read as an ES module: ${error.message}.`,
      label.endsWith("ts")
        ? "Refer to the compiled JavaScript."
        : "Correct it there; of a file of another kind refer to each function by task(url, name).",
      { path: label, cause: error },
    );
  }
}

function ofText(source: string): Found {
  const label = `the source ${JSON.stringify((source.trim().split("\n", 1)[0] ?? "").slice(0, 40))}`;
  const { exported, imported } = readModule(source, label);
  const foreign = imported.find((specifier) => !specifier.startsWith("node:"));
  if (foreign !== undefined) {
    throw refusal(
      `environment: ${label} imports ${JSON.stringify(foreign)}, but a text lies in no folder from which that could be found.`,
      "Import node: modules only, or put the text into a file and pass its URL.",
      { path: label },
    );
  }
  // The name is what stacks show.
  const named = `${source}\n//# sourceURL=environment-${sha256(source).slice(0, 12)}.mjs`;
  const url = `data:text/javascript,${encodeURIComponent(named)}`;
  const functions = new Map<string, TaskFunction>();
  const get = (name: string): TaskFunction => {
    const found = functions.get(name) ?? byName(url, name);
    functions.set(name, found);
    return found;
  };
  return { label, names: () => new Set(exported), get };
}

/** Travels as its text, with the module in its URL. */
function byName(url: string, name: string): TaskFunction {
  const call = async (...args: unknown[]): Promise<unknown> => {
    const module = (await import(url)) as Record<string, unknown>;
    const fn = module[name];
    if (typeof fn === "function") return (fn as (...given: unknown[]) => unknown)(...args);
    throw new TypeError(`The environment exports ${name}, which is no function.`);
  };
  return Object.defineProperty(call, "name", { value: name });
}
