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
