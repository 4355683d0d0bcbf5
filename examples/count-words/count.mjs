// The work of this example: what runs on the nodes, and how its results are added up.
import { readFileSync } from "node:fs";

/**
 * How often each identifier stands in the texts: names only, neither reserved words nor what comments and quoted strings
 * say. A rule of thumb, not a parser: what it cannot tell apart (a regular expression with a quote) it may miscount.
 *
 * It uses nothing from outside its body, so it travels to a node as text: no file of this project is needed there.
 * @param {string[]} texts
 * @returns {Map<string, number>}
 */
export function countTexts(texts) {
  const reserved = new Set(
    (
      "await break case catch class const continue debugger default delete do else enum export extends false finally " +
      "for function if implements import in instanceof interface let new null package private protected public return " +
      "static super switch this throw true try typeof var void while with yield"
    ).split(" "),
  );
  const comment = /\/\/.*|\/\*[\s\S]*?\*\//.source;
  const quoted = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/.source;
  const number = /\d[\w.]*/.source;
  const identifier = /([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)/u.source;
  const token = new RegExp([comment, quoted, number, identifier].join("|"), "gu");
  const counts = new Map();
  for (const text of texts) {
    for (const [, name] of text.matchAll(token)) {
      if (name !== undefined && !reserved.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * The same for files that the node reads itself. It uses an import, so it is submitted as `task(url, "countFiles")`.
 * @param {string[]} paths
 */
export function countFiles(paths) {
  return countTexts(paths.map((path) => readFileSync(path, "utf8")));
}

/**
 * Adds counts to a total.
 * @param {Map<string, number>} total
 * @param {Map<string, number>} counts
 */
export function add(total, counts) {
  for (const [name, count] of counts) total.set(name, (total.get(name) ?? 0) + count);
}

/**
 * The most frequent names first; equals in the order of their letters.
 * @param {Map<string, number>} counts
 * @param {number} length
 */
export function top(counts, length) {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, length);
}

/**
 * @param {Map<string, number>} a
 * @param {Map<string, number>} b
 */
export function same(a, b) {
  return a.size === b.size && [...a].every(([name, count]) => b.get(name) === count);
}
