import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isStandardGlobal } from "../analysis/globals.js";
import { analyseScript, type ScriptFacts } from "../analysis/script.js";
import type { Position } from "../analysis/syntax.js";
import { type Understood, understand } from "../analysis/understand.js";
import { type Location, type Seen, scopesOf } from "../inspect/scopes.js";
import { liveScripts, type Script, scriptOf, textOf } from "../inspect/scripts.js";
import { inspect } from "../inspect/session.js";
import { Lru } from "../lru.js";
import { Lines } from "../stacks/lines.js";
import { filePlace, knownScript, startOf } from "../stacks/place.js";
import type { TaskFunction } from "../task.js";
import type { PackageRef } from "../trees/package-ref.js";
import { type Owner, ownerOfFile } from "./exported.js";

const bySource = new Lru<string, Understood>(2000);

/** What a text says, read as strict unless it is known to be sloppy. A text never changes, so it is understood once. */
export function understood(source: string, strict: boolean | undefined): Understood {
  const key = `${strict !== false}\n${source}`;
  let known = bySource.get(key);
  if (known === undefined) {
    known = understand(source, { strict });
    bySource.set(key, known);
  }
  return known;
}

/** A function as it is found in its file: its text, what the text says, and what it sees. Only inside of an inspection. */
export class View {
  readonly fn: TaskFunction;
  readonly source: string;
  readonly understood: Understood;
  readonly file: ScriptFile | undefined;
  /** What it sees of the names that its text does not declare. */
  readonly seen: ReadonlyMap<string, Seen>;
  readonly #location: Location | undefined;
  #offset: { readonly at: number | undefined } | undefined;

  constructor(fn: TaskFunction, source: string) {
    this.fn = fn;
    this.source = source;
    // Not kept: V8 copies all that the functions around declare, which in a bundle is thousands of variables.
    const scopes = scopesOf(fn);
    this.#location = scopes.location;
    this.file = scopes.location && fileOf(scopes.location.scriptId);
    this.understood = understood(source, this.#strictness());
    this.seen = scopes.read(this.#names());
  }

  /** The installed package that it was written in, if it is from one. */
  get maker(): PackageRef | undefined {
    return this.file?.owner?.ref;
  }

  #names(): string[] {
    const { understood } = this;
    if (understood.kind === "unreadable") return [];
    const names = [...understood.free.keys()];
    if (understood.lexical.arguments !== undefined) names.push("arguments");
    if (understood.ownName?.used === true) names.push(understood.ownName.name);
    return names;
  }

  /** Whether it will see the same for good: variables that have a value which nothing gives another. */
  get isFixed(): boolean {
    const { file, offset, understood, seen } = this;
    if (understood.kind === "unreadable" || understood.directEval.length > 0 || understood.withs.length > 0)
      return false;
    return this.#names().every((name) => {
      const found = seen.get(name);
      // What is declared nowhere may be declared yet, in a session of Node's.
      if (found === undefined) return isStandardGlobal(name);
      const binding = offset === undefined ? undefined : file?.facts?.bindingAt(name, offset);
      if (binding?.isConstant !== true || found.kind !== "value") return false;
      // Another module may change what is imported from it; what a function calls itself is not what was seen; and on
      // Node 20 undefined may be what has no value yet.
      return binding.kind !== "import" && binding.kind !== "name" && found.value !== undefined;
    });
  }

  /** Where it begins in the text of its script, if that can be told. */
  get offset(): number | undefined {
    this.#offset ??= { at: this.#findOffset() };
    return this.#offset.at;
  }

  /** For messages: where something of its text stands in the user's file, as `at path:line:column, line:column`. */
  whereIs(at: readonly Position[]): string {
    const { offset, file } = this;
    const script = file && offset !== undefined ? knownScript(file.id) : undefined;
    if (script === undefined || offset === undefined) return whereInText(at);
    const lines = new Lines(this.source);
    const places = at.slice(0, MOST_POSITIONS).map(({ line, column }) => {
      const place = filePlace({ script, start: offset }, lines.offsetOf(line - 1, column - 1) ?? 0);
      const name = place.file.startsWith("file:") ? fileURLToPath(place.file) : place.file;
      return { name, at: `${place.line + 1}:${place.column + 1}` };
    });
    return `at ${listed(
      // Of a task's text each is written out, for whoever finds it in the user's file.
      places.map(({ name, at }, i) =>
        i > 0 && name === places[0]?.name && !name.startsWith("pydist:") ? at : `${name}:${at}`,
      ),
      at.length,
    )}`;
  }

  #findOffset(): number | undefined {
    const location = this.#location;
    if (this.file === undefined || location === undefined) return undefined;
    const { script, lines, text } = this.file;
    if (text === undefined || lines === undefined) return undefined;
    return startOf(this.source, location, { ...script, text, lines });
  }

  #strictness(): boolean | undefined {
    if (this.file?.script.isModule === true) return true;
    if (isKnownSloppy(this.fn)) return false;
    const { offset } = this;
    return offset === undefined ? undefined : this.file?.facts?.strictAt(offset);
  }
}

