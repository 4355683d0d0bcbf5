import { statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";

// Also finds what only looks like an import, in a string or a comment. That does no harm, because only what is really
// there is taken along, and it reads every dialect: modules and CommonJS, TypeScript and JSX.
const importing =
  /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\(|\brequire\.resolve\s*\(|\bimport\.meta\.resolve\s*\()\s*(?:"([^"\\\n]+)"|'([^'\\\n]+)'|`([^`$\\\n]+)`)/g;

/** The literal specifiers that a module's text imports or requires. */
export function importsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, double, single, template] of text.matchAll(importing))
    found.add((double ?? single ?? template) as string);
  return found;
}

const naming = /\bnew\s+URL\(\s*(?:"([^"\\\n]+)"|'([^'\\\n]+)')\s*,\s*import\.meta\.url\s*\)/g;

/** Files that a module names relative to itself: `new URL("data.json", import.meta.url)`. */
export function filesNamedIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, double, single] of text.matchAll(naming)) found.add((double ?? single) as string);
  return found;
}

/** As an import or a require would find it; TypeScript's `./x.js` may be `./x.ts`. */
export function importedFile(importer: string, specifier: string): string | undefined {
  const exact = resolve(dirname(importer), specifier.replace(/[?#].*$/, ""));
  const bare = exact.slice(0, exact.length - extname(exact).length);
  const candidates = [exact, `${exact}.js`, `${exact}.cjs`, `${exact}.json`, `${exact}/index.js`, `${bare}.ts`];
  return candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
