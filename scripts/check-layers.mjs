// Imports run downwards only, and only as far as a package's manifest says; the pure rooms reach for nothing outside.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative, resolve, sep } from "node:path";
import ts from "typescript";
import { packages } from "./packages.mjs";
import { root } from "./pnpm.mjs";

/** @typedef {{ folder: string, path: string, name: string, manifest: Record<string, any> }} Package */

// Rooms without Node: protocol also runs in a browser, and the scheduler is a function of its events.
const pure = new Set(["protocol", "scheduler"]);

// What the compiler cannot forbid in the scheduler, because it belongs to the language (invariant I8).
const impure = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)/, what: "reads the clock" },
  { pattern: /\bMath\.random\b/, what: "is random" },
];

/** @param {string} specifier "@scope/name/path" or "name/path" */
function packageOf(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** @param {string} text */
function withoutComments(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[\s;{}])\/\/.*$/gm, "$1");
}

/** @param {Package} pkg @param {string} file @param {string} specifier @param {Package[]} all */
function importProblem(pkg, file, specifier, all) {
  if (specifier.startsWith(".")) {
    const inside = `${join(pkg.path, "src")}${sep}`;
    return resolve(file, "..", specifier).startsWith(inside) ? undefined : `imports ${specifier}, outside its own src`;
  }
  if (isBuiltin(specifier)) return pure.has(pkg.folder) ? `imports ${specifier}: ${pkg.name} is pure` : undefined;

  const name = packageOf(specifier);
  const own = all.findIndex((other) => other.name === pkg.name);
  const other = all.findIndex((candidate) => candidate.name === name);
  if (other >= own && other !== -1) return `imports ${specifier}: imports run downwards only`;
  // "estree" exists as types only. Whether they may leak to a user, the test of the packed types tells.
  const { dependencies = {}, optionalDependencies = {}, devDependencies = {} } = pkg.manifest;
  if (name in dependencies || name in optionalDependencies || `@types/${name}` in devDependencies) return undefined;
  return `imports ${specifier}, which its package.json does not name`;
}

/**
 * Every import that breaks the layering, as "file:line: what".
 * @param {Package[]} all bottom up
 */
export function layerProblems(all = packages) {
  const problems = [];
  for (const pkg of all) {
    const lower = new Set(all.slice(0, all.indexOf(pkg)).map(({ name }) => name));
    for (const name of Object.keys(pkg.manifest.dependencies ?? {})) {
      const internal = all.some((other) => other.name === name);
      if (internal && !lower.has(name)) problems.push(`${pkg.name}: package.json depends upwards, on ${name}`);
    }

    const src = join(pkg.path, "src");
    if (!existsSync(src)) continue;
    for (const entry of readdirSync(src, { recursive: true, encoding: "utf8" }).sort()) {
      if (!entry.endsWith(".ts")) continue;
      const file = join(src, entry);
      const text = readFileSync(file, "utf8");
      const at = (/** @type {number} */ index) =>
        `${relative(root, file).replaceAll(sep, "/")}:${text.slice(0, index).split("\n").length}`;

      for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
        const problem = importProblem(pkg, file, fileName, all);
        if (problem) problems.push(`${at(pos)}: ${problem}`);
      }
      if (pkg.folder !== "scheduler") continue;
      for (const { pattern, what } of impure) {
        const match = pattern.exec(withoutComments(text));
        if (match) problems.push(`${at(match.index)}: ${match[0]} ${what}; the scheduler is given what it needs (I8)`);
      }
    }
  }
  return problems;
}