/** Those that hold for good, so that nobody has to look again. */
const fixed = new WeakMap<TaskFunction, View>();

/** Views of the functions of one capture. */
export class Views {
  readonly #views = new Map<TaskFunction, View>();

  of(fn: TaskFunction, source: string): View {
    let view = this.#views.get(fn) ?? fixed.get(fn);
    if (view === undefined) {
      view = new View(fn, source);
      if (view.isFixed) fixed.set(fn, view);
      this.#views.set(fn, view);
    }
    return view;
  }
}

/**
 * The language lets only sloppy functions be asked for their caller, on some Node by a property of their own, on others
 * by one of Function.prototype. Arrows, methods and async functions refuse either way, and have no `prototype`; they
 * are not asked, because throwing is slow.
 */
export function isKnownSloppy(fn: TaskFunction): boolean {
  if (!Object.hasOwn(fn, "prototype")) return false;
  try {
    Reflect.get(fn, "caller");
    return true;
  } catch {
    return false;
  }
}

const MOST_POSITIONS = 3;

/** The same of a function that is not captured, for whatever reason. */
export function whereIn(fn: TaskFunction, source: string, at: readonly Position[]): string {
  try {
    return inspect(() => new View(fn, source).whereIs(at));
  } catch {
    return whereInText(at);
  }
}

/** The same of a function that is from no file, or whose file cannot be found. */
function whereInText(at: readonly Position[]): string {
  const places = at.slice(0, MOST_POSITIONS).map(({ line, column }) => `${line}:${column}`);
  return `at ${listed(places, at.length)} of its text`;
}

function listed(shown: readonly string[], count: number): string {
  const more = count - shown.length;
  return more === 0 ? shown.join(", ") : `${shown.join(", ")} and ${more} more`;
}

const files = new Lru<string, ScriptFile | "none">(1000);

function fileOf(scriptId: string): ScriptFile | undefined {
  let file = files.get(scriptId);
  if (file === undefined) {
    const script = scriptOf(scriptId);
    file = script === undefined ? "none" : new ScriptFile(scriptId, script);
    files.set(scriptId, file);
  }
  return file === "none" ? undefined : file;
}

/** The ids of modules by their URLs, for the scripts of one inspection. */
const modules = new WeakMap<ReadonlyMap<string, Script>, ReadonlyMap<string, string>>();

/** The module at a URL, if it is loaded. Only inside of an inspection. */
export function moduleAt(url: string): ScriptFile | undefined {
  const scripts = liveScripts();
  let ids = modules.get(scripts);
  if (ids === undefined) {
    ids = modulesIn(scripts);
    modules.set(scripts, ids);
  }
  const id = ids.get(bareUrl(url));
  return id === undefined ? undefined : fileOf(id);
}

function modulesIn(scripts: ReadonlyMap<string, Script>): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const [id, { isModule, url }] of scripts) {
    if (!isModule) continue;
    const at = bareUrl(fileNamed(url)?.url ?? "");
    if (!ids.has(at)) ids.set(at, id);
  }
  return ids;
}

/** Loaders find a file without its extension, too. */
export function bareUrl(url: string): string {
  return url.replace(/[?#].*$/, "").replace(/\.[cm]?[jt]sx?$/, "");
}

/** The script that a function is from. */
export class ScriptFile {
  readonly id: string;
  readonly script: Script;
  /** As a URL; undefined where it is no file. */
  readonly url: string | undefined;
  readonly path: string | undefined;
  /** The installed package that it belongs to. */
  readonly owner: Owner | undefined;
  #facts: { readonly found: ScriptFacts | undefined } | undefined;
  #lines: Lines | undefined;

  constructor(id: string, script: Script) {
    this.id = id;
    this.script = script;
    const file = fileNamed(script.url);
    this.url = file?.url;
    this.path = file?.path;
    this.owner = this.path === undefined ? undefined : ownerOfFile(this.path);
  }

  get text(): string | undefined {
    return textOf(this.id);
  }

  get lines(): Lines | undefined {
    if (this.#lines === undefined) {
      const { text } = this;
      if (text !== undefined) this.#lines = new Lines(text);
    }
    return this.#lines;
  }

  /** What its text says, looked at when it is first asked for; undefined where it cannot be read. */
  get facts(): ScriptFacts | undefined {
    if (this.#facts === undefined) {
      const { text } = this;
      this.#facts = { found: text === undefined ? undefined : analyseScript(text, this.script.isModule) };
    }
    return this.#facts.found;
  }
}

/** The file that a script's name stands for; undefined for one that stands for none, as anybody may give. */
function fileNamed(name: string): { readonly url: string; readonly path: string } | undefined {
  if (!isAbsolute(name) && !name.startsWith("file:")) return undefined;
  try {
    const url = isAbsolute(name) ? pathToFileURL(name) : new URL(name);
    // Loaders put their own marks there; what is meant is the file.
    url.search = "";
    url.hash = "";
    return { url: url.href, path: fileURLToPath(url) };
  } catch {
    // It only looks like one.
    return undefined;
  }
}
