import type { Site } from "./sites.js";
import { type FixedEdit, type UnderstoodClass, type UnderstoodFunction, viteImport, viteMeta } from "./understand.js";

export interface TextChoices {
  /** The function's `name`, which a computed name of a method gave it. */
  readonly name: string;
  /** Free names that live in cells: objects with the value as `v`, so that several functions can share the variable. */
  readonly cells?: ReadonlySet<string>;
}

/** The text of a function as it is sent, and the names that it expects around it besides its free names. */
export interface FunctionText {
  readonly source: string;
  /** `import()` and `import.meta` by the names under which the text uses them. */
  readonly helpers: Readonly<Record<string, "import" | "meta">>;
  /** What each name in a cell became: the text uses `cells.get(name).v`. */
  readonly cells: ReadonlyMap<string, string>;
  /** The name for the `arguments` around it, if it uses them. */
  readonly argumentsSlot: string | undefined;
  /** The name for what a class extends, unless that is nothing or null. */
  readonly superSlot: string | undefined;
  /** The names for the values with which private static fields begin. */
  readonly privateStatics: readonly { readonly name: string; readonly slot: string }[];
  /** What was replaced, in order, to get from places in the new text back to those in the old one. */
  readonly replaced: readonly Replaced[];
}

export interface Replaced {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Makes the text that is sent. Lines stay lines, and where nothing but `import` is replaced, columns stay columns. */
export function functionText(
  understood: UnderstoodFunction | UnderstoodClass,
  source: string,
  choices: TextChoices,
): FunctionText {
  const { edits, free } = understood;
  const names = new FreshNames(source);
  const helpers: Record<string, "import" | "meta"> = {};
  const cells = new Map<string, string>();
  const privateStatics: { name: string; slot: string }[] = [];
  let superSlot: string | undefined;
  let alias: string | undefined;
  let meta: string | undefined;
  if (free.has(viteImport)) helpers[viteImport] = "import";
  if (free.has(viteMeta)) helpers[viteMeta] = "meta";
  const replaced: Edit[] = [];
  for (const edit of edits.fixed) {
    switch (edit.kind) {
      case "import":
        // As long as the word, so that columns in stack traces stay those of the source.
        alias ??= names.make("imp", 3);
        helpers[alias] = "import";
        replaced.push({ ...edit, text: alias });
        break;
      case "meta":
        meta ??= names.make("impmeta", 4);
        helpers[meta] = "meta";
        replaced.push(refilled(edit, source, meta));
        break;
      case "heritage":
        superSlot = names.make("$super");
        replaced.push(refilled(edit, source, ` ${superSlot} `));
        break;
      case "private-static": {
        const slot = names.make("$private");
        privateStatics.push({ name: edit.name, slot });
        const text = edit.start === edit.end ? ` = ${slot}` : slot;
        replaced.push(refilled(edit, source, text), { start: edit.memberEnd, end: edit.memberEnd, text: ";" });
        break;
      }
      case "drop":
        // A semicolon, because the member before may have ended only by what followed.
        replaced.push(refilled(edit, source, ";"));
        break;
      case "computed-key":
        replaced.push(refilled(edit, source, JSON.stringify(choices.name)));
        break;
      case "private-key":
        replaced.push({ ...edit, text: "m".padEnd(edit.end - edit.start) });
        break;
      case "missing":
        replaced.push({ ...edit, text: edit.name });
    }
  }
  for (const name of choices.cells ?? []) {
    const sites = edits.sites.get(name);
    if (sites === undefined) continue;
    const cell = names.make("$cell");
    cells.set(name, cell);
    for (const site of sites) replaced.push(...cellEdits(site, name, `${cell}.v`, source));
  }
  // The word would mean those of whoever makes the function, anew each time. As long, so that columns stay.
  const argumentSites = edits.sites.get("arguments") ?? [];
  const argumentsSlot = argumentSites.length === 0 ? undefined : names.make("args", 5);
  for (const site of argumentSites) replaced.push(...cellEdits(site, "arguments", argumentsSlot as string, source));
  const sorted = ordered(replaced);
  return {
    source: applyEdits(source, sorted),
    helpers,
    cells,
    argumentsSlot,
    superSlot,
    privateStatics,
    replaced: sorted.map(({ start, end, text }) => ({ start, end, text })),
  };
}

interface Edit extends Replaced {
  /** Among edits at one place; the last one, a semicolon, is wanted once. */
  readonly order?: number;
}

function cellEdits(site: Site, name: string, cell: string, source: string): Edit[] {
  const { start, end, as, opensStatement, named } = site;
  switch (as) {
    case "delete":
      return [refilled(site, source, "false")];
    case "call":
      return [{ start, end, text: `${opensStatement ? ";" : ""}(0,${cell})` }];
  }
  const edits: Edit[] = [{ start, end, text: as === "shorthand" ? `${source.slice(start, end)}: ${cell}` : cell }];
  if (named !== undefined) {
    const key = `[${JSON.stringify(name)}]`;
    // Of two that end at one place, the inner one ends first.
    const close = { start: named.end, end: named.end, order: -named.start };
    edits.push({ start: named.start, end: named.start, text: `({${key}:` }, { ...close, text: `})${key}` });
    if (named.endsStatement)
      edits.push({ start: named.end, end: named.end, text: ";", order: Number.POSITIVE_INFINITY });
  }
  return edits;
}

function ordered(edits: readonly Edit[]): Edit[] {
  const rank = ({ order = 0 }: Edit) => order;
  return [...edits]
    .sort((a, b) => a.start - b.start || (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0))
    .filter((edit, i, all) => rank(edit) !== Number.POSITIVE_INFINITY || all[i + 1]?.start !== edit.start);
}

// What stands behind on the last line keeps its column if there is room.
function refilled({ start, end }: Pick<FixedEdit, "start" | "end">, source: string, text: string): Edit {
  const old = source.slice(start, end);
  const breaks = old.match(/\r\n|[\n\r\u2028\u2029]/g) ?? [];
  const last = Math.max(...["\n", "\r", "\u2028", "\u2029"].map((end) => old.lastIndexOf(end)));
  if (last === -1) return { start, end, text: text.padEnd(old.length) };
  return { start, end, text: `${text}${breaks.join("")}${" ".repeat(old.length - last - 1)}` };
}

/** Names that nothing in a text has. */
class FreshNames {
  readonly #taken: string;
  #count = 0;

  constructor(source: string) {
    // A name may be written with escapes.
    const plain = source.replace(/\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))/g, (all, long, short) => {
      const code = Number.parseInt(long ?? short, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    });
    this.#taken = plain === source ? source : `${source}\n${plain}`;
  }

  make(prefix: string, digits = 0): string {
    for (;;) {
      const name = `${prefix}${(this.#count++).toString(36).padStart(digits, "0")}`;
      if (!this.#taken.includes(name)) return name;
    }
  }
}

function applyEdits(source: string, edits: readonly Edit[]): string {
  let text = "";
  let from = 0;
  for (const { start, end, text: replacement } of edits) {
    text += source.slice(from, start) + replacement;
    from = end;
  }
  return text + source.slice(from);
}
