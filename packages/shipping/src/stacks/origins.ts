import type { SourceMap } from "node:module";
import type { SourceCode } from "../code.js";
import { locationOf } from "../inspect/scopes.js";
import { liveScripts, readText, type Script, scriptOf, textOf } from "../inspect/scripts.js";
import { inspect } from "../inspect/session.js";
import { Lru } from "../lru.js";
import type { TaskFunction } from "../task.js";
import { textUrl } from "../wrapping.js";
import { Lines } from "./lines.js";
import { readSourceMap } from "./source-map.js";

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

/** Functions of one text. */
export interface Located {
  readonly code: SourceCode;
  /** The text as it was found; that of the code may differ in the name of a method. */
  readonly source: string;
  readonly lines: Lines;
  readonly places: readonly Place[];
}

/** What is remembered of a text. */
export interface Origin {
  readonly url: string;
  readonly code: SourceCode;
  readonly source: string;
  lines: Lines | undefined;
  /** Functions whose place is not known yet: what runs long must not keep alive what a function sees. */
  unseen: WeakRef<TaskFunction>[];
  seen: number;
  readonly places: Place[];
  text: "unsought" | "sought";
}

/** More functions of one text than these are from the same few places: arrows in a loop. */
const MOST_SEEN = 16;
const MOST_UNSEEN = 4;
const MOST_PLACES = 4;

let looks = 0;
/**
 * A process does nothing else while it looks for places, which may take tens of milliseconds: a hundred functions that fail
 * are looked for, and one more with each second. Counted, not timed, so that a busy machine names the same places.
 */
const mayLook = (): boolean => looks < 100 + performance.now() / 1000;

const origins = new Lru<string, Origin>(1000);

/** Remembers where code came from, to name the user's file in stacks. */
export function noteOrigin(hash: string, fn: TaskFunction, source: string, code: SourceCode): Origin {
  const url = textUrl(code.name, hash);
  const unseen = [new WeakRef(fn)];
  const origin: Origin = { url, code, source, lines: undefined, unseen, seen: 0, places: [], text: "unsought" };
  origins.set(url, origin);
  return origin;
}

/** Notes another function of a known text, which may be from elsewhere. */
export function noteFunction(origin: Origin, fn: TaskFunction): void {
  if (origin.unseen.length < MOST_UNSEEN && origin.seen < MOST_SEEN) origin.unseen.push(new WeakRef(fn));
}

/** The functions that stacks name by this URL; undefined when they are not known, or not found. Never throws. */
export function locatedAt(url: string): Located | undefined {
  const origin = origins.get(url);
  if (origin === undefined) return undefined;
  find(origin);
  if (origin.places.length === 0) return undefined;
  origin.lines ??= new Lines(origin.code.source);
  return { code: origin.code, source: origin.source, lines: origin.lines, places: origin.places };
}

function find(origin: Origin): void {
  const functions = origin.unseen.map((ref) => ref.deref()).filter((fn) => fn !== undefined);
  origin.unseen = [];
  origin.seen += functions.length;
  const byText = functions.length === 0 && origin.places.length === 0 && origin.text === "unsought";
  if ((functions.length === 0 && !byText) || !mayLook()) return;
  looks++;
  try {
    inspect(() => {
      const found = functions.length > 0 ? placesOf(functions, origin) : placesByText(origin);
      for (const place of found) add(origin.places, place);
    });
  } catch {
    // No inspector, or it may not be used: stacks stay as they are.
  }
  if (byText) origin.text = "sought";
}

function add(places: Place[], place: Place): void {
  const isKnown = places.some(({ script, start }) => script.url === place.script.url && start === place.start);
  if (!isKnown && places.length < MOST_PLACES) places.push(place);
}

/** By id; nameless is one that nobody named, as of `new Function`. */
const known = new Lru<string, KnownScript | "nameless">(32);

function placesOf(functions: readonly TaskFunction[], origin: Origin): Place[] {
  const places: Place[] = [];
  for (const fn of functions) {
    const location = locationOf(fn);
    const script = location && knownScript(location.scriptId);
    if (location === undefined || script === undefined) continue;
    const line = location.line - script.line;
    const column = location.column - (line === 0 ? script.column : 0);
    // The inspector tells where the parameters are, for some kinds of functions; the text begins before them.
    const start = script.text.lastIndexOf(origin.source, script.lines.offsetOf(line, column));
    if (start !== -1) places.push({ script, start });
  }
  return places;
}

function knownScript(scriptId: string): KnownScript | undefined {
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

/** For functions that are gone, as an arrow that was written into the call: their text is still in some script. */
function placesByText({ url, source }: Origin): Place[] {
  const places: Place[] = [];
  for (const [scriptId, script] of liveScripts()) {
    // Its own is one that this thread was told to run.
    if (script.url === "" || script.url === url || script.url.startsWith("node:")) continue;
    const text = readText(scriptId) ?? "";
    for (let start = text.indexOf(source); start !== -1; start = text.indexOf(source, start + source.length)) {
      // The end of a longer name, `max => 1` for `x => 1`, is something else.
      if (/[\w$]/.test(source[0] ?? "") && /[\w$.]/.test(text[start - 1] ?? "")) continue;
      const found = knownScript(scriptId);
      if (found !== undefined) places.push({ script: found, start });
    }
    if (places.length >= MOST_PLACES) break;
  }
  return places;
}
