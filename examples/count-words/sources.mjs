// What is counted: source files found in a folder, in portions that are each worth a trip to a node.
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The packages that this project has installed: some ten thousand lines by many people, on every machine that runs it. */
export const installedPackages = fileURLToPath(new URL("../../node_modules/.pnpm", import.meta.url));

/**
 * @typedef {object} Source
 * @property {string} path absolute, since a node has a working directory of its own
 * @property {number} size in bytes
 */

/**
 * All JavaScript and TypeScript below a folder, in an order that does not depend on the file system. Links are not
 * followed, so that each file counts once.
 * @param {string} folder
 * @returns {Source[]}
 */
export function findSources(folder) {
  return readdirSync(resolve(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path, size: statSync(path).size }));
}

/**
 * Paths in groups of about so many bytes; a larger file is a group of its own.
 * @param {Source[]} sources
 * @param {number} bytes
 * @returns {string[][]}
 */
export function inPortions(sources, bytes) {
  /** @type {string[][]} */
  const portions = [];
  let room = 0;
  for (const { path, size } of sources) {
    if (size > room) {
      portions.push([]);
      room = bytes;
    }
    portions.at(-1)?.push(path);
    room -= size;
  }
  return portions;
}
