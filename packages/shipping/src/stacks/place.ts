import type { SourceMap } from "node:module";
import type { Location } from "../inspect/scopes.js";
import { type Script, scriptOf, textOf } from "../inspect/scripts.js";
import { Lru } from "../lru.js";
import { Lines } from "./lines.js";
import { type FilePlace, originalPlace, readSourceMap } from "./source-map.js";

/** Where a function's text stands: from this offset of a script. */
export interface Place {
  readonly script: KnownScript;
  readonly start: number;
}

/** A script in which functions of the user's were found. */
export interface KnownScript extends Script {
  readonly text: string;
  readonly lines: Lines;
  readonly map: SourceMap | undefined;
}

/** Where a function's text begins in the text of its script; undefined where it cannot be told. */
export function startOf(
  source: string,
  { line, column }: Location,
  script: Pick<KnownScript, "line" | "column" | "text" | "lines">,
): number | undefined {
  const row = line - script.line;
  const at = script.lines.offsetOf(row, column - (row === 0 ? script.column : 0));
  // The inspector tells where the parameters are, for some kinds of functions; the text begins before them.
  const start = at === undefined ? -1 : script.text.lastIndexOf(source, at);
  return start === -1 ? undefined : start;
}

/** By id; nameless is one that nobody named, as of `new Function`. */
const known = new Lru<string, KnownScript | "nameless">(32);

/** A script with its text; undefined for one that nobody named, or that is gone. Only inside of an inspection. */
export function knownScript(scriptId: string): KnownScript | undefined {
  let script = known.get(scriptId);
  if (script === undefined) {
    script = readScript(scriptOf(scriptId), textOf(scriptId));
    known.set(scriptId, script);
  }
  return script === "nameless" ? undefined : script;
}

function readScript(script: Script | undefined, text: string | undefined): KnownScript | "nameless" {
  if (script === undefined || script.url === "" || text === undefined) return "nameless";
  return { ...script, text, lines: new Lines(text), map: readSourceMap(script.url, script.sourceMapUrl) };
}

/** The place in the user's file: through the source map, if there is one. */
export function filePlace({ script, start }: Place, offset: number): FilePlace {
  const { line, column } = script.lines.placeOf(start + offset);
  const counted = { line: line + script.line, column: column + (line === 0 ? script.column : 0) };
  const original = script.map && originalPlace(script.map, counted.line, counted.column);
  return original ?? { file: script.url, ...counted };
}
