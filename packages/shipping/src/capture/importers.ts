import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** A function that sees a variable of another module, and the name that it has for it. */
export interface Importer {
  readonly view: View;
  readonly local: string;
}

/**
 * The functions that import a module's variable which a function of that module changes: an import is the variable
 * itself, not a copy of its value.
 * @throws Refused where one of them sees it as a member of the module, which does not follow it elsewhere
 */
export function importersOf(writer: View, name: string, views: ReadonlyMap<View, () => string>): Importer[] {
  const { file, offset } = writer;
  if (file?.facts === undefined || file.url === undefined || offset === undefined) return [];
  if (!file.script.isModule || file.facts.bindingAt(name, offset)?.isTop !== true) return [];
  const exported = [...file.facts.exports].filter(([, local]) => local === name).map(([as]) => as);
  const found: Importer[] = [];
  for (const [view, path] of exported.length === 0 ? [] : views) {
    const { understood, file: from, offset: at } = view;
    if (understood.kind === "unreadable" || from?.facts === undefined || at === undefined) continue;
    for (const [local, use] of understood.free) {
      const record = from.facts.imports.get(local);
      if (record === undefined || !isSameFile(record.specifier, from.url, file.url)) continue;
      if (from.facts.bindingAt(local, at)?.isTop !== true) continue;
      if (record.imported !== "*") {
        if (exported.includes(record.imported)) found.push({ view, local });
        continue;
      }
      if (use.members !== "whole" && !exported.some((as) => (use.members as ReadonlySet<string>).has(as))) continue;
      throw new Refused(
        path(),
        `sees the variable "${name}" of ${file.path} as a member of that module, while a function that is captured changes it`,
        `Import it by its name: import { ${exported[0]} } from ${JSON.stringify(record.specifier)}.`,
      );
    }
  }
  return found;
}

/** Loaders find a file without its extension, too. */
function isSameFile(specifier: string, from: string | undefined, wanted: string): boolean {
  if (!/^(?:\.|\/|file:)/.test(specifier) || from === undefined || !URL.canParse(specifier, from)) return false;
  const url = new URL(specifier, from);
  return bare(url.href) === bare(wanted);
}

function bare(url: string): string {
  return url.replace(/[?#].*$/, "").replace(/\.[cm]?[jt]sx?$/, "");
}
