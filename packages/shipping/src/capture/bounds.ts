import { Refused } from "./refused.js";
import type { View } from "./view.js";

/** So many functions of one package are taken by value: for what a package made, seldom a hundred are needed. */
const MOST_OF_PACKAGE = 1000;
/** So many texts are taken of one file of the program. A program may well make thousands of functions of one text. */
const MOST_OF_FILE = 1000;

/**
 * How much is taken from where. A function that reaches a large part of a library takes the library apart, which takes
 * long and comes to no good: a count is the same everywhere, and tells of it soon.
 */
export class Bounds {
  readonly #counts = new Map<object, number>();
  readonly #members = new Set<unknown>();

  /** Members of a class that a package exports: they are as many as the class has, and lead no further by themselves. */
  allow(members: readonly unknown[]): void {
    for (const member of members) this.#members.add(member);
  }

  /** A function was met. @throws Refused */
  addFunction({ fn, file }: View, path: () => string): void {
    if (file?.owner === undefined || this.#members.has(fn) || this.#count(file.owner) <= MOST_OF_PACKAGE) return;
    const remedy = "Make what reaches it inside the function.";
    throw new Refused(path(), `is one of more than ${MOST_OF_PACKAGE} functions that would travel`, remedy);
  }

  /** A function was met, and its text for the first time. @throws Refused */
  addText({ file }: View, path: () => string): void {
    if (file === undefined || file.owner !== undefined || this.#count(file) <= MOST_OF_FILE) return;
    throw new Refused(
      path(),
      `is one of more than ${MOST_OF_FILE} functions of ${file.path ?? file.script.url} that would travel`,
      "If that is a bundle, leave packages out of it (esbuild --packages=external); if not, have the function import what it uses.",
    );
  }

  #count(from: object): number {
    const count = (this.#counts.get(from) ?? 0) + 1;
    this.#counts.set(from, count);
    return count;
  }
}
