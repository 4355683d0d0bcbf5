import type { Debugger } from "node:inspector";
import { Lru } from "../lru.js";
import { inspect } from "./session.js";
import { TextCache } from "./text-cache.js";

/** A script as V8 runs it: of a compiler's output, that output. */
export interface Script {
  /** As stacks name it: a `file:` URL, a path, another name, or the empty string where nobody gave it one. */
  readonly url: string;
  readonly sourceMapUrl: string;
  /** Modules are strict code, and see their imports. */
  readonly isModule: boolean;
  /** Where V8 begins to count, both from 0. */
  readonly line: number;
  readonly column: number;
}

/** What is known of scripts by their ids, which V8 gives only once. */
const known = new Lru<string, Script | "none">(20_000);
/** The scripts of an inspection that are among them. */
const noted = new WeakSet<ReadonlyMap<string, Script>>();
const texts = new TextCache(8 * 1024 * 1024);

/** Undefined for one that V8 does not tell of. Slow only for an id that was never asked for: see {@link liveScripts}. */
export function scriptOf(scriptId: string): Script | undefined {
  let script = known.get(scriptId);
  if (script === undefined) {
    script = inspect(() => {
      const found = liveScripts().get(scriptId);
      // Who asks what a script is asks what is in it, mostly.
      if (found !== undefined) textOf(scriptId);
      return found;
    });
    known.set(scriptId, script ?? "none");
  }
  return script === "none" ? undefined : script;
}

/** The text that V8 runs; undefined when the script is gone. The ones asked for last are remembered. */
export function textOf(scriptId: string): string | undefined {
  let text = texts.get(scriptId);
  if (text === undefined) {
    text = readText(scriptId);
    if (text !== undefined) texts.set(scriptId, text);
  }
  return text;
}

/** The same, for who looks through many of them. */
export function readText(scriptId: string): string | undefined {
  return inspect((inspection) => {
    inspection.debug();
    try {
      const method = "Debugger.getScriptSource";
      return inspection.post<Debugger.GetScriptSourceReturnType>(method, { scriptId }).scriptSource;
    } catch {
      // Its only complaint: there is no script of that id.
      return undefined;
    }
  });
}

/**
 * Every script that was not collected, by its id. Takes milliseconds; the first time tens of them, and a fifth of a
 * second in a large program.
 */
export function liveScripts(): ReadonlyMap<string, Script> {
  return inspect((inspection) => {
    const scripts = inspection.debug();
    if (!noted.has(scripts)) {
      noted.add(scripts);
      for (const [scriptId, script] of scripts) known.set(scriptId, script);
    }
    return scripts;
  });
}
