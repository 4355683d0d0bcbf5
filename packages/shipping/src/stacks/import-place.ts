import { readFileSync, statSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { acorn } from "../analysis/parser.js";
import { namedAtSender } from "../trees/copies.js";
import { importedFile, importsOf } from "../trees/imports.js";

/** So many files are read to find the one with the mistake. */
const MOST_FILES = 1000;

// What Node puts before the stack of some syntax errors: the place, its line, and marks below it.
const header = /^((?:file:\/\/|\/|[A-Za-z]:[\\/]).*):(\d+)\n.*\n( *)\^/;
const fileFrame = /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*:\d+:\d+)\)?$/;
const loaderFrame = /node:internal\/modules\//;

/** Where in a module, or in one that it imports, its import failed, as `path:line:column`. Undefined where nobody says so. */
export function placeOfFailure(error: unknown, path: string): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== "string") return undefined;
  const [, file, line, indent = ""] = header.exec(error.stack) ?? [];
  if (file !== undefined) return `${asPath(file)}:${line}:${indent.length + 1}`;
  // Of a module that cannot be parsed, Node tells nobody which one it is.
  if (error instanceof SyntaxError && error.stack.includes("compileSourceTextModule")) return mistakeIn(path);
  const frames = error.stack.split("\n");
  const loader = frames.findIndex((line) => loaderFrame.test(line));
  for (const line of frames.slice(0, Math.max(loader, 0))) {
    const place = fileFrame.exec(line)?.[1];
    if (place !== undefined) return asPath(place);
  }
  return undefined;
}

/** The error of an import; one that names no file is given its place as Node itself does that, before its stack. */
export function withPlace(error: unknown, path: string): unknown {
  if (!(error instanceof SyntaxError) || header.test(error.stack ?? "")) return error;
  const place = placeOfFailure(error, path);
  if (place !== undefined) error.stack = `${namedAtSender(place)}\n${error.stack}`;
  return error;
}

/** The first file that is no JavaScript, of a module and those that it imports by relative paths. */
function mistakeIn(path: string): string | undefined {
  const files = new Set([path]);
  for (const file of files) {
    if (files.size > MOST_FILES || !statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    const extension = extname(file);
    if (!/^\.[cm]?js$/.test(extension)) continue;
    const text = readFileSync(file, "utf8");
    const kinds = ({ ".mjs": ["module"], ".cjs": ["script"] } as const)[extension] ?? (["module", "script"] as const);
    const mistakes = kinds.map((sourceType) => mistakeOf(text, sourceType));
    if (!mistakes.includes(undefined)) return `${file}:${mistakes[0]}`;
    for (const specifier of importsOf(text)) {
      const imported = /^\.\.?(?:\/|$)/.test(specifier) ? importedFile(file, specifier) : undefined;
      if (imported !== undefined) files.add(imported);
    }
  }
  return undefined;
}

/** Where a text is no JavaScript, as `line:column`. */
function mistakeOf(text: string, sourceType: "module" | "script"): string | undefined {
  try {
    acorn().parse(text, { ecmaVersion: "latest", sourceType, allowReturnOutsideFunction: sourceType === "script" });
    return undefined;
  } catch (error) {
    const { loc } = error as { readonly loc?: { readonly line: number; readonly column: number } };
    return loc && `${loc.line}:${loc.column + 1}`;
  }
}

function asPath(place: string): string {
  return place.startsWith("file:") ? fileURLToPath(place) : place;
}
