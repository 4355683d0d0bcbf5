import type { Replaced } from "../analysis/function-text.js";
import type { FunctionText } from "../code.js";
import { locationOf } from "../inspect/scopes.js";
import { liveScripts, readText } from "../inspect/scripts.js";
import { inspect } from "../inspect/session.js";
import { Lru } from "../lru.js";
import type { TaskFunction } from "../task.js";
import { textUrl } from "../wrapping.js";
import { Lines } from "./lines.js";
import { knownScript, type Place, startOf } from "./place.js";

/** Functions of one text. */
export interface Located {
  readonly text: FunctionText;
  /** What was replaced in the text as it was found. */
  readonly replaced: readonly Replaced[];
  readonly lines: Lines;
  readonly places: readonly Place[];
}

/** A function whose text is shipped. */
export interface Noted {
  readonly fn: TaskFunction;
  /** Its text where it was written, and what was replaced in it. */
  readonly source: string;
  readonly replaced: readonly Replaced[];
  readonly text: FunctionText;
}

/** What is remembered of a text. */
interface Origin extends Omit<Noted, "fn"> {
  readonly url: string;
  lines: Lines | undefined;
  /** Functions whose place is not known yet: what runs long must not keep alive what a function sees. */
  unseen: WeakRef<TaskFunction>[];
  seen: number;
  readonly places: Place[];
  search: "due" | "done";
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

/** Remembers where a text came from, to name the user's file in stacks. Another function of it may be from elsewhere. */
export function noteOrigin({ fn, source, replaced, text }: Noted): void {
  const url = textUrl(text);
  const known = origins.get(url);
  if (known !== undefined) {
    if (known.unseen.length < MOST_UNSEEN && known.seen < MOST_SEEN) known.unseen.push(new WeakRef(fn));
    return;
  }
  const unseen = [new WeakRef(fn)];
  origins.set(url, { url, text, source, replaced, lines: undefined, unseen, seen: 0, places: [], search: "due" });
}

/** The functions that stacks name by this URL; undefined when they are not known, or not found. Never throws. */
export function locatedAt(url: string): Located | undefined {
  const origin = origins.get(url);
  if (origin === undefined) return undefined;
  find(origin);
  if (origin.places.length === 0) return undefined;
  const { text, replaced, places } = origin;
  origin.lines ??= new Lines(text.source);
  return { text, replaced, lines: origin.lines, places };
}

function find(origin: Origin): void {
  const functions = origin.unseen.map((ref) => ref.deref()).filter((fn) => fn !== undefined);
  origin.unseen = [];
  origin.seen += functions.length;
  const byText = functions.length === 0 && origin.places.length === 0 && origin.search === "due";
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
  if (byText) origin.search = "done";
}

function add(places: Place[], place: Place): void {
  const isKnown = places.some(({ script, start }) => script.url === place.script.url && start === place.start);
  if (!isKnown && places.length < MOST_PLACES) places.push(place);
}

function placesOf(functions: readonly TaskFunction[], origin: Origin): Place[] {
  const places: Place[] = [];
  for (const fn of functions) {
    const location = locationOf(fn);
    const script = location && knownScript(location.scriptId);
    if (location === undefined || script === undefined) continue;
    const start = startOf(origin.source, location, script);
    if (start !== undefined) places.push({ script, start });
  }
  return places;
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
