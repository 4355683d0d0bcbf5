import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A place in a file, as stacks write it: `path:line:column` once `line` and `column` count from 1. */
export interface FilePlace {
  readonly file: string;
  /** From 0, as `column`. */
  readonly line: number;
  readonly column: number;
}

/** The source map of a script, from the URL that its last line gives: data, or a file. Undefined where there is none. */
export function readSourceMap(scriptUrl: string, sourceMapUrl: string): SourceMap | undefined {
  if (sourceMapUrl === "") return undefined;
  try {
    const script = isAbsolute(scriptUrl) ? pathToFileURL(scriptUrl) : new URL(scriptUrl);
    const url = new URL(sourceMapUrl, script);
    const text = url.protocol === "data:" ? dataOf(url.href) : readFileSync(fileURLToPath(url), "utf8");
    const payload = JSON.parse(text) as SourceMapPayload;
    const base = url.protocol === "data:" ? script : url;
    const sources = payload.sources?.map((source) => absolute(`${payload.sourceRoot ?? ""}${source}`, base));
    return new SourceMap(sources === undefined ? payload : { ...payload, sources, sourceRoot: "" });
  } catch {
    // A map that is missing or broken is none.
    return undefined;
  }
}

function dataOf(url: string): string {
  const comma = url.indexOf(",");
  const data = url.slice(comma + 1);
  return url.slice(0, comma).endsWith(";base64") ? Buffer.from(data, "base64").toString() : decodeURIComponent(data);
}

function absolute(source: string, base: URL): string {
  return URL.canParse(source, base.href) ? new URL(source, base).href : source;
}

/** What a place in the script was before it was compiled; undefined where the map does not say. */
export function originalPlace(map: SourceMap, line: number, column: number): FilePlace | undefined {
  const entry = map.findEntry(line, column);
  if (!("originalSource" in entry) || typeof entry.originalSource !== "string") return undefined;
  // The nearest place before this one: on an earlier line it is another statement's.
  if (entry.generatedLine !== line) return undefined;
  const { originalSource, originalLine, originalColumn } = entry;
  // A path, as Node itself writes what it found by a source map.
  const file = originalSource.startsWith("file:") ? fileURLToPath(originalSource) : originalSource;
  return { file, line: originalLine, column: originalColumn };
}
